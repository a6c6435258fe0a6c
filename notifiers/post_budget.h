/* SPDX-License-Identifier: MIT */
/*
 * How many messages may go out: a token bucket that fills evenly over the day, and a gap between two
 * messages. In any 24 hours no more than max_per_day begin. Pure: time is a parameter (monotonic).
 */
#ifndef HOSTINGPI_POST_BUDGET_H
#define HOSTINGPI_POST_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct post_budget {
	int64_t token_ns; /* time in which one token is added */
	int64_t burst;	  /* tokens that the bucket holds */
	int64_t reserve;  /* of these for what must not wait */
	int64_t gap_ns;
	int64_t credit_ns; /* what is in it, in the time that it took to come in */
	int64_t stamp_ns;  /* up to when that is counted */
	int64_t last_ns;   /* when the last message went out; only with gone */
	bool gone;	   /* one went out */
};

/* Makes a full bucket; max_per_day is at least 1. */
void post_budget_init(struct post_budget *budget, int64_t max_per_day, int64_t gap_ns,
		      int64_t now_ns);
/*
 * Takes over what an earlier life of this agent left (credit_ns, stamp_ns, gone, last_ns). Stamps of the
 * future count as now.
 */
void post_budget_restore(struct post_budget *budget, const struct post_budget *kept,
			 int64_t now_ns);

/*
 * From when on a message may begin: now_ns if it may now. reserve: it may have the last tokens. paid:
 * its token was taken before, only the gap counts.
 */
int64_t post_budget_when(struct post_budget *budget, bool reserve, bool paid, int64_t now_ns);
/* Takes the token of a message that begins. */
void post_budget_take(struct post_budget *budget, int64_t now_ns);
/* A message went out, or may have: the gap begins. */
void post_budget_gone(struct post_budget *budget, int64_t now_ns);

#endif
