/* SPDX-License-Identifier: MIT */
/*
 * Turns verdicts into one decision: weight and maxconn from one budget, down at once, up slowly,
 * never to zero by itself. Pure: time and randomness come in. The whole behaviour stands in one
 * table, state x event.
 */
#ifndef HOSTINGPI_CONTROLLER_H
#define HOSTINGPI_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/capacity.h"
#include "agent/pressure.h"
#include "agent/report.h"

enum fleet {
	FLEET_PIS_ONLY, /* all back ends are Pis: never leave by ourselves */
	FLEET_MIXED,	/* big servers behind us: at the hard level this server may fail */
};

struct controller_conf {
	int64_t cap;	      /* concurrent requests that mean 100 %; 0: learned */
	int64_t blind_weight; /* percent while blind */
	int fleet;	      /* enum fleet */
};

enum control_event {
	EVENT_AMPLE,  /* all of the nominal capacity is there */
	EVENT_RISING, /* less than nominal, but more than is given out now */
	EVENT_TIGHT,  /* less than is given out now */
	EVENT_HARD,   /* swap is near, or storage or the kernel fails */
	EVENT_LOST,   /* inputs are stale */
	EVENT_DRAIN,  /* operator */
	EVENT_READY,  /* operator */
	CONTROL_EVENTS,
};

/* The next state for every state and event. */
extern const enum control_state control_table[CONTROL_STATES][CONTROL_EVENTS];

/* What the operator asked for since the last step. */
enum control_request {
	REQUEST_NONE,
	REQUEST_DRAIN,
	REQUEST_READY,
};

/* Zeroed is a valid start. */
struct controller {
	enum control_state state;
	int64_t since_ms;
	struct capacity capacity;
	int64_t arrived_ns;    /* since when the way back goes no further */
	int64_t safe_since_ns; /* conditions to leave the hard level hold since; 0: they do not */
	char hard_reason[DECISION_REASON_SIZE];
	char hold_reason[DECISION_REASON_SIZE]; /* the operator's words, or empty */
	uint32_t undrain;			/* see struct decision */
	int64_t undrain_until_ns;		/* -1: begins with the next step */
};

struct control_input {
	const struct verdict *verdict;
	enum control_request request;
	const char *request_reason; /* printable ASCII without '#'; NULL or empty: none given */
	int64_t balancers;	    /* >= 1 */
	int64_t now_ns;
	int64_t wall_ms;
	uint32_t entropy;
};

/* An operator said "ready" to an earlier life of this agent; not every balancer may have heard it. */
void controller_resume_undrain(struct controller *controller);

/* Makes the decision for now. *ret_changed tells that the state is another one than before. */
void controller_step(struct controller *controller, const struct controller_conf *conf,
		     const struct control_input *input, struct decision *ret_decision,
		     bool *ret_changed);

/*
 * How soon to look again: 1 s when calm (or interval_ns, if samples are published more often than
 * that), 500 ms below the reserve, 250 ms when time to swap is below a minute, 100 ms where both is
 * true and below the inner reserve. (Design 3 says 100 ms below the reserve. With a reserve of 30 %
 * that would be all day on many a Pi.)
 */
int64_t controller_next_ns(const struct decision *decision, const struct verdict *verdict,
			   int64_t interval_ns);

#endif
