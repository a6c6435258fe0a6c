/* SPDX-License-Identifier: MIT */
/* What the kernel says when something fails: the catalogue, and what each kind of line means to us. */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_TABLE_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* What a line means. */
enum klog_class {
	KLOG_NOTHING, /* a line that means nothing to us */
	KLOG_SD_WRITE_ERROR,
	KLOG_SD_READ_ERROR,
	KLOG_SD_TIMEOUT,
	KLOG_SD_CONTROLLER,
	KLOG_SD_CQE_RECOVERY,
	KLOG_SD_PROTECTED,
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
	KLOG_CGROUP_OOM_KILL,
	KLOG_UNDERVOLTAGE,
	KLOG_UNDERVOLTAGE_END,
	KLOG_HUNG_TASK,
	KLOG_KERNEL_BUG,
	KLOG_KERNEL_PANIC,
	KLOG_NFS_SILENT,
	KLOG_NFS_OK,
	KLOG_LOST, /* no line: records that we did not see */
	KLOG_CLASSES,
};

/* What an incident is about. */
enum klog_topic {
	KLOG_TOPIC_DISK, /* one incident per disk, all layers together */
	KLOG_TOPIC_MEMORY,
	KLOG_TOPIC_SUPPLY,
	KLOG_TOPIC_KERNEL,
	KLOG_TOPIC_NFS,
	KLOG_TOPIC_LOG,
	KLOG_TOPICS,
};

/* Only a worse line than those before it is told at once. */
enum klog_rank {
	KLOG_NOTED,
	KLOG_WARNING,
	KLOG_CRITICAL,
	KLOG_LOSES, /* swap, the file system or the kernel itself is lost */
};

/* What holds for a while after a line. */
enum klog_alarm {
	KLOG_ALARM_NONE,
	KLOG_ALARM_STORAGE,
	KLOG_ALARM_SWAP, /* the same of swap that is not on the root's disk */
	KLOG_ALARM_NFS,	 /* the server of the root is silent */
	KLOG_ALARM_MEMORY,
	KLOG_ALARM_KERNEL,
	KLOG_ALARMS,
};

struct klog_class_info {
	const char *kind;  /* of the event */
	const char *count; /* name of the number of such lines in an event */
	const char *what;  /* a few words for people */
	enum klog_topic topic;
	enum klog_rank rank;
	enum klog_alarm alarm; /* of disks: only where the disk is ours */
	bool final; /* a file system comes back from it by being mounted anew, and no other way */
};

extern const struct klog_class_info klog_classes[KLOG_CLASSES];

/* How a line names its device. */
enum klog_naming {
	KLOG_NAMED_NOT,
	KLOG_NAMED_DISK,    /* '@': mmcblk0, or a partition: mmcblk0p2 */
	KLOG_NAMED_JOURNAL, /* '@': the same with the number of the journal's inode: mmcblk0p2-8 */
	KLOG_NAMED_CARD,    /* the first '#' is the number of an mmc host or disk; none: 0 */
	KLOG_NAMED_NUMBER,  /* '#:#', major and minor, if there are any */
};

/*
 * Lines that the kernel limits in number together. What it left out is said before the next one that
 * it prints, without a device.
 */
enum klog_site {
	KLOG_SITE_NONE,
	KLOG_SITE_BLOCK,
	KLOG_SITE_BUFFER,
	KLOG_SITE_EXT4_ERROR,
	KLOG_SITE_EXT4_WARNING,
	KLOG_SITE_SWAP_READ,
	KLOG_SITE_SWAP_WRITE,
	KLOG_SITES,
};

enum {
	KLOG_ALSO_TIMEOUT = 1, /* counts among the timeouts as well */
	KLOG_SUPPRESSED = 2,   /* the first '#' is how many lines were left out */
	KLOG_ERRORS_ONLY = 4,  /* of level "error" or worse */
};

/*
 * '*' anything, '#' a decimal number, '$' a hexadecimal one with or without 0x, '@' the name of a block
 * device, '?' any one byte, '%' (not behind a '*') letters, blanks and slashes. Everything else stands
 * for itself.
 */
struct klog_pattern {
	const char *text;
	enum klog_class class;
	enum klog_naming naming;
	enum klog_site site;
	unsigned flags;
};

extern const struct klog_pattern klog_patterns[];
extern const size_t klog_pattern_count;

#endif
