/* SPDX-License-Identifier: MIT */
/*
 * A ring of steps for each series and span. The running step is summed up in full width; when it is over
 * it becomes a point of three numbers of 16 bits each, so that 12 series take 47 KiB: a number is a sign,
 * 5 bits of exponent and 11 significant ones of which the first is not stored, whatever its unit. Up to
 * 2047 it is exact, beyond that within a 2048th of itself (32 KiB of 64 MiB, 0.03 degrees of 60), and from
 * 2047 * 2^30 (2.2e12: two terabytes, or two gigabytes a second in thousandths) it stays at that. A larger
 * number never has a smaller code, so that least <= mean <= most holds for what is stored as well.
 *
 * Steps are counted from the start of the monotonic clock; a step in which nobody came is a gap, and so is
 * what a long pause left out. A clock that goes backwards, which it does not, adds to the running step.
 */
#include "agent/history_self.h"

#include <stdlib.h>
#include <string.h>

#include "agent/units.h"

const char *const history_span_words[] = {
	[HISTORY_HOUR] = "hour",
	[HISTORY_DAY] = "day",
	NULL,
};

static const struct {
	int64_t step_ns;
	size_t steps;
} spans[HISTORY_SPANS] = {
	[HISTORY_HOUR] = {10 * NS_PER_S, 360},
	[HISTORY_DAY] = {300 * NS_PER_S, 288},
};

static packed pack(int64_t value)
{
	int64_t magnitude = clamp_i64(value < 0 ? -value : value, 0, NUMBER_MOST);
	unsigned shift = 0;

	while (magnitude >> shift > 2047)
		shift++;
	/* To the nearest; a carry goes into the exponent, where it belongs. */
	int64_t half = shift > 0 ? INT64_C(1) << (shift - 1) : 0;
	uint64_t code =
		((uint64_t)shift << FRACTION_BITS) + (uint64_t)((magnitude + half) >> shift);
	return (packed)(value < 0 && code > 0 ? code : code | POSITIVE);
}

int64_t history_unpack(packed stored)
{
	unsigned code = stored & (POSITIVE - 1);
	int64_t value = code;

	if (code >= 2u << FRACTION_BITS) {
		unsigned shift = (code >> FRACTION_BITS) - 1;
		value = (int64_t)(code - (shift << FRACTION_BITS)) << shift;
	}
	return stored & POSITIVE ? value : -value;
}

/* What has a mean. */
static bool is_number(enum metric_unit unit)
{
	return unit != UNIT_BOOL && unit != UNIT_WORD && unit != UNIT_TEXT;
}

static size_t choose(struct history *history, const struct state *state)
{
	size_t count = 0;

	for (unsigned i = 0; i < state_count(state) && count < HISTORY_SERIES; i++) {
		unsigned slot = state_ordered(state, i);
		const struct metric *metric = state_metric(state, slot);

		if (!metric->course || !is_number(metric->unit))
			continue;
		history->series[count++] = (struct series){
			.slot = slot,
			.rate = metric->rate_name != NULL,
			.metric = metric,
		};
	}
	return count;
}

struct history *history_new(const struct state *state)
{
	struct history *history = calloc(1, sizeof(*history) + HISTORY_SERIES * STEPS_OF_ALL *
								       sizeof(history->points[0]));

	if (!history)
		return NULL;
	history->count = choose(history, state);
	struct point *at = history->points;
	for (size_t i = 0; i < history->count; i++) {
		for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
			history->series[i].points[span] = at;
			at += spans[span].steps;
		}
	}
	return history;
}

void history_free(struct history *history)
{
	free(history);
}

static struct point close_step(struct running *running)
{
	struct point point = {GAP, GAP, GAP};

	if (running->count > 0)
		point = (struct point){
			.least = pack(running->least),
			.mean = pack(running->sum / running->count),
			.most = pack(running->most),
		};
	*running = (struct running){0};
	return point;
}

