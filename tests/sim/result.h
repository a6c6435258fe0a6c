/* SPDX-License-Identifier: MIT */
/*
 * What one run of the closed-loop model leaves behind, and the two things that are made of it: a
 * table over many runs and a picture of one. A run is a pure function of (scenario, law, seed), so
 * everything here is, too. Results arrive in no particular order.
 */
#ifndef HOSTINGPI_SIM_RESULT_H
#define HOSTINGPI_SIM_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Pis in one scenario: the fleet of the claim is eight. */
#define RESULT_PIS 8
/* Both are names of files or rows of a table and stay short. */
#define RESULT_NAME_SIZE 32

/* The law that knows the future: what the others are measured by has exactly this name. */
#define RESULT_ORACLE "oracle"

/* What is counted as "has swapped". The oracle at or below it: the run is survivable. */
#define RESULT_SWAP_LIMIT_BYTES INT64_C(1000000)

/* One Pi in one run. */
struct run_pi {
	int64_t swapped_bytes;	    /* written to a swap that is not zram */
	int64_t good;		    /* responses within the limit of time while not swapping */
	int64_t served;		    /* all responses */
	int64_t min_headroom_bytes; /* lowest distance to the onset of swap; may be < 0 */
	/* of the weight the balancers were told, percent: */
	double changes_per_min;	    /* any change */
	double big_changes_per_min; /* of more than 20 points within one second */
	int64_t reversals; /* turns of direction after a swing of >= 20 points: a limit cycle */
	double low_share;  /* share of time with a weight below 50 */
};

struct run_result {
	char law[RESULT_NAME_SIZE];
	char scenario[RESULT_NAME_SIZE];
	uint64_t seed;
	double seconds; /* simulated */
	int pis;	/* 1..RESULT_PIS */

	bool judged;	 /* the oracle ran with this scenario and seed: survivable is valid */
	bool survivable; /* the oracle swapped no more than RESULT_SWAP_LIMIT_BYTES */

	struct run_pi pi[RESULT_PIS];
	int64_t swapped_bytes; /* of all Pis together */
	int64_t good;
	int64_t served;
	int64_t refused; /* 503: no server, or out of time in the balancer's queue */
	int64_t offered; /* requests that arrived; what is under way at the end is in none of the others */
	int64_t oracle_good; /* good of the oracle with this scenario and seed, when judged */

	/* of the weight, mean over the Pis (reversals: the worst Pi) */
	double changes_per_min;
	double big_changes_per_min;
	int64_t reversals;

	/*
	 * From the end of the last disturbance until the capacity given out is 95 % of what it was
	 * before the first one. Unknown where a scenario has no disturbance that ends; negative never.
	 */
	bool return_known;
	bool returned; /* false: not within the run; then return_s is what was left of the run */
	double return_s;

	bool non_web; /* the scenario has memory growth that is not the web workers' */
};

/* Table by scenario x law, then one line per law over all scenarios. */
void report_table(FILE *out, const struct run_result *results, size_t count);

/* One Pi at one second. */
struct series_pi {
	float weight_pct;	/* as decided by the law */
	float maxconn;		/* for all balancers together; < 0: none */
	float busy;		/* requests at work on the Pi */
	float queued;		/* in the balancers for this Pi's fleet; the same for every Pi */
	int64_t headroom_bytes; /* true distance of anonymous memory to the onset of swap */
	int64_t web_bytes;	/* anonymous memory of the web workers */
	int64_t nonweb_bytes;	/* other anonymous memory */
	int64_t file_bytes;	/* page cache, both lists */
	int64_t swapped_bytes;	/* so far */
	int64_t good;		/* so far */
	const char *state;	/* static: of the law; "" where it has none */
};

struct series_point {
	double t_s;
	float offered_per_s; /* arrivals in this second */
	float refused_per_s;
	struct series_pi pi[RESULT_PIS];
};

/* A mark on the time axis: a disturbance from the scenario. */
struct series_mark {
	double from_s, to_s; /* to_s < from_s: no end */
	char label[64];
};

#define SERIES_MARKS 32

struct series {
	char law[RESULT_NAME_SIZE];
	char scenario[RESULT_NAME_SIZE];
	char about[160]; /* the scenario's comment line */
	uint64_t seed;
	int pis;
	int64_t total_bytes; /* RAM of one Pi */
	size_t count;
	struct series_point *points; /* every second, from 0 */
	int mark_count;
	struct series_mark marks[SERIES_MARKS];
};

/* Writes one SVG. 0 or negative errno. */
int plot_svg(const char *path, const struct series *series);

/* The laws that the summary compares. */
#define RESULT_OURS "ours"
#define RESULT_STATIC "static"

enum report_format {
	REPORT_TEXT,	 /* aligned, for people; what report_table() writes */
	REPORT_MARKDOWN, /* one table, one over all scenarios, and the same sentences */
	REPORT_CSV,	 /* one line per scenario and law, shares from 0 to 1, no sentences */
};

/* 0, -ENOMEM, or -EIO if out failed. */
int report_write(FILE *out, enum report_format format, const struct run_result *results,
		 size_t count);

/* The same scenario and seed under several laws, one colour each; at most PLOT_LAWS. */
#define PLOT_LAWS 12
int plot_laws_svg(const char *path, const struct series *const *series, size_t count);

/* One picture of all runs: good responses against MB swapped, one colour per law. */
int plot_overview_svg(const char *path, const struct run_result *results, size_t count);

#endif
