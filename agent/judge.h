/* SPDX-License-Identifier: MIT */
/*
 * State -> pressure -> controller in one call, the same for the daemon, --once and --replay: what is
 * replayed is exactly what runs.
 */
#ifndef HOSTINGPI_JUDGE_H
#define HOSTINGPI_JUDGE_H

#include "agent/controller.h"
#include "agent/health.h"
#include "agent/pressure.h"
#include "agent/settings.h"
#include "agent/state.h"

/* Zeroed is a valid start. */
struct judge {
	struct pressure pressure;
	struct controller controller;
	struct verdict verdict;	  /* the latest */
	struct decision decision; /* the latest */
	struct health health;	  /* of the storage */
	bool health_news;	  /* in the latest step: somebody must be told of it */
	int64_t total_bytes;	  /* memory of this machine; 0: not known yet */
	int64_t resumed_bytes;	  /* of the one on which an earlier life learned, */
	bool resumed;		  /* if it did, until the first sample */
	/* Those who were seen before they had to be counted anew, for a while. */
	int64_t balancers_least, balancers_until_ns;
};

struct judge_input {
	enum control_request request;
	const char *request_reason;
	int64_t now_ns;
	int64_t wall_ms;
	uint32_t entropy;
};

/* Returns true when the state is another one than before. */
bool judge_readings(struct judge *judge, const struct settings *settings,
		    const struct readings *readings, const struct judge_input *input);
/*
 * There were that many load balancers, and who counts them begins anew (a restart, a reload): until all had
 * time to ask again there are no fewer, else each of them would get a part of the cap that is too large.
 */
void judge_keep_balancers(struct judge *judge, int64_t balancers, int64_t now_ns);
/* The same with the readings of now. */
bool judge_step(struct judge *judge, const struct settings *settings, const struct state *state,
		const struct judge_input *input);

#endif