/* Goes on to the step of now; those between had nobody. */
static void advance(struct history *history, enum history_span span, int64_t number)
{
	int64_t steps = (int64_t)spans[span].steps, before = history->number[span];

	for (size_t i = 0; i < history->count; i++) {
		struct series *series = &history->series[i];

		series->points[span][before % steps] = close_step(&series->running[span]);
		for (int64_t n = 1; n < number - before && n <= steps; n++)
			series->points[span][(before + n) % steps] = (struct point){GAP, GAP, GAP};
	}
	history->number[span] = number;
}

int64_t history_number(enum history_span span, int64_t now_ns)
{
	return now_ns > 0 ? now_ns / spans[span].step_ns : 0;
}

static void add(struct running *running, int64_t value)
{
	/* What is stored does not go beyond; so no sum of a step's readings overflows either. */
	value = clamp_i64(value, -NUMBER_MOST, NUMBER_MOST);
	if (running->count == 0 || value < running->least)
		running->least = value;
	if (running->count == 0 || value > running->most)
		running->most = value;
	if (__builtin_add_overflow(running->sum, value, &running->sum))
		running->sum = value < 0 ? INT64_MIN : INT64_MAX;
	running->count++;
}

void history_take(struct history *history, const struct state *state, int64_t now_ns)
{
	for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
		int64_t number = history_number(span, now_ns);

		if (!history->started)
			history->number[span] = number;
		else if (number > history->number[span])
			advance(history, span, number);
	}
	history->started = true;

	for (size_t i = 0; i < history->count; i++) {
		struct series *series = &history->series[i];
		const char *reason;
		int64_t value;
		int r = series->rate
				? state_rate_milli(state, series->slot, now_ns, &value, &reason)
				: state_value(state, series->slot, now_ns, &value, &reason);

		for (enum history_span span = 0; r == 0 && span < HISTORY_SPANS; span++)
			add(&series->running[span], value);
	}
}

size_t history_count(const struct history *history)
{
	return history->count;
}

const struct metric *history_metric(const struct history *history, size_t series, bool *ret_rate)
{
	*ret_rate = history->series[series].rate;
	return history->series[series].metric;
}

bool history_find(const struct history *history, const char *name, size_t *ret_series)
{
	for (size_t i = 0; i < history->count; i++) {
		const struct series *series = &history->series[i];
		const char *group = series->metric->group;
		size_t length = strlen(group);

		if (strncmp(name, group, length) == 0 && name[length] == '.' &&
		    strcmp(name + length + 1,
			   series->rate ? series->metric->rate_name : series->metric->name) == 0) {
			*ret_series = i;
			return true;
		}
	}
	return false;
}

int64_t history_step_ns(enum history_span span)
{
	return spans[span].step_ns;
}

size_t history_steps(enum history_span span)
{
	return spans[span].steps;
}

/* The running step is told with the numbers that it would be stored with. */
static struct point running_point(struct running running)
{
	return close_step(&running);
}

bool history_get(const struct history *history, size_t series, enum history_span span, size_t ago,
		 int64_t now_ns, struct history_point *ret_point)
{
	size_t steps = spans[span].steps;

	if (!history->started || series >= history->count || ago >= steps)
		return false;
	const struct series *from = &history->series[series];
	/* How far before the running step; the present one may be later than that. */
	int64_t back = history->number[span] - history_number(span, now_ns) + (int64_t)ago;
	if (back < 0 || back >= (int64_t)steps || back > history->number[span])
		return false;

	struct point point =
		back == 0 ? running_point(from->running[span])
			  : from->points[span][(history->number[span] - back) % (int64_t)steps];
	if (point.mean == GAP)
		return false;
	*ret_point = (struct history_point){
		.least = history_unpack(point.least),
		.mean = history_unpack(point.mean),
		.most = history_unpack(point.most),
	};
	return true;
}
