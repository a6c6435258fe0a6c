/* SPDX-License-Identifier: MIT */
/*
 * "2 NOMINAL_MILLI NEED_MILLI WORKER_BYTES MARGIN_BYTES WALL_MS TOTAL_BYTES"; the first number is the
 * format. TOTAL_BYTES is the memory of the machine: a card may wake up in another one.
 */
#include "agent/learned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/procfs.h"
#include "agent/units.h"

#define LEARNED_FORMAT 2
#define LEARNED_NUMBERS 7
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* After that many half-lives nothing is left. */
#define DAYS_MOST 40

void learned_take(const struct judge *judge, int64_t wall_ms, struct learned *ret_learned)
{
	const struct capacity *capacity = &judge->controller.capacity;
	struct learned learned = {
		.margin_bytes = judge->pressure.margin.bytes,
		.wall_ms = wall_ms,
		/* Before the first sample it is all of the earlier life, and of its machine. */
		.total_bytes = judge->resumed ? judge->resumed_bytes : judge->total_bytes,
	};
	if (capacity->learned && capacity->cap == 0) {
		learned.nominal_milli = capacity->nominal_milli;
		learned.need_milli = capacity->need_milli;
		learned.worker_bytes = capacity->worker_bytes;
	}
	*ret_learned = learned;
}

void learned_give(const struct learned *learned, int64_t wall_ms, struct judge *judge)
{
	int64_t days = clamp_i64((wall_ms - learned->wall_ms) / DAY_MS, 0, DAYS_MOST);
	margin_resume(&judge->pressure.margin, learned->margin_bytes >> days);
	if (learned->nominal_milli > 0 && learned->worker_bytes > 0)
		capacity_resume(&judge->controller.capacity, learned->nominal_milli,
				learned->need_milli, learned->worker_bytes);
	judge->resumed_bytes = learned->total_bytes;
	judge->resumed = true;
}

static bool differs(int64_t a, int64_t b)
{
	int64_t change = a > b ? a - b : b - a;
	return change > (a > b ? a : b) / 20;
}

void learned_check(struct judge *judge, int64_t total_bytes)
{
	judge->total_bytes = total_bytes;
	if (judge->resumed && differs(judge->resumed_bytes, total_bytes)) {
		judge->pressure.margin = (struct margin){0};
		judge->controller.capacity = (struct capacity){0};
	}
	judge->resumed = false;
}

bool learned_differs(const struct learned *a, const struct learned *b)
{
	return differs(mul_div(a->nominal_milli, a->worker_bytes, 1),
		       mul_div(b->nominal_milli, b->worker_bytes, 1)) ||
	       differs(mul_div(a->need_milli, a->worker_bytes, 1),
		       mul_div(b->need_milli, b->worker_bytes, 1)) ||
	       differs(a->margin_bytes, b->margin_bytes);
}

void learned_format(const struct learned *learned, char text[LEARNED_TEXT_SIZE])
{
	snprintf(text, LEARNED_TEXT_SIZE,
		 "%d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
		 LEARNED_FORMAT, learned->nominal_milli, learned->need_milli, learned->worker_bytes,
		 learned->margin_bytes, learned->wall_ms, learned->total_bytes);
}

int learned_parse(const char *text, struct learned *ret_learned)
{
	int64_t number[LEARNED_NUMBERS];
	for (size_t i = 0; i < LEARNED_NUMBERS; i++) {
		if (procfs_number(text, &text, &number[i]) < 0)
			return -EINVAL;
		if (*text++ != (i + 1 < LEARNED_NUMBERS ? ' ' : '\0'))
			return -EINVAL;
	}
	if (number[0] != LEARNED_FORMAT)
		return -EINVAL;
	*ret_learned = (struct learned){
		.nominal_milli = number[1],
		.need_milli = number[2],
		.worker_bytes = number[3],
		.margin_bytes = number[4],
		.wall_ms = number[5],
		.total_bytes = number[6],
	};
	return 0;
}
