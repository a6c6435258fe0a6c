/* SPDX-License-Identifier: MIT */
/* When to sample within the interval, so that a rack of Pis does not publish in the same moment. */
#ifndef HOSTINGPI_PHASE_H
#define HOSTINGPI_PHASE_H

#include <stdint.h>

/*
 * From now to the next sample of the agent with this id, 1..interval_ns: samples are due when the wall
 * clock, counted in intervals, stands at the fraction that belongs to the id. wall_ms: unix
 * milliseconds; interval_ns: whole milliseconds, at least one.
 */
int64_t phase_wait_ns(const char *id, int64_t interval_ns, int64_t wall_ms);

#endif
