/* SPDX-License-Identifier: MIT */
/*
 * What a line means depends on its disk. Failed requests of a disk that is not ours make an incident
 * and nothing else; a swap error is always ours, because whatever it is on, its pages are this Pi's.
 */
#include "collectors/kernel_log_tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/units.h"
#include "collectors/kernel_log_record.h"

/*
 * How long a line counts. Those of a card that is gone come when somebody touches it: a Pi at rest does
 * so each minute. A killed process gave its memory back, and whether that is enough shows in a moment.
 * A root file system that the kernel has given up does not come back before the next boot.
 */
static const int64_t alarm_ns[KLOG_ALARMS] = {
	[KLOG_ALARM_STORAGE] = 60 * NS_PER_S,
	[KLOG_ALARM_SWAP] = 60 * NS_PER_S,
	/* Until it says that the server is back, or the word of that was lost. */
	[KLOG_ALARM_NFS] = 600 * NS_PER_S,
	[KLOG_ALARM_MEMORY] = 10 * NS_PER_S,
	[KLOG_ALARM_KERNEL] = 60 * NS_PER_S,
};

static void count_match(struct klog_tally *tally, enum klog_class class, int64_t count,
			bool also_timeout, bool below_root)
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
		if (rows[i].request && below_root)
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

static bool is_swap(enum klog_site site)
{
	return site == KLOG_SITE_SWAP_READ || site == KLOG_SITE_SWAP_WRITE;
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
		site = (struct klog_site_memory){.storage = true,
						 .class = match->class,
						 .place = {"swap", .ours = true,
							   .below_root = true}};
	else
		site.storage = klog_disks_place(&tally->disks, match, &site.place);
	if (match->site != KLOG_SITE_NONE && !match->suppressed)
		*memory = site;
	*ret_site = site;
}

/*
 * What was left out is said just before the line that says of which disk. Until the first of those it is
 * nobody's; only swap is always ours. Returns true if there is nothing else to do.
 */
static bool hold_back(struct klog_tally *tally, struct klog_match *match)
{
	if (match->site == KLOG_SITE_NONE || is_swap(match->site))
		return false;
	if (match->suppressed && !tally->sites[match->site].known) {
		tally->held[match->site] += match->count;
		return true;
	}
	if (!match->suppressed) {
		match->count += tally->held[match->site];
		tally->held[match->site] = 0;
	}
	return false;
}

/* The lines about a silent NFS server name it, and only that of the root matters. */
static bool names_root_server(const struct klog_tally *tally, const char *text)
{
	static const char before[] = "nfs: server ";
	const char *server = tally->disks.nfs_server;
	size_t length = strlen(server);

	return length > 0 && strncmp(text, before, sizeof(before) - 1) == 0 &&
	       strncmp(text + sizeof(before) - 1, server, length) == 0 &&
	       text[sizeof(before) - 1 + length] == ' ';
}

static void raise_alarm(struct klog_tally *tally, const struct klog_site_memory *site,
			const char *text, int64_t now_ns)
{
	const struct klog_class_info *info = &klog_classes[site->class];
	enum klog_alarm alarm = info->alarm;
	bool swap = site->class == KLOG_SWAP_READ_ERROR || site->class == KLOG_SWAP_WRITE_ERROR;

	if (site->class == KLOG_NFS_OK && names_root_server(tally, text))
		tally->alarm_until_ns[KLOG_ALARM_NFS] = 0;
	if (alarm == KLOG_ALARM_NONE ||
	    (alarm == KLOG_ALARM_NFS && !names_root_server(tally, text)))
		return;
	if (swap && !site->place.below_root)
		alarm = KLOG_ALARM_SWAP;
	bool for_good = info->final && site->place.root;
	int64_t until_ns = for_good ? INT64_MAX : now_ns + alarm_ns[alarm];
	if (until_ns > tally->alarm_until_ns[alarm])
		tally->alarm_until_ns[alarm] = until_ns;
}

static bool take_line(struct klog_tally *tally, const struct klog_record *record, int64_t now_ns)
{
	struct klog_match match;
	if (!klog_classify(record->text, record->level, &match) || match.count == 0 ||
	    hold_back(tally, &match))
		return false;

	struct klog_site_memory site = {.storage = true, .class = match.class};
	site.place.ours = site.place.below_root = true;
	if (klog_classes[match.class].topic == KLOG_TOPIC_DISK || match.site != KLOG_SITE_NONE)
		find_site(tally, &match, &site);
	if (!site.storage || site.class == KLOG_NOTHING)
		return false;
	if (site.place.ours) {
		count_match(tally, site.class, match.count, match.timeout, site.place.below_root);
		raise_alarm(tally, &site, record->text, now_ns);
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
