/* SPDX-License-Identifier: MIT */
/*
 * What a line means depends on its disk. Failed requests of a disk that is not ours make an incident
 * and nothing else; a swap error is always ours, because whatever it is on, its pages are this Pi's.
 */
#include "collectors/kernel_log_tally.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/units.h"
#include "collectors/kernel_log_record.h"

/*
 * How long a line counts. Those of a card that is gone come when somebody touches it: a Pi at rest does
 * so each minute. A killed process gave its memory back, and whether that is enough shows in a moment.
 * A root file system that the kernel has given up does not come back before the next boot.
 */
static const int64_t alarm_ns[KLOG_ALARMS] = {
	[KLOG_ALARM_STORAGE] = 60 * NS_PER_S,
	[KLOG_ALARM_MEMORY] = 10 * NS_PER_S,
	[KLOG_ALARM_KERNEL] = 60 * NS_PER_S,
};

static void count_match(struct klog_tally *tally, enum klog_class class, int64_t count,
			bool also_timeout)
{
	static const struct {
		enum klog_class class;
		enum klog_counter counter;
		bool request; /* a failed request */
	} rows[] = {
		{KLOG_SD_WRITE_ERROR, KLOG_COUNT_SD_WRITE, true},
		{KLOG_SD_READ_ERROR, KLOG_COUNT_SD_READ, true},
		{KLOG_SD_TIMEOUT, KLOG_COUNT_SD_TIMEOUT, true},
		{KLOG_SD_CONTROLLER, KLOG_COUNT_SD_CONTROLLER, false},
		{KLOG_SD_CQE_RECOVERY, KLOG_COUNT_SD_CQE, false},
		{KLOG_SWAP_READ_ERROR, KLOG_COUNT_SWAP_READ, false},
		{KLOG_SWAP_WRITE_ERROR, KLOG_COUNT_SWAP_WRITE, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].class != class)
			continue;
		tally->counters[rows[i].counter] += count;
		if (rows[i].request)
			tally->counters[KLOG_COUNT_STORAGE] += count;
	}
	if (also_timeout)
		tally->counters[KLOG_COUNT_SD_TIMEOUT] += count;
}

/* Counts records that were not seen; says so in words of the caller. */
static bool add_lost(struct klog_tally *tally, uint64_t lost, const char *quote, int64_t now_ns)
{
	int64_t count = lost > INT32_MAX ? INT32_MAX : (int64_t)lost;
	tally->counters[KLOG_COUNT_LOST] += count;
	return klog_incidents_add(&tally->incidents, KLOG_LOST, count, NULL, quote, now_ns);
}

/* Follows the sequence numbers, which all facilities share. */
static bool check_sequence(struct klog_tally *tally, uint64_t sequence, int64_t now_ns)
{
	bool news = false;
	char quote[KLOG_QUOTE_SIZE];

	if (tally->overrun && !tally->sequence_known) {
		news = add_lost(tally, 1, "at least 1 record came too fast", now_ns);
	} else if (tally->sequence_known && sequence > tally->next_sequence &&
		   (tally->overrun || !tally->has_gaps)) {
		uint64_t lost = sequence - tally->next_sequence;
		snprintf(quote, sizeof(quote), "%" PRIu64 " records came too fast", lost);
		news = add_lost(tally, lost, quote, now_ns);
	}
	tally->overrun = false;
	tally->sequence_known = true;
	tally->next_sequence = sequence + 1;
	return news;
}

/* Where no line says which disk was meant: the first of ours. */
static void guess_site(const struct klog_tally *tally, const struct klog_match *match,
		       struct klog_site_memory *site)
{
	bool swap = match->site == KLOG_SITE_SWAP_READ || match->site == KLOG_SITE_SWAP_WRITE;
	const char *disk = swap ? "swap" : tally->disks.own_count ? tally->disks.own[0] : "disk";
	site->storage = true;
	site->place.ours = true;
	snprintf(site->place.disk, sizeof(site->place.disk), "%s", disk);
}

/*
 * What the line is about, in *ret_site; only for disks. Lines that are limited in number are remembered
 * for what will be left out after them.
 */
static void find_site(struct klog_tally *tally, const struct klog_match *match,
		      struct klog_site_memory *ret_site)
{
	struct klog_site_memory *memory = &tally->sites[match->site];
	struct klog_site_memory site = {.known = true, .class = match->class};
	if (match->suppressed && memory->known)
		site = *memory;
	else if (match->suppressed)
		guess_site(tally, match, &site);
	else
		site.storage = klog_disks_place(&tally->disks, match, &site.place);
	if (match->site != KLOG_SITE_NONE && !match->suppressed)
		*memory = site;
	*ret_site = site;
}

static bool take_line(struct klog_tally *tally, const struct klog_record *record, int64_t now_ns)
{
	struct klog_match match;
	if (!klog_classify(record->text, record->level, &match) || match.count == 0)
		return false;

	struct klog_site_memory site = {.storage = true, .class = match.class};
	site.place.ours = true;
	if (klog_classes[match.class].topic == KLOG_TOPIC_DISK || match.site != KLOG_SITE_NONE)
		find_site(tally, &match, &site);
	if (!site.storage || site.class == KLOG_NOTHING)
		return false;
	if (site.place.ours) {
		enum klog_alarm alarm = klog_classes[site.class].alarm;
		count_match(tally, site.class, match.count, match.timeout);
		bool for_good = klog_classes[site.class].final && site.place.root;
		int64_t until_ns = for_good ? INT64_MAX : now_ns + alarm_ns[alarm];
		if (alarm != KLOG_ALARM_NONE && until_ns > tally->alarm_until_ns[alarm])
			tally->alarm_until_ns[alarm] = until_ns;
	}
	return klog_incidents_add(&tally->incidents, site.class, match.count, &site.place,
				  record->text, now_ns);
}

void klog_tally_resume(struct klog_tally *tally, uint64_t next)
{
	tally->sequence_known = tally->resuming = true;
	tally->next_sequence = next;
}

bool klog_tally_caught_up(struct klog_tally *tally)
{
	bool reached = !tally->resuming || tally->newest >= tally->next_sequence;
	if (!reached)
		tally->next_sequence = tally->newest;
	tally->sequence_known &= reached || tally->newest > 0;
	tally->resuming = false;
	return reached;
}

bool klog_tally_record(struct klog_tally *tally, const char *record, size_t length, int64_t now_ns)
{
	struct klog_record parsed;
	if (klog_parse(record, length, &parsed) < 0)
		return false;
	if (tally->resuming) {
		tally->newest = parsed.sequence + 1;
		if (parsed.sequence < tally->next_sequence)
			return false;
		tally->resuming = false;
	}

	bool news = check_sequence(tally, parsed.sequence, now_ns);
	/* Everything else was written by user space, whatever it looks like. */
	return (parsed.facility == 0 && take_line(tally, &parsed, now_ns)) || news;
}

void klog_tally_overrun(struct klog_tally *tally)
{
	/* On the way to where to go on, the numbers alone tell. */
	tally->overrun = !tally->resuming;
}

bool klog_tally_too_long(struct klog_tally *tally, int64_t now_ns)
{
	if (tally->resuming)
		return false; /* if it is new, its number will be missing */
	if (tally->sequence_known)
		tally->next_sequence++;
	return add_lost(tally, 1, "a record was longer than 8 KiB", now_ns);
}

bool klog_tally_alarm(const struct klog_tally *tally, enum klog_alarm alarm, int64_t now_ns)
{
	return now_ns < tally->alarm_until_ns[alarm];
}
