/* SPDX-License-Identifier: MIT */
/* How values follow and forget, whatever the length of a step. Pure. */
#ifndef HOSTINGPI_DECAY_H
#define HOSTINGPI_DECAY_H

#include <stdint.h>

#include "agent/units.h"

/* value after elapsed_ns (>= 0) on its way to target with the time constant tau_ns (> 0). */
static inline int64_t decay_approach(int64_t value, int64_t target, int64_t elapsed_ns,
				     int64_t tau_ns)
{
	/* 1 - exp(-x), taken as x / (1 + x): the same for small x, and never beyond the target. */
	int64_t us = elapsed_ns / NS_PER_US;
	return value + mul_div(target - value, us, us + tau_ns / NS_PER_US);
}

/*
 * Halves the distance of *value to target in half_life_s; what a step is too short for stays in
 * *carry, which starts as 0 and belongs to this value. Steps count for 10 s at most.
 */
static inline void decay_forget(int64_t *value, int64_t *carry, int64_t target, int64_t half_life_s,
				int64_t elapsed_ns)
{
	const int64_t parts = half_life_s * 1000;
	int64_t step_ms = clamp_i64(elapsed_ns / NS_PER_MS, 0, 10000);
	*carry += mul_div(*value - target, step_ms * 693, 1000); /* ln 2 = 0.693 */
	*value -= *carry / parts;
	*carry %= parts;
}

#endif
