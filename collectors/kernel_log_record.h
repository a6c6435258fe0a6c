/* SPDX-License-Identifier: MIT */
/* The frame of one record of /dev/kmsg: a pure function of its bytes. */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_RECORD_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_RECORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * 512: the fixed parts of every pattern stand in the first 200 bytes of a line; what follows is only
 * told to people, who get less than that in an event.
 */
#define KLOG_TEXT_SIZE 512

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

#endif
