/* SPDX-License-Identifier: MIT */
/*
 * The course of some readings over the last hour and the last day, for people: least, mean and most of
 * each step (mean of the sampling passes in it), in memory of a fixed size. Pure: time comes in. Which readings are kept their modules say
 * (metric.course); of a counter with a rate_name the rate is kept, in thousandths.
 */
#ifndef HOSTINGPI_HISTORY_H
#define HOSTINGPI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/metric.h"
#include "agent/state.h"

enum history_span {
	HISTORY_HOUR, /* 360 steps of 10 s */
	HISTORY_DAY,  /* 288 steps of 5 minutes */
	HISTORY_SPANS,
};

/* The names of enum history_span, null-terminated. */
extern const char *const history_span_words[];

/* 12: more curves than a person looks at. */
#define HISTORY_SERIES 12

/* Values in the unit of the metric (of a rate: thousandths of it per second). */
struct history_point {
	int64_t least, mean, most;
};

struct history; /* opaque */

/* Chooses the series from the state's metrics. NULL without memory. */
struct history *history_new(const struct state *state);
void history_free(struct history *history);
/*
 * Takes the present readings; once per sampling pass. A step in which a reading was never known is a gap.
 * now_ns is monotonic.
 */
void history_take(struct history *history, const struct state *state, int64_t now_ns);

size_t history_count(const struct history *history);
/* The metric of a series, 0..count-1. *ret_rate: its rate is what is kept. */
const struct metric *history_metric(const struct history *history, size_t series, bool *ret_rate);
/* The series of this name ("mem.headroom_bytes", "web.requests_s"). */
bool history_find(const struct history *history, const char *name, size_t *ret_series);
int64_t history_step_ns(enum history_span span);
size_t history_steps(enum history_span span);
/*
 * The point of the step `ago` steps before the one that is running at now_ns (0: that one itself). Numbers
 * above 2047 are within a 2048th. False: nothing was known then.
 */
bool history_get(const struct history *history, size_t series, enum history_span span, size_t ago,
		 int64_t now_ns, struct history_point *ret_point);

#endif
