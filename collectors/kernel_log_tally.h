/* SPDX-License-Identifier: MIT */
/*
 * Records of the kernel log in, counters, alarms and incidents out. Pure: time comes in, nothing is
 * opened or allocated, and memory is bounded however much the kernel says.
 */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_TALLY_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_TALLY_H

#include "collectors/kernel_log_disks.h"
#include "collectors/kernel_log_incident.h"

/* Since the start, suppressed records included. Those of disks are about ours only. */
enum klog_counter {
	KLOG_COUNT_SD_WRITE,
	KLOG_COUNT_SD_READ,
	KLOG_COUNT_SD_TIMEOUT,
	KLOG_COUNT_SD_CONTROLLER,
	KLOG_COUNT_SD_CQE,
	KLOG_COUNT_SWAP_READ,
	KLOG_COUNT_SWAP_WRITE,
	KLOG_COUNT_STORAGE, /* records about failed requests: of the first three, each once */
	KLOG_COUNT_LOST,    /* records that we did not see */
	KLOG_COUNTERS,
};

/* What the last line of a site was about: that is what was left out after it, most likely. */
struct klog_site_memory {
	bool known;
	bool storage; /* false: about nothing that counts */
	enum klog_class class;
	struct klog_place place;
};

/* Zeroed is a valid start, with no disk of ours. */
struct klog_tally {
	struct klog_disks disks;
	int64_t counters[KLOG_COUNTERS];
	int64_t alarm_until_ns[KLOG_ALARMS];
	struct klog_site_memory sites[KLOG_SITES];
	int64_t held[KLOG_SITES]; /* left out before the first line that says of which disk */
	struct klog_incidents incidents;

	bool has_gaps; /* a copy of a log, in which missing numbers are no loss */
	bool sequence_known, overrun;
	uint64_t next_sequence; /* of the record that should come next */
	bool resuming;		/* records before that one were counted in an earlier life */
	uint64_t newest;	/* while resuming: one behind the newest record there is */
};

/* Goes on where an earlier life of the agent stopped: next is the first record that it did not see. */
void klog_tally_resume(struct klog_tally *tally, uint64_t next);
/*
 * All that was in the log has been read. False if the log does not even reach to where it should have gone
 * on: that number was of another log, and all that comes from now on counts.
 */
bool klog_tally_caught_up(struct klog_tally *tally);

/*
 * Takes one record, as read() of /dev/kmsg returns it. Returns true if there is something to tell at
 * once, false if it was nothing or is only counted.
 */
bool klog_tally_record(struct klog_tally *tally, const char *record, size_t length, int64_t now_ns);
/* The kernel overwrote records before we read them; how many shows with the next record. */
void klog_tally_overrun(struct klog_tally *tally);
/* A record was skipped because it did not fit into the buffer. Returns as klog_tally_record(). */
bool klog_tally_too_long(struct klog_tally *tally, int64_t now_ns);

/* True from a record that says so for as long as its alarm lasts (kernel_log_tally.c). */
bool klog_tally_alarm(const struct klog_tally *tally, enum klog_alarm alarm, int64_t now_ns);

#endif
