/* SPDX-License-Identifier: MIT */
/*
 * Numbers over many runs: one cell per scenario and law, and one per law over all scenarios. Only
 * survivable runs count, because what not even the oracle survives says nothing about a law; where a
 * scenario has none, or nobody asked the oracle, all runs count and the cell says so.
 */
#ifndef HOSTINGPI_SIM_STATS_H
#define HOSTINGPI_SIM_STATS_H

#include "tests/sim/result.h"

struct stats_cell {
	size_t runs, survivable;
	size_t counted; /* the runs that everything below is about */
	bool judged;	/* these are the survivable ones */

	size_t swapped; /* wrote more than RESULT_SWAP_LIMIT_BYTES */
	double swapped_median_mb, swapped_mean_mb, swapped_max_mb;

	size_t shares; /* runs with a known share of the oracle's good responses */
	double good_median, good_min;

	double refused;			/* of all that were offered in all runs */
	double changes_per_min;		/* median */
	double big_changes_per_min;	/* median */
	int64_t reversals;		/* worst run */
	uint64_t reversals_seed;	/* of that run */
	const char *reversals_scenario; /* of that run */

	size_t returns;	 /* runs in which a return was to be expected */
	size_t returned; /* within the run */
	double return_median_s;
};

struct stats {
	size_t scenario_count, law_count;
	const char **scenarios, **laws; /* in order of appearance; they point into the results */
	bool *non_web;			/* per scenario */
	struct stats_cell *cells; /* scenario_count rows of law_count, then one row over all */
};

/* The results must outlive the statistics. 0 or -ENOMEM. */
int stats_make(const struct run_result *results, size_t count, struct stats *ret_stats);
void stats_clear(struct stats *stats);

/* scenario == scenario_count: over all. */
const struct stats_cell *stats_cell(const struct stats *stats, size_t scenario, size_t law);

/* The column of a law, or law_count. */
size_t stats_law(const struct stats *stats, const char *name);

/* The scenario with the least median share of a law, or scenario_count where none has any. */
size_t stats_worst(const struct stats *stats, size_t law);

/*
 * The rate of failures that is not exceeded with 95 % certainty after that many in so many runs: 3/n
 * for none (Poisson, exactly 2.996/n). 1 at most.
 */
double stats_bound(size_t failures, size_t runs);

#endif
