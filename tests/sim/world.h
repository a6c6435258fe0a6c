/* SPDX-License-Identifier: MIT */
/*
 * One run: Pis, balancers, the requests between them, and the law that each Pi's agent follows. All of
 * it is one structure without pointers into itself, made anew for each run.
 */
#ifndef HOSTINGPI_SIM_WORLD_H
#define HOSTINGPI_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/judge.h"
#include "tests/sim/memory.h"
#include "tests/sim/result.h"
#include "tests/sim/rng.h"
#include "tests/sim/scenario.h"

#define STEP_S 0.05
#define WORKERS_MAX 256 /* of one Pi; the largest "max workers" of a scenario is 250 */
#define BACKLOG_MAX 512 /* listen() of Apache: 511 */
#define BALANCERS_MAX 8
#define REQUESTS_MAX 16384 /* queues of all balancers and Pis together stay below */
#define QUEUE_MAX 4096	   /* of one balancer: 3 s at 1,300 requests/s */

struct request {
	double arrived_s;
	double wait_left_s, cpu_left_s;
	int balancer;
	int pi;
	int next_free;
};

struct worker {
	double size, target;
	double seen;	/* size when the agent read it last; 0: not yet */
	double since_s; /* idle since */
	int request;	/* -1: idle */
	int served;
};

struct web {
	int count;
	struct worker workers[WORKERS_MAX];
	int busy, computing;
	double bytes;
	double surplus_since_s; /* more idle ones than max_spare; < 0: no */
	double reap_credit;
	struct rng sizes;
	int backlog[BACKLOG_MAX]; /* requests that no worker has taken yet */
	int backlog_first, backlog_count;
};

/* What the agent says to a balancer that asks. */
struct told {
	double weight_pct;
	int maxconn; /* per balancer; 0: not mentioned */
	bool down;   /* "fail": out of the pool until told otherwise */
	const char *state;
};

struct law;
/* What laws remember; each uses its own part. */
struct law_state {
	struct judge judge;
	double due_s; /* next step */
	/* our agent's eyes, see observe.c */
	double web_due_s, web_read_s, web_bytes, worker_bytes;
	int web_workers, web_busy, web_next;
	int64_t read_ns, refaulted, swap_out, disk_out, psi_some, psi_full, stalls, anon_refaulted;
	/* plain laws */
	double last_s, last_stock, slope, given, nominal, rise_after_s, safe_since_s, load;
	double worker_p90;
	bool primed, hard, drained;
};

struct pi {
	int index;
	struct memory memory;
	struct web web;
	struct told told;
	struct law_state law;
	double cpu_used; /* share of all cores, smoothed over a second */
	double load;	 /* smoothed over a minute, as in /proc/loadavg */
	/* counted */
	int64_t good, served;
	double min_room;
	int64_t changes, big_changes, reversals;
	double low_s, second_weight, last_weight, turn, extreme;
};

struct link { /* a balancer's view of one Pi */
	double next_poll_s;
	double weight;
	double credit; /* smooth weighted round robin */
	int maxconn;   /* 0: none */
	int at_work;
	bool polled;
};

struct front {
	struct link links[RESULT_PIS];
	double big_credit;
	int queue[QUEUE_MAX];
	int queue_first, queue_count;
};

struct oracle_plan {
	double margin_share; /* of the RAM kept free beyond the onset of swap */
	int most;	     /* concurrent requests, for what memory does not limit */
};

struct world {
	const struct scenario *nominal; /* as written: what an operator knows */
	struct scenario scenario;	/* as it is */
	const struct settings *settings;
	const struct law *law;
	struct oracle_plan plan;
	uint64_t seed;
	double t_s;
	int64_t step;
	int pis, balancer_count;
	struct pi pi[RESULT_PIS];
	struct front balancers[BALANCERS_MAX];
	struct request requests[REQUESTS_MAX];
	int free_request;
	struct rng arrivals, polls, entropy;
	double cliff_hits, cliff_factor;
	double oracle_anon; /* anonymous memory at the onset of swap */
	int64_t offered, refused, big_served;
	int64_t second_offered, second_refused;
	/* time to return */
	double from_s, to_s, before_weight, before_cap;
	bool disturbed, returned;
	double return_s;
	struct series *series; /* NULL: not wanted */
};

/* web.c */
void web_init(struct world *world, struct pi *pi);
void web_step(struct world *world, struct pi *pi);
/* False: the backlog is full. */
bool web_offer(struct world *world, struct pi *pi, int request);

/* balance.c */
void balance_init(struct world *world);
void balance_step(struct world *world);
/* A request is done, or was refused by the Pi. */
void balance_finish(struct world *world, int request, bool served);

/* observe.c: what a Pi's agent would have read by now. */
void observe_readings(struct world *world, struct pi *pi, struct readings *ret_readings);
double observe_available(const struct world *world, const struct pi *pi);
void observe_web(struct world *world, struct pi *pi);

/* count.c */
void count_start(struct world *world);
void count_second(struct world *world);
void count_result(const struct world *world, struct run_result *ret_result);

/* oracle.c: slots of the Pi at the moment. */
int oracle_slots(struct world *world, struct pi *pi);
void oracle_prepare(struct world *world);

#endif
