/* SPDX-License-Identifier: MIT */
/*
 * A clock at its limit is lowered and raised every few seconds, and so is a weak supply's voltage. An
 * episode therefore ends only when a minute went by without it. While the firmware tells nothing,
 * nothing begins or ends. Under-voltage lowers the clock, too: that is one fault, told once.
 */
#include "collectors/firmware_events.h"

#include <stdio.h>

#define CALM_NS (60 * NS_PER_S)
/*
 * A Pi 5 reads about 4.9 V behind the protection of its input with a healthy supply of 5.1 V and
 * counts as under-voltage at 4.63 V (Raspberry Pi documentation; PierreGode/Ragnar#315).
 */
#define SUPPLY_ALARM_MV 4700
#define SUPPLY_WARN_MV 4800
#define SUPPLY_FINE_MV 4850

enum change {
	CHANGE_NONE,
	CHANGE_RISEN, /* begun, or worse than before */
	CHANGE_ENDED,
};

static enum change episode_take(struct firmware_episode *episode, int level, int64_t now_ns)
{
	bool risen = level > episode->level;

	if (risen && episode->level == 0)
		episode->since_ns = now_ns;
	if (level > 0)
		episode->last_ns = now_ns;
	if (risen) {
		episode->level = level;
		return CHANGE_RISEN;
	}
	if (episode->level == 0 || now_ns - episode->last_ns < CALM_NS)
		return CHANGE_NONE;
	episode->level = 0;
	return CHANGE_ENDED;
}

static int64_t lasted_s(const struct firmware_episode *episode)
{
	return (episode->last_ns - episode->since_ns) / NS_PER_S;
}

static void take_undervoltage(struct firmware_events *events, bool low, int64_t now_ns,
			      struct batch *batch)
{
	enum change change = episode_take(&events->undervoltage, low, now_ns);

	if (change == CHANGE_RISEN && events->tell_undervoltage)
		batch_event(batch, "undervoltage", SEVERITY_WARNING,
			    "Supply too weak: the firmware sees under-voltage");
	if (change == CHANGE_ENDED && events->tell_undervoltage)
		batch_event(batch, "undervoltage-end", SEVERITY_INFO,
			    "Supply is back: no under-voltage for a minute");
}

static void take_throttled(struct firmware_events *events, uint32_t bits, int64_t now_ns,
			   struct batch *batch)
{
	bool capped = bits & FIRMWARE_FREQ_CAPPED, throttled = bits & FIRMWARE_THROTTLED;
	struct event *event;

	switch (episode_take(&events->throttled, capped || throttled, now_ns)) {
	case CHANGE_RISEN:
		event = batch_event(batch, "throttled", SEVERITY_WARNING,
				    "The firmware lowers the clock (%s): the SoC is too hot",
				    throttled ? "throttled" : "frequency capped");
		event_put(event, "bits", bits);
		break;
	case CHANGE_ENDED:
		event = batch_event(batch, "throttled-end", SEVERITY_INFO,
				    "The clock is not lowered any more, it was for %lld s",
				    (long long)lasted_s(&events->throttled));
		event_put(event, "seconds", lasted_s(&events->throttled));
		break;
	case CHANGE_NONE:
		break;
	}
}

/* How bad the voltage is: 2 is an alarm. Between the lines what was bad stays so. */
static int supply_level(const struct firmware_events *events, int64_t mv)
{
	if (mv < SUPPLY_ALARM_MV)
		return 2;
	return mv < SUPPLY_WARN_MV || (mv < SUPPLY_FINE_MV && events->supply.level > 0);
}

static void take_supply(struct firmware_events *events, int64_t mv, int64_t now_ns,
			struct batch *batch)
{
	struct event *event;

	if (events->supply.level == 0 || mv < events->lowest_mv)
		events->lowest_mv = mv;
	switch (episode_take(&events->supply, supply_level(events, mv), now_ns)) {
	case CHANGE_RISEN:
		event = batch_event(batch, "supply-low",
				    events->supply.level > 1 ? SEVERITY_CRITICAL : SEVERITY_WARNING,
				    "The supply gives %lld.%02lld V, a healthy one about 4.9 V; "
				    "look at the power supply and its cable",
				    (long long)(mv / 1000), (long long)(mv % 1000 / 10));
		event_put(event, "millivolts", mv);
		break;
	case CHANGE_ENDED:
		event = batch_event(
			batch, "supply-low-end", SEVERITY_INFO,
			"The supply is back at %lld.%02lld V, the lowest was %lld.%02lld V",
			(long long)(mv / 1000), (long long)(mv % 1000 / 10),
			(long long)(events->lowest_mv / 1000),
			(long long)(events->lowest_mv % 1000 / 10));
		event_put(event, "lowest_millivolts", events->lowest_mv);
		event_put(event, "seconds", lasted_s(&events->supply));
		break;
	case CHANGE_NONE:
		break;
	}
}

void firmware_events_board(const struct firmware_board *board, struct batch *batch)
{
	const uint32_t faults = FIRMWARE_RESET_OVER_VOLTAGE | FIRMWARE_RESET_UNDER_VOLTAGE |
				FIRMWARE_RESET_OVER_TEMPERATURE | FIRMWARE_RESET_WATCHDOG;
	char text[FIRMWARE_RESET_SIZE];

	if (!board->reset_known || !(board->reset & faults) || !board->booted_just_now)
		return;
	firmware_reset_text(board->reset, text);
	event_put(batch_event(batch, "reset", SEVERITY_WARNING,
			      "The power chip had reset this machine before it booted: %s", text),
		  "bits", board->reset);
}

void firmware_events_take(struct firmware_events *events, const struct firmware_facts *facts,
			  int64_t now_ns, struct batch *batch)
{
	if (facts->bits_known) {
		take_undervoltage(events, facts->bits & FIRMWARE_UNDERVOLTAGE, now_ns, batch);
		if (events->undervoltage.level == 0)
			take_throttled(events, facts->bits, now_ns, batch);
	}
	if (facts->rails_known)
		take_supply(events, facts->rails.supply_mv, now_ns, batch);
}
