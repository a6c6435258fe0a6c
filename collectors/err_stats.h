/* SPDX-License-Identifier: MIT */
/* What the host controller of a card counts in debugfs: errors that a retry repaired included. */
#ifndef HOSTINGPI_COLLECTORS_ERR_STATS_H
#define HOSTINGPI_COLLECTORS_ERR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err_stats {
	int fd; /* negative: not open */
	bool known;
	int64_t sum;	/* as the kernel counts */
	int64_t errors; /* since it was opened */
	int64_t next_ns;
	char reason[160]; /* why it is not known */
};

/*
 * Opens the counters of a disk's host (mmcblk0: sys/kernel/debug/mmc0/err_stats), for reading: a
 * write would reset them. Without success the reason says what to do.
 */
void err_stats_open(struct err_stats *stats, int root_fd, const char *device);
void err_stats_close(struct err_stats *stats);

/* Brings errors up to date; the file itself is read at a slow pace. */
void err_stats_read(struct err_stats *stats, int64_t now_ns);

/*
 * Lines "# Command Timeout Occurred:<tab> 3". Returns 0 and their sum, or -EINVAL. Pure, for tests
 * and fuzzing.
 */
int err_stats_parse(const char *text, int64_t *ret_sum);

#endif
