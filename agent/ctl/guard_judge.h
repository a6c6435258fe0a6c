/* SPDX-License-Identifier: MIT */
/*
 * Whether the job of `hostingpictl guard` may run now. Pure: what is known of the machine and the time go
 * in. The time is monotonic and in milliseconds.
 */
#ifndef HOSTINGPI_CTL_GUARD_JUDGE_H
#define HOSTINGPI_CTL_GUARD_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/report.h"

/* What the state file is good for. */
enum guard_source {
	GUARD_FRESH,	/* the agent lives; all else below is valid */
	GUARD_MISSING,	/* there is no file */
	GUARD_STALE,	/* the agent has not written for too long */
	GUARD_UNUSABLE, /* it cannot be read or understood */
	GUARD_DRY_RUN,	/* the agent only plays: nobody is to act on what it says */
};

#define GUARD_WHY_SIZE 512

struct guard_view {
	enum guard_source source;
	char why[GUARD_WHY_SIZE]; /* not fresh: what is wrong and what to do */
	enum control_state state;
	char reason[DECISION_REASON_SIZE]; /* foreign text */
	bool headroom_known, time_to_swap_known;
	int64_t headroom_bytes, time_to_swap_ms;
	int64_t interval_ms; /* between two samples; 0: not said */
};

/* What the caller asked for. */
struct guard_rules {
	int64_t min_headroom_bytes;	   /* 0: the agent's word alone */
	int64_t max_wait_ms, max_pause_ms; /* negative: no limit */
};

enum guard_verdict {
	GUARD_RUN,
	GUARD_HALT,    /* not now: wait, or be suspended */
	GUARD_GIVE_UP, /* it has waited, or was suspended, for too long */
};

struct guard_judge {
	struct guard_rules rules;
	bool begun; /* it runs, or did: now it is suspended rather than waiting */
	bool halted;
	bool looked;	  /* at least once */
	bool fine;	  /* all was well since fine_ms */
	int64_t since_ms; /* waiting, or suspended */
	int64_t fine_ms;
	int64_t excused_ms; /* not suspended before this moment */
	int64_t step_ms;    /* the last look */
};

void guard_judge_init(struct guard_judge *judge, const struct guard_rules *rules, int64_t now_ms);

/* What is to be done now. Once it said GUARD_RUN, GUARD_HALT means to be suspended. */
enum guard_verdict guard_judge_step(struct guard_judge *judge, const struct guard_view *view,
				    int64_t now_ms);

/* Somebody asked the job to end: it must be awake for that, until then. */
void guard_judge_excuse(struct guard_judge *judge, int64_t until_ms);

/* Whether the next look should come soon. */
bool guard_judge_near(const struct guard_judge *judge, const struct guard_view *view);

#endif
