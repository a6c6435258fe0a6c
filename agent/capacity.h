/* SPDX-License-Identifier: MIT */
/*
 * How many concurrent requests this machine is given, how many it could be given at best, and how
 * many it needs. Capacities are thousandths of a request, so that a slow rise is not lost to
 * rounding. Pure.
 */
#ifndef HOSTINGPI_CAPACITY_H
#define HOSTINGPI_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/pressure.h"

/* Zeroed is a valid start. */
struct capacity {
	bool started;
	int64_t last_ns;
	int64_t given_milli;   /* given out now */
	int64_t target_milli;  /* what the budget allows, at most nominal */
	int64_t nominal_milli; /* the most there is in calm */
	int64_t need_milli; /* what the site uses at its usual peaks: with that, weight is 100 % */
	int64_t rise_after_ns; /* no increase before */
	bool learned;	       /* nominal_milli was seen in calm, or set by the operator */
	int64_t forget_carry;  /* what forgetting did not take yet, in parts of a milli */
	int64_t need_carry;
	int64_t cap; /* what nominal_milli was learned for */
	int64_t worker_bytes;
};

/* Takes over what an earlier life of this agent had learned, for workers of that size. */
void capacity_resume(struct capacity *capacity, int64_t nominal_milli, int64_t need_milli,
		     int64_t worker_bytes);

/*
 * Brings target, nominal and what is given out up to date: down at once, up slowly. cap is the
 * operator's, 0: learn it. Returns what was given out before.
 */
int64_t capacity_update(struct capacity *capacity, int64_t cap, const struct verdict *verdict,
			int64_t now_ns, uint32_t entropy);

/* Where the way back begins after the hard level or an operator's hold. */
int64_t capacity_bottom_milli(const struct capacity *capacity);

/* What is given out in whole percent of the need, 0..100. */
int64_t capacity_pct(const struct capacity *capacity);

/* What is given out in whole requests, in at most 50 steps, >= 1. */
int capacity_requests(int64_t milli, int64_t nominal_milli);

#endif
