/* SPDX-License-Identifier: MIT */
/* What history.c and history_image.c share. */
#ifndef HOSTINGPI_HISTORY_SELF_H
#define HOSTINGPI_HISTORY_SELF_H

#include "agent/history.h"

#define STEPS_OF_ALL (360 + 288)

/* 0 is a gap: fresh memory is nothing but gaps, and costs nothing before it is written. */
typedef uint16_t packed;

#define GAP 0
#define FRACTION_BITS 10
#define SHIFT_MOST 30
#define NUMBER_MOST (INT64_C(2047) << SHIFT_MOST)
/* Of what is at least zero, so that zero is not a gap. */
#define POSITIVE 0x8000u

struct point {
	packed least, mean, most;
};

struct running {
	int64_t least, most, sum;
	int64_t count;
};

struct series {
	unsigned slot; /* of the state */
	bool rate;
	const struct metric *metric;
	struct running running[HISTORY_SPANS];
	struct point *points[HISTORY_SPANS];
};

struct history {
	bool started;
	int64_t number[HISTORY_SPANS]; /* of the running step */
	size_t count;
	struct series series[HISTORY_SERIES];
	struct point points[];
};

int64_t history_unpack(packed stored);
/* Which step of a span a time belongs to. */
int64_t history_number(enum history_span span, int64_t now_ns);

#endif
