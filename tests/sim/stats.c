/* SPDX-License-Identifier: MIT */
/*
 * Every cell goes through all results once and keeps what belongs to it: tens of thousands of runs
 * and a few hundred cells are a fraction of a second, and nothing depends on the order of results,
 * except the order of names.
 */
#include "tests/sim/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MB 1e6

/* Room for one number per run, used by one median after the other. */
struct sample {
	double *values;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* NAN for none. Sorts. */
static double median(struct sample *sample)
{
	if (sample->count == 0)
		return NAN;
	qsort(sample->values, sample->count, sizeof(*sample->values), compare);
	size_t half = sample->count / 2;
	if (sample->count % 2)
		return sample->values[half];
	return (sample->values[half - 1] + sample->values[half]) / 2;
}

static void add(struct sample *sample, double value)
{
	sample->values[sample->count++] = value;
}

/* What belongs to one cell. */
struct choice {
	const struct run_result *results;
	size_t count;
	const char *scenario, *law; /* scenario NULL: all */
	bool survivable_only;
};

static bool belongs(const struct choice *choice, const struct run_result *result)
{
	return strcmp(result->law, choice->law) == 0 &&
	       (!choice->scenario || strcmp(result->scenario, choice->scenario) == 0) &&
	       (!choice->survivable_only || (result->judged && result->survivable));
}

static const struct run_result *next(const struct choice *choice, const struct run_result *last)
{
	const struct run_result *end = choice->results + choice->count;
	for (last = last ? last + 1 : choice->results; last < end; last++)
		if (belongs(choice, last))
			return last;
	return NULL;
}

#define for_each_run(run, choice)                                                                  \
	for (const struct run_result *run = next((choice), NULL); run; run = next((choice), run))

static void count_swap(const struct choice *choice, struct sample *sample, struct stats_cell *cell)
{
	double sum = 0;
	sample->count = 0;
	for_each_run(run, choice)
	{
		double mb = (double)run->swapped_bytes / MB;
		cell->counted++;
		cell->swapped += run->swapped_bytes > RESULT_SWAP_LIMIT_BYTES;
		sum += mb;
		if (mb > cell->swapped_max_mb)
			cell->swapped_max_mb = mb;
		add(sample, mb);
	}
	cell->swapped_mean_mb = cell->counted ? sum / (double)cell->counted : NAN;
	cell->swapped_median_mb = median(sample);
}

static void count_good(const struct choice *choice, struct sample *sample, struct stats_cell *cell)
{
	sample->count = 0;
	cell->good_min = NAN;
	for_each_run(run, choice)
	{
		if (!run->judged || run->oracle_good <= 0)
			continue;
		double share = (double)run->good / (double)run->oracle_good;
		if (!(cell->good_min <= share))
			cell->good_min = share;
		add(sample, share);
	}
	cell->shares = sample->count;
	cell->good_median = median(sample);
}

static void count_refused(const struct choice *choice, struct stats_cell *cell)
{
	double refused = 0, offered = 0;
	for_each_run(run, choice)
	{
		refused += (double)run->refused;
		offered += (double)run->offered;
	}
	cell->refused = offered > 0 ? refused / offered : NAN;
}

static void count_weights(const struct choice *choice, struct sample *sample,
			  struct stats_cell *cell)
{
	sample->count = 0;
	cell->reversals_scenario = "";
	for_each_run(run, choice)
	{
		add(sample, run->changes_per_min);
		if (cell->reversals_scenario[0] && run->reversals <= cell->reversals)
			continue;
		cell->reversals = run->reversals;
		cell->reversals_seed = run->seed;
		cell->reversals_scenario = run->scenario;
	}
	cell->changes_per_min = median(sample);
	sample->count = 0;
	for_each_run(run, choice) add(sample, run->big_changes_per_min);
	cell->big_changes_per_min = median(sample);
}

/* A run that ended before the return counts with what was left of it: the least it can be. */
static void count_returns(const struct choice *choice, struct sample *sample,
			  struct stats_cell *cell)
{
	sample->count = 0;
	for_each_run(run, choice)
	{
		if (!run->return_known)
			continue;
		cell->returned += run->returned;
		add(sample, run->return_s);
	}
	cell->returns = sample->count;
	cell->return_median_s = median(sample);
}

static void make_cell(struct choice *choice, struct sample *sample, struct stats_cell *cell)
{
	*cell = (struct stats_cell){0};
	for_each_run(run, choice)
	{
		cell->runs++;
		cell->survivable += run->judged && run->survivable;
	}
	cell->judged = choice->survivable_only = cell->survivable > 0;
	count_swap(choice, sample, cell);
	count_good(choice, sample, cell);
	count_refused(choice, cell);
	count_weights(choice, sample, cell);
	count_returns(choice, sample, cell);
}

/* The place of a name in a list that grows at its end. */
static size_t place(const char **names, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	names[*count] = name;
	return (*count)++;
}

static void make_cells(struct choice *choice, struct sample *sample, struct stats *stats)
{
	for (size_t scenario = 0; scenario <= stats->scenario_count; scenario++) {
		bool all = scenario == stats->scenario_count;
		choice->scenario = all ? NULL : stats->scenarios[scenario];
		for (size_t law = 0; law < stats->law_count; law++) {
			choice->law = stats->laws[law];
			choice->survivable_only = false;
			make_cell(choice, sample, &stats->cells[scenario * stats->law_count + law]);
		}
	}
}

int stats_make(const struct run_result *results, size_t count, struct stats *ret_stats)
{
	struct stats stats = {0};
	struct sample sample = {.values = calloc(count + 1, sizeof(*sample.values))};
	struct choice choice = {.results = results, .count = count};

	/* As many names as results at most; no results is an empty table. */
	stats.scenarios = calloc(count + 1, sizeof(*stats.scenarios));
	stats.laws = calloc(count + 1, sizeof(*stats.laws));
	stats.non_web = calloc(count + 1, sizeof(*stats.non_web));
	if (sample.values && stats.scenarios && stats.laws && stats.non_web) {
		for (size_t i = 0; i < count; i++) {
			size_t at =
				place(stats.scenarios, &stats.scenario_count, results[i].scenario);
			stats.non_web[at] |= results[i].non_web;
			place(stats.laws, &stats.law_count, results[i].law);
		}
		stats.cells = calloc((stats.scenario_count + 1) * (stats.law_count + 1),
				     sizeof(*stats.cells));
	}
	if (!stats.cells) {
		free(sample.values);
		stats_clear(&stats);
		return -ENOMEM;
	}
	make_cells(&choice, &sample, &stats);
	free(sample.values);
	*ret_stats = stats;
	return 0;
}

void stats_clear(struct stats *stats)
{
	free(stats->scenarios);
	free(stats->laws);
	free(stats->non_web);
	free(stats->cells);
	*stats = (struct stats){0};
}

const struct stats_cell *stats_cell(const struct stats *stats, size_t scenario, size_t law)
{
	return &stats->cells[scenario * stats->law_count + law];
}

size_t stats_law(const struct stats *stats, const char *name)
{
	for (size_t law = 0; law < stats->law_count; law++)
		if (strcmp(stats->laws[law], name) == 0)
			return law;
	return stats->law_count;
}

size_t stats_worst(const struct stats *stats, size_t law)
{
	size_t worst = stats->scenario_count;
	for (size_t scenario = 0; scenario < stats->scenario_count; scenario++) {
		const struct stats_cell *cell = stats_cell(stats, scenario, law);
		if (!cell->judged || cell->shares == 0)
			continue;
		if (worst == stats->scenario_count ||
		    cell->good_median < stats_cell(stats, worst, law)->good_median)
			worst = scenario;
	}
	return worst;
}

/* The probability of no more than that many failures where so many are expected. */
static double poisson_below(size_t failures, double expected)
{
	double term = exp(-expected), sum = term;
	for (size_t i = 1; i <= failures; i++) {
		term *= expected / (double)i;
		sum += term;
	}
	return sum;
}

double stats_bound(size_t failures, size_t runs)
{
	/* Beyond a few hundred failures exp() has nothing left, and nobody needs a bound. */
	if (runs == 0 || failures >= runs || failures > 300)
		return 1;
	double low = (double)failures, high = 3 * (double)failures + 5;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		if (poisson_below(failures, middle) > 0.05)
			low = middle;
		else
			high = middle;
	}
	return high < (double)runs ? high / (double)runs : 1;
}
