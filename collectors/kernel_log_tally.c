/* SPDX-License-Identifier: MIT */
/*
 * A card that dies writes hundreds of lines a second and the kernel leaves out thousands. People want
 * to hear of it once, at once, and then how bad it was. So there is one incident per class, a fixed
 * array, and nothing is ever dropped for want of room: what cannot be told yet is counted.
 */
#include "collectors/kernel_log_tally.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/units.h"

/* The block layer leaves lines out for 5 s at a time; a shorter window would split one burst. */
#define INCIDENT_NS (5 * NS_PER_S)
/* Lines of a card that is gone come when somebody touches it: a Pi at rest does so each minute. */
#define FAILING_NS (60 * NS_PER_S)

/* Returns true if this began an incident. */
static bool incident_add(struct klog_tally *tally, enum klog_class class, int64_t count,
			 const char *quote, int64_t now_ns)
{
	struct klog_incident *incident = &tally->incidents[class];
	if (incident->open) {
		incident->more += count;
		return false;
	}
	*incident = (struct klog_incident){
		.open = true,
		.since_ns = now_ns,
		.order = tally->order++,
		.first = count,
	};
	text_copy(incident->quote, sizeof(incident->quote), quote);
	return true;
}

static void count_match(struct klog_tally *tally, const struct klog_match *match)
{
	switch (match->class) {
	case KLOG_SD_WRITE_ERROR:
		tally->counters[KLOG_COUNT_SD_WRITE] += match->count;
		break;
	case KLOG_SD_READ_ERROR:
		tally->counters[KLOG_COUNT_SD_READ] += match->count;
		break;
	case KLOG_SD_TIMEOUT:
		tally->counters[KLOG_COUNT_SD_TIMEOUT] += match->count;
		break;
	case KLOG_SWAP_READ_ERROR:
		tally->counters[KLOG_COUNT_SWAP_READ] += match->count;
		break;
	case KLOG_SWAP_WRITE_ERROR:
		tally->counters[KLOG_COUNT_SWAP_WRITE] += match->count;
		break;
	default: /* the other classes make events only */
		break;
	}
	if (match->timeout)
		tally->counters[KLOG_COUNT_SD_TIMEOUT] += match->count;
}

/* Follows the sequence numbers, which all facilities share. */
static bool check_sequence(struct klog_tally *tally, uint64_t sequence, int64_t now_ns)
{
	bool begun = false;
	if (tally->overrun) {
		bool known = tally->sequence_known && sequence > tally->next_sequence;
		uint64_t lost = known ? sequence - tally->next_sequence : 1;
		char quote[KLOG_QUOTE_SIZE];
		snprintf(quote, sizeof(quote), "%s%" PRIu64 " records came too fast",
			 known ? "" : "at least ", lost);
		if (lost > INT32_MAX)
			lost = INT32_MAX;
		begun = incident_add(tally, KLOG_LOST, (int64_t)lost, quote, now_ns);
	}
	tally->overrun = false;
	tally->sequence_known = true;
	tally->next_sequence = sequence + 1;
	return begun;
}

bool klog_tally_record(struct klog_tally *tally, const char *record, size_t length, int64_t now_ns)
{
	struct klog_record parsed;
	if (klog_parse(record, length, &parsed) < 0)
		return false;

	bool begun = check_sequence(tally, parsed.sequence, now_ns);
	/* Everything else was written by user space, whatever it looks like. */
	if (parsed.facility != 0)
		return begun;

	struct klog_match match;
	if (!klog_classify(&tally->context, parsed.text, &match))
		return begun;
	count_match(tally, &match);
	if (klog_classes[match.class].storage_failing)
		tally->failing_until_ns = now_ns + FAILING_NS;
	return incident_add(tally, match.class, match.count, parsed.text, now_ns) || begun;
}

void klog_tally_overrun(struct klog_tally *tally)
{
	tally->overrun = true;
}

bool klog_tally_too_long(struct klog_tally *tally, int64_t now_ns)
{
	tally->next_sequence++;
	return incident_add(tally, KLOG_LOST, 1, "a record was longer than 8 KiB", now_ns);
}

bool klog_tally_failing(const struct klog_tally *tally, int64_t now_ns)
{
	return now_ns < tally->failing_until_ns;
}

/* The oldest incident that nobody heard of yet; KLOG_CLASSES if there is none. */
static size_t oldest_untold(const struct klog_tally *tally)
{
	size_t oldest = KLOG_CLASSES;
	for (size_t i = 0; i < KLOG_CLASSES; i++) {
		const struct klog_incident *incident = &tally->incidents[i];
		if (incident->open && !incident->told &&
		    (oldest == KLOG_CLASSES || incident->order < tally->incidents[oldest].order))
			oldest = i;
	}
	return oldest;
}

static void tell_first(struct klog_incident *incident, const struct klog_class_info *info,
		       struct batch *batch)
{
	struct event *event = batch_event(batch, info->kind, info->severity, "%s: %s", info->what,
					  incident->quote);
	event_put(event, "records", incident->first);
	incident->told = true;
}

/* Ends an incident that lasted long enough, with an event if there was more than its first line. */
static bool close_incident(struct klog_incident *incident, const struct klog_class_info *info,
			   int64_t now_ns, struct batch *batch)
{
	int64_t elapsed_ns = now_ns - incident->since_ns;
	if (!incident->open || !incident->told || elapsed_ns < INCIDENT_NS)
		return true;
	if (incident->more > 0) {
		if (batch->event_count == BATCH_EVENTS)
			return false;
		struct event *event =
			batch_event(batch, info->kind, info->severity, "%s: %lld more in %lld s",
				    info->kind, (long long)incident->more,
				    (long long)((elapsed_ns + NS_PER_S / 2) / NS_PER_S));
		event_put(event, "records", incident->more);
	}
	*incident = (struct klog_incident){0};
	return true;
}

bool klog_tally_events(struct klog_tally *tally, int64_t now_ns, struct batch *batch)
{
	for (size_t i; (i = oldest_untold(tally)) < KLOG_CLASSES;) {
		if (batch->event_count == BATCH_EVENTS)
			return true;
		tell_first(&tally->incidents[i], &klog_classes[i], batch);
	}

	bool all = true;
	for (size_t i = 0; i < KLOG_CLASSES; i++)
		all &= close_incident(&tally->incidents[i], &klog_classes[i], now_ns, batch);
	return !all;
}
