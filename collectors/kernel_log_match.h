/* SPDX-License-Identifier: MIT */
/* What a record of the kernel log says: pure functions of its bytes, no state but the caller's. */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_MATCH_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sample.h"

/*
 * 512: the fixed parts of every pattern stand in the first 200 bytes of a line; what follows is only
 * told to people, who get less than that in an event.
 */
#define KLOG_TEXT_SIZE 512
#define KLOG_DEVICE_SIZE 32

struct klog_record {
	uint64_t sequence;
	unsigned facility; /* 0: the kernel itself; user space cannot write that */
	unsigned level;
	char text[KLOG_TEXT_SIZE]; /* without escapes, control characters become blanks */
};

/*
 * Parses "prefix,sequence,microseconds,flags[,...];text", up to a line end if there is one: the lines
 * after it are continuation lines. Returns 0 or -EINVAL.
 */
int klog_parse(const char *record, size_t length, struct klog_record *ret_record);

/* One kind of incident. */
enum klog_class {
	KLOG_NOTHING, /* a line that means nothing to us */
	KLOG_SD_WRITE_ERROR,
	KLOG_SD_READ_ERROR,
	KLOG_SD_TIMEOUT,
	KLOG_SD_CONTROLLER,
	KLOG_SD_REMOVED,
	KLOG_SD_INSERTED,
	KLOG_SD_RECOVERY_FAILED,
	KLOG_BUFFER_ERROR,
	KLOG_FS_DATA_LOST,
	KLOG_FS_ERROR,
	KLOG_FS_JOURNAL_ABORT,
	KLOG_FS_READ_ONLY,
	KLOG_SWAP_READ_ERROR,
	KLOG_SWAP_WRITE_ERROR,
	KLOG_OOM_KILL,
	KLOG_UNDERVOLTAGE,
	KLOG_UNDERVOLTAGE_END,
	KLOG_KERNEL_BUG,
	KLOG_LOST, /* no line: records that we did not see */
	KLOG_CLASSES,
};

struct klog_class_info {
	const char *kind; /* of the event */
	const char *what; /* a few words for people */
	enum severity severity;
	bool storage_failing; /* swap or the root file system is lost: the hard level */
};

extern const struct klog_class_info klog_classes[KLOG_CLASSES];

/* What the matcher must remember or know from elsewhere. Zeroed is a valid start. */
struct klog_context {
	/*
	 * Bit per mmc host that carries a disk; 0: not known, all count. On a Pi the radio chip is
	 * an mmc card as well, and it is "removed" whenever its driver is loaded anew.
	 */
	uint32_t mmc_hosts;
	/* What the last "error, dev" line was; KLOG_NOTHING if about a device that is not ours. */
	enum klog_class last_block;
	bool had_block;
};

struct klog_match {
	enum klog_class class;
	bool timeout;		       /* counts among the timeouts as well */
	int64_t count;		       /* 1, or how many lines the kernel says it did not print */
	char device[KLOG_DEVICE_SIZE]; /* empty where the line names none */
};

/* Says what a line means: true and the match, or false if it means nothing to us. */
bool klog_classify(struct klog_context *context, const char *text, struct klog_match *ret_match);

/* False for devices that are no storage of ours: loop, ram, zram, sr, fd. */
bool klog_device_counts(const char *device);

#endif
