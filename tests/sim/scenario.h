/* SPDX-License-Identifier: MIT */
/*
 * What happens to whom: a fleet, its load and its disturbances, read from a text file. The format is
 * described in tests/sim/README.md; scenario.c has it in one table.
 */
#ifndef HOSTINGPI_SIM_SCENARIO_H
#define HOSTINGPI_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/memory.h"
#include "tests/sim/result.h"

/* A day in a life has fewer. */
#define SCENARIO_EVENTS SERIES_MARKS

enum event_kind {
	EVENT_RATE,	/* arrivals: times amount */
	EVENT_GROW,	/* other processes: amount bytes/s more, kept, then freed */
	EVENT_JOB,	/* other processes: amount bytes, held, then freed */
	EVENT_READ,	/* files read once: amount bytes/s */
	EVENT_WRITE,	/* files written: amount bytes/s */
	EVENT_SLOW,	/* the database: times amount */
	EVENT_THROTTLE, /* the clock: amount of the full one */
	EVENT_SWELL,	/* web workers: amount bytes/s larger, those born later */
	EVENT_KINDS,
};

struct scenario_event {
	enum event_kind kind;
	double at_s, amount;
	double over_s; /* way up, and for rates the way down */
	double for_s;  /* at full strength */
	double keep_s; /* EVENT_GROW: until it is freed; 0: never */
	unsigned on;   /* bit per Pi */
	char text[64]; /* as written, for pictures */
};

struct scenario {
	char name[RESULT_NAME_SIZE];
	char about[160];
	double seconds, pis, balancers;
	double poll_s;	   /* how often a balancer asks */
	double big_share;  /* of the traffic that goes to big servers when all weights are 100 */
	double good_s;	   /* an answer within this is a good one */
	double queue_s;	   /* timeout queue */
	double vary;	   /* sizes and rates differ from seed to seed by up to this share */
	double rate;	   /* requests per second, of all Pis */
	double wave;	   /* share by which it goes up and down over the run, like a day */
	double cliff_rate; /* hits per second that the cache of the site stands; 0: any */
	double cap;	   /* the operator's static cap per Pi; 0: see scenario_static_cap() */
	/* one Pi */
	struct memory_conf memory;
	double base;		     /* anonymous memory of everything else */
	double swap_kind;	     /* enum swap_kind */
	double cores, cpu_s, wait_s; /* per request: at work, and waiting for a database */
	double max_workers, start_workers, max_spare, idle_s, reap_s;
	double worker, worker_sigma; /* mean peak size, and spread of its logarithm */
	double born, grow_s;	     /* size at first, seconds at work until the peak */
	double requests_per_child;   /* 0: any */
	double page_in_s;	     /* files the web server reads for the first time, bytes/s */
	double hide_workers, hide_busy, hide_psi, mixed;
	int event_count;
	struct scenario_event events[SCENARIO_EVENTS];
};

/* 0; or -EINVAL after telling all errors with file and line on standard error; or negative errno. */
int scenario_load(const char *path, struct scenario *ret_scenario);

/* The scenario as it is with this seed. */
void scenario_vary(const struct scenario *scenario, uint64_t seed, struct scenario *ret_scenario);

/* What the web workers do not have at t. */
double scenario_nonweb(const struct scenario *scenario, int pi, double t_s);
/* Sum (bytes/s) or product (factors) of the events of this kind at t. */
double scenario_sum(const struct scenario *scenario, enum event_kind kind, int pi, double t_s);
double scenario_factor(const struct scenario *scenario, enum event_kind kind, int pi, double t_s);
double scenario_rate(const struct scenario *scenario, double t_s);

/* From when to when an event lasts; *ret_to < from: for ever. */
void scenario_span(const struct scenario_event *event, double *ret_from, double *ret_to);
/* First and last moment of all disturbances. False: none, or one that never ends. */
bool scenario_disturbance(const struct scenario *scenario, double *ret_from, double *ret_to);
bool scenario_non_web(const struct scenario *scenario);

/*
 * What a careful operator writes into the balancer: RAM without the system, a fifth kept for the page
 * cache and surprises, by the mean size of a worker. For the whole Pi.
 */
double scenario_static_cap(const struct scenario *scenario);

#endif
