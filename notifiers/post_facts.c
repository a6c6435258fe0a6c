/* SPDX-License-Identifier: MIT */
/*
 * Readings are found by their role or by the name that they have in the documents, once: the core does
 * not add any later.
 *
 * Requests of the day are the sum of what their counter rose by, and only where its rate is known: after a
 * restart of the web server, or when another status page was found, the core has no rate for one interval,
 * and the counter is another one.
 */
#include "notifiers/post_facts.h"

#include <string.h>

#include "agent/state.h"

static void find(struct post_facts *facts, const struct state *state)
{
	facts->found = true;
	facts->headroom = facts->temp = facts->requests = -1;
	for (unsigned slot = 0; slot < state_count(state); slot++) {
		const struct metric *metric = state_metric(state, slot);
		const char *name = metric->name ? metric->name : "";

		if (metric->role == ROLE_SOC_TEMP)
			facts->temp = (int)slot;
		else if (strcmp(metric->group, "mem") == 0 && strcmp(name, "headroom_bytes") == 0)
			facts->headroom = (int)slot;
		else if (strcmp(metric->group, "web") == 0 && strcmp(name, "requests_total") == 0)
			facts->requests = (int)slot;
	}
}

static struct post_number value_of(const struct snapshot *snapshot, int slot)
{
	struct post_number number = {0};
	const char *reason;

	number.known = slot >= 0 && state_value(snapshot->state, (unsigned)slot, snapshot->now_ns,
						&number.value, &reason) == 0;
	return number;
}

static void count_requests(struct post_facts *facts, const struct snapshot *snapshot)
{
	struct post_number total = value_of(snapshot, facts->requests);
	struct post_number rate = {0};
	const char *reason;

	rate.known = facts->requests >= 0 &&
		     state_rate_milli(snapshot->state, (unsigned)facts->requests, snapshot->now_ns,
				      &rate.value, &reason) == 0;
	facts->requests_milli = rate;
	if (total.known && rate.known && facts->counted.known &&
	    total.value >= facts->counted.value) {
		facts->day.requests.value += total.value - facts->counted.value;
		facts->day.requests.known = true;
	}
	facts->counted = total;
	facts->counted.known = total.known && rate.known;
}

void post_facts_look(struct post_facts *facts, const struct snapshot *snapshot)
{
	facts->failing = launch_forbidden(&facts->launch, snapshot);
}

void post_facts_sample(struct post_facts *facts, const struct snapshot *snapshot)
{
	struct post_day *day = &facts->day;

	if (!facts->found)
		find(facts, snapshot->state);
	post_facts_look(facts, snapshot);
	facts->headroom_bytes = value_of(snapshot, facts->headroom);
	facts->temp_milli = value_of(snapshot, facts->temp);
	if (facts->temp_milli.known &&
	    (!day->temp_max.known || facts->temp_milli.value > day->temp_max.value))
		day->temp_max = facts->temp_milli;
	if (facts->headroom_bytes.known &&
	    (!day->headroom_min.known || facts->headroom_bytes.value < day->headroom_min.value))
		day->headroom_min = facts->headroom_bytes;
	count_requests(facts, snapshot);
}
