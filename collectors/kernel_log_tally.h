/* SPDX-License-Identifier: MIT */
/*
 * Records of the kernel log in, counters and incidents out. Pure: time comes in, nothing is opened or
 * allocated, and memory is bounded however much the kernel says.
 */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_TALLY_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_TALLY_H

#include "collectors/kernel_log_match.h"

/* An event has room for 191 bytes, a few of them for what it is about. */
#define KLOG_QUOTE_SIZE 160

enum klog_counter {
	KLOG_COUNT_SD_WRITE,
	KLOG_COUNT_SD_READ,
	KLOG_COUNT_SD_TIMEOUT,
	KLOG_COUNT_SWAP_READ,
	KLOG_COUNT_SWAP_WRITE,
	KLOG_COUNTERS,
};

/*
 * One incident, not hundreds: the first line of a class makes an event, later ones are counted until
 * the incident is closed with a second event that tells how many there were.
 */
struct klog_incident {
	bool open;
	bool told; /* the first event was handed in */
	int64_t since_ns;
	uint64_t order; /* of its beginning among all incidents */
	int64_t first;	/* records that the first line stands for */
	int64_t more;
	char quote[KLOG_QUOTE_SIZE];
};

/* Zeroed is a valid start. */
struct klog_tally {
	struct klog_context context;
	int64_t counters[KLOG_COUNTERS]; /* since the start, suppressed lines included */
	int64_t failing_until_ns;	 /* storage counts as failing before; 0: never was */
	struct klog_incident incidents[KLOG_CLASSES];
	uint64_t order;
	bool sequence_known, overrun;
	uint64_t next_sequence;
};

/*
 * Takes one record, as read() of /dev/kmsg returns it. Returns true if there is something to tell at
 * once, false if it was nothing or is only counted.
 */
bool klog_tally_record(struct klog_tally *tally, const char *record, size_t length, int64_t now_ns);
/* The kernel overwrote records before we read them; how many shows with the next record. */
void klog_tally_overrun(struct klog_tally *tally);
/* A record was skipped because it did not fit into the buffer. Returns as klog_tally_record(). */
bool klog_tally_too_long(struct klog_tally *tally, int64_t now_ns);

/* True from a record that says that storage is lost until 60 s after the last such record. */
bool klog_tally_failing(const struct klog_tally *tally, int64_t now_ns);

/* Hands in events as far as the batch has room. Returns true if some had to stay behind. */
bool klog_tally_events(struct klog_tally *tally, int64_t now_ns, struct batch *batch);

#endif
