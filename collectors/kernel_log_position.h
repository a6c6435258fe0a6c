/* SPDX-License-Identifier: MIT */
/*
 * How far the log was read, in RUN_DIR/kernel_log: a restart of the agent goes on there, so that what was
 * logged meanwhile counts and nothing counts twice. A reboot begins anew.
 */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_POSITION_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"

/* A UUID: 36 bytes. */
#define KLOG_BOOT_ID_SIZE 40

struct klog_position {
	int fd; /* negative: nothing is kept */
	char boot_id[KLOG_BOOT_ID_SIZE];
	bool known; /* the file has a position */
	uint64_t next;
	int64_t due_ns; /* not before */
	bool pinned;	/* the file's page stays in memory, as far as possible */
	void *page;
};

enum {
	KLOG_POSITION_NONE = 1, /* empty, or of another boot */
};

/* Parses the file. 0 and the number of the first record that was not read; KLOG_POSITION_NONE; -EINVAL. */
int klog_position_parse(const char *text, size_t length, const char *boot_id, uint64_t *ret_next);

/* Opens or makes the file. True if there is a position of this boot to go on from. */
bool klog_position_open(struct klog_position *position, const struct env *env, uint64_t *ret_next);
/* Keeps a position if it is another one, at most once a second. One write to a tmpfs. */
void klog_position_keep(struct klog_position *position, uint64_t next, int64_t now_ns);
void klog_position_close(struct klog_position *position);

#endif
