/* SPDX-License-Identifier: MIT */
/* A series of the history as a plot needs it: columns, what is remarkable in it, and a scale. */
#ifndef HOSTINGPI_PAGE_COURSE_H
#define HOSTINGPI_PAGE_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/history.h"

/* 120: a third of the pixels of a phone, a quarter of those of half a screen; 30 s of an hour each. */
#define COURSE_COLUMNS 120

struct course {
	size_t count; /* columns; the last one is now */
	bool known[COURSE_COLUMNS];
	struct history_point points[COURSE_COLUMNS];
	size_t unknown; /* steps, of all */
	size_t steps;
	/* The rest is valid where any step is known. */
	bool any;
	int64_t least, most;
	size_t least_ago, most_ago; /* in steps; the last time */
};

void course_take(const struct history *history, size_t series, enum history_span span,
		 int64_t now_ns, struct course *ret_course);

/* Lines at low, low + step, ... and the last one at or below high. */
struct scale {
	int64_t low, high, step;
};

/*
 * Around least..most with two to six lines; low and high lie on lines. Steps are 1, 2 and 5 times powers
 * of ten, or with byte > 0 byte times powers of two. least <= most.
 */
struct scale scale_choose(int64_t least, int64_t most, int64_t byte);
/* Where a value stands, 0 (low) .. size (high); what is outside stands at the edge. */
int64_t scale_at(const struct scale *scale, int64_t value, int64_t size);

#endif
