/* SPDX-License-Identifier: MIT */
/*
 * What posting remembers over a restart of the agent, beside the messages: the budget, the story that is
 * told, and the figures of the day. In RUN_DIR/outbox/memory: it does not outlive the boot, so that
 * monotonic times stay valid.
 */
#ifndef HOSTINGPI_POST_MEMORY_H
#define HOSTINGPI_POST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define POST_MEMORY_NAME "memory"
/* 23 names of at most 16 and numbers of at most 20 characters. */
#define POST_MEMORY_SIZE 1024

/* Whole numbers only, so that one table describes all of it. */
struct post_memory {
	int64_t credit_ns, stamp_ns, gone, last_ns;	       /* struct post_budget */
	int64_t posted, duplicates, rejected, dropped, unsure; /* counters */
	int64_t daily_day;				       /* of the last daily summary */
	int64_t start_waits, open, told, began_ns, quiet_ns, shed_ns; /* struct post_story */
	int64_t day_since_ns;					      /* struct post_day */
	int64_t requests_known, requests, temp_known, temp, headroom_known, headroom;
};

/* Returns 0, or -EINVAL if it is not exactly what post_memory_format() writes. */
int post_memory_parse(const char *text, struct post_memory *ret_memory);
/* Returns the length. */
size_t post_memory_format(const struct post_memory *memory, char text[static POST_MEMORY_SIZE]);

#endif
