/* SPDX-License-Identifier: MIT */
/* What is told to notifiers. One decision is one value; every notifier renders that one value. */
#ifndef HOSTINGPI_REPORT_H
#define HOSTINGPI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/metric.h"
#include "agent/sample.h"
#include "agent/overview.h"

enum control_state {
	CONTROL_NORMAL,	 /* everything fits */
	CONTROL_SHED,	 /* the budget shrinks: less traffic, please */
	CONTROL_RECOVER, /* coming back, slowly */
	CONTROL_HARD,	 /* swap is near, storage or the kernel fails: as little as possible */
	CONTROL_HOLD,	 /* an operator drained this Pi */
	CONTROL_BLIND,	 /* our own inputs are stale */
	CONTROL_STATES,
};

/* The names of enum control_state, null-terminated. */
extern const char *const control_state_words[];

#define DECISION_REASON_SIZE 64

struct decision {
	enum control_state state;
	char reason[DECISION_REASON_SIZE]; /* a few words, printable ASCII, no '#' */
	int weight_pct;			   /* 1..100 */
	int maxconn;			   /* >= 1, for each balancer */
	int capacity;  /* >= 1, concurrent requests for all balancers together */
	int nominal;   /* the capacity in calm, and what is told on leaving */
	int need;      /* the capacity with which the weight is 100 % */
	int balancers; /* >= 1, what the capacity was divided by */
	bool drain;    /* operator's hold: tell balancers to drain */
	/*
	 * Another number after each operator's "ready", for 5 minutes; 0: none was said. What an
	 * earlier life of this agent told the balancers is not known: all of them must hear it.
	 */
	uint32_t undrain;
	bool maxconn_known; /* false: nothing was learned yet, the balancer's own cap must stay */
	bool nominal_known; /* false: nominal is a guess */
	bool fail;	    /* tell balancers that this server is out (fleet = mixed) */
	bool headroom_known;
	int64_t headroom_bytes;	 /* may be negative: below the reserve of the kernel */
	bool time_to_swap_known; /* false: headroom is not falling */
	int64_t time_to_swap_ms;
	int64_t since_ms;      /* wall clock of the last change of state, unix milliseconds */
	int64_t hold_until_ms; /* when the operator's hold ends by itself; 0: it does not */
};

struct state;

/* All readings at one moment. */
struct snapshot {
	int64_t ts_ms;	     /* wall clock, unix milliseconds */
	int64_t now_ns;	     /* monotonic, to tell stale from fresh */
	uint64_t seq;	     /* counts up from 1 since the agent's start */
	int64_t interval_ms; /* to the next one */
	const struct state *state;
};

/* Slow facts, at the start and when one has changed. All strings outlive the agent's notifiers. */
struct about {
	const char *id;
	const char *model;	 /* board; NULL: unknown */
	const char *serial_hash; /* of the board's serial number; NULL: it has none */
	const char *firmware;	 /* NULL: unknown */
	const char *kernel;	 /* release; NULL: unknown */
	const char *version;
	const char *libraries; /* "libuv 1.44.2, libmosquitto 2.0.11, ..." */
	const char *config_digest;
	int64_t started_ms;
	int64_t interval_ms; /* between two samples */
	bool dry_run;	     /* balancers are told to stay as they are */
	unsigned loads;	     /* so often somebody had the configuration loaded anew: he waits */
	/* Everything that samples may carry, ordered so that those of a group follow each other. */
	const struct metric *const *metrics;
	size_t metric_count;
	const struct overview *overview; /* what may be looked at later */
};

/* What an operator wants to have said. */
struct operator_message {
	const char *id;	  /* letters, digits and '-', another one each time */
	const char *text; /* UTF-8, not blank, no control characters but '\n' and '\t' */
};

/* 2000 bytes: 500 characters of four bytes, and more than any service takes by default. */
#define OPERATOR_TEXT_SIZE 2001
/* Two times eight hexadecimal digits with '-' between. */
#define OPERATOR_ID_SIZE 18

enum report_kind {
	REPORT_ABOUT,
	REPORT_SAMPLE,
	REPORT_DECISION,
	REPORT_EVENT,
	REPORT_MESSAGE,
	REPORT_KINDS,
};

struct report {
	enum report_kind kind;
	union {
		const struct about *about;
		const struct snapshot *snapshot;
		const struct decision *decision;
		const struct event *event;
		const struct operator_message *message;
	};
};

#endif
