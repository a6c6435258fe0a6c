/* SPDX-License-Identifier: MIT */
/*
 * Two exponential means of the same difference: one that is as quick as the noise of the kernel's
 * counters permits, and one for leaks that drown in that noise. A program that takes a lot within a
 * second and then no more is no leak: the slow mean sees at most a little of each moment.
 */
#include "agent/slope.h"

#include "agent/decay.h"
#include "agent/units.h"

/* 1 to 2 s is the range that leads swapping in all recordings. */
#define FAST_TAU_NS (INT64_C(1000) * NS_PER_MS)
#define SLOW_TAU_NS (60 * NS_PER_S)
/* A step of more than this is a pause (stopped process), not a slope; a starved Pi may stall for less. */
#define GAP_NS (60 * NS_PER_S)

void slope_update(struct slope *slope, int64_t bytes, int64_t slow_most_bytes_s, int64_t now_ns)
{
	int64_t elapsed_ns = now_ns - slope->last_ns;

	if (slope->primed && elapsed_ns <= 0)
		return;
	if (slope->primed && elapsed_ns <= GAP_NS) {
		int64_t us = elapsed_ns / NS_PER_US + 1;
		int64_t fall = mul_div(slope->last_bytes - bytes, 1000000, us);
		int64_t slow_fall = clamp_i64(fall, -slow_most_bytes_s, slow_most_bytes_s);
		slope->fast_bytes_s =
			decay_approach(slope->fast_bytes_s, fall, elapsed_ns, FAST_TAU_NS);
		slope->slow_bytes_s =
			decay_approach(slope->slow_bytes_s, slow_fall, elapsed_ns, SLOW_TAU_NS);
	} else {
		slope->fast_bytes_s = 0;
		slope->slow_bytes_s = 0;
	}
	slope->primed = true;
	slope->last_ns = now_ns;
	slope->last_bytes = bytes;
}

int64_t slope_fall_bytes_s(const struct slope *slope)
{
	int64_t larger = slope->fast_bytes_s > slope->slow_bytes_s ? slope->fast_bytes_s
								   : slope->slow_bytes_s;
	return larger > 0 ? larger : 0;
}
