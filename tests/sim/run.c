/* SPDX-License-Identifier: MIT */
/*
 * The loop: fixed steps of 50 ms in which memory moves, agents look, balancers ask and distribute, and
 * workers work. The oracle is the best of several runs.
 */
#include "tests/sim/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_S 20

static void start(struct world *world, const struct run *run, const struct law *law,
		  const struct oracle_plan *plan)
{
	memset(world, 0, sizeof(*world));
	world->nominal = run->scenario;
	world->settings = run->settings;
	world->law = law;
	world->plan = *plan;
	world->seed = run->seed;
	scenario_vary(run->scenario, run->seed, &world->scenario);
	world->pis = (int)world->scenario.pis;
	world->balancer_count = (int)world->scenario.balancers;
	world->arrivals = rng_new(run->seed, 2);
	world->polls = rng_new(run->seed, 3);
	world->entropy = rng_new(run->seed, 4);
	balance_init(world);
	for (int i = 0; i < world->pis; i++) {
		struct pi *pi = &world->pi[i];
		pi->index = i;
		pi->told = (struct told){.weight_pct = 100, .state = ""};
		web_init(world, pi);
		memory_init(&pi->memory, &world->scenario.memory,
			    scenario_nonweb(&world->scenario, i, 0), pi->web.bytes);
		/* Agents do not start at the same moment. */
		pi->law.due_s = rng_unit(&world->entropy);
	}
	oracle_prepare(world);
	count_start(world);
}

static void step_pi(struct world *world, struct pi *pi)
{
	const struct scenario *scenario = &world->scenario;
	int i = pi->index;
	const struct memory_demand demand = {
		.nonweb = scenario_nonweb(scenario, i, world->t_s),
		.web = pi->web.bytes,
		.read_s = scenario->page_in_s + scenario_sum(scenario, EVENT_READ, i, world->t_s),
		.write_s = scenario_sum(scenario, EVENT_WRITE, i, world->t_s),
	};
	memory_step(&pi->memory, &scenario->memory, &demand, STEP_S);
	if (world->law->step && world->t_s >= pi->law.due_s)
		world->law->step(world, pi);
}

static void run_plan(struct world *world, const struct run *run, const struct law *law,
		     const struct oracle_plan *plan, struct series *series,
		     struct run_result *ret_result)
{
	start(world, run, law, plan);
	world->series = series;
	if (series) {
		series->count = 0;
		series->seed = run->seed;
		snprintf(series->law, sizeof(series->law), "%s", law->name);
	}
	int64_t steps = (int64_t)(world->scenario.seconds * STEPS_PER_S);
	for (world->step = 0; world->step < steps; world->step++) {
		world->t_s = (double)world->step / STEPS_PER_S;
		for (int i = 0; i < world->pis; i++)
			step_pi(world, &world->pi[i]);
		balance_step(world);
		for (int i = 0; i < world->pis; i++)
			web_step(world, &world->pi[i]);
		if (world->step % STEPS_PER_S == 0)
			count_second(world);
	}
	count_result(world, ret_result);
}

static bool survives(const struct run_result *result)
{
	return result->swapped_bytes <= RESULT_SWAP_LIMIT_BYTES;
}

/* The better of two oracles: the one that does not swap, then the one with more good responses. */
static bool better(const struct run_result *a, const struct run_result *b)
{
	if (survives(a) != survives(b))
		return survives(a);
	return survives(a) ? a->good > b->good : a->swapped_bytes < b->swapped_bytes;
}

static struct oracle_plan search(struct world *world, const struct run *run, const struct law *law)
{
	static const double margins[] = {0, 0.02, 0.05, 0.10, 0.17, 0.25};
	static const int mosts[] = {48, 32, 24, 20, 16, 12, 8};
	struct oracle_plan best = {0, WORKERS_MAX};
	struct run_result found, result;

	for (size_t i = 0; i < sizeof(margins) / sizeof(margins[0]); i++) {
		const struct oracle_plan plan = {margins[i], WORKERS_MAX};
		run_plan(world, run, law, &plan, NULL, &result);
		if (i == 0 || better(&result, &found)) {
			found = result;
			best = plan;
		}
		if (survives(&result))
			break;
	}
	/* With fewer requests at a time it may need less to spare: both are tried. */
	const double spared = best.margin_share;
	for (size_t i = 0; i < 2 * sizeof(mosts) / sizeof(mosts[0]); i++) {
		const struct oracle_plan plan = {i % 2 ? 0 : spared, mosts[i / 2]};
		if (i % 2 && spared <= 0)
			continue;
		run_plan(world, run, law, &plan, NULL, &result);
		if (better(&result, &found)) {
			found = result;
			best = plan;
		}
	}
	return best;
}

void run_law(struct world *world, const struct run *run, const struct law *law,
	     struct series *series, struct run_result *ret_result)
{
	struct oracle_plan plan = {0, WORKERS_MAX};
	if (law->step == law_oracle)
		plan = search(world, run, law);
	run_plan(world, run, law, &plan, series, ret_result);
}

struct series *series_new(const struct scenario *scenario)
{
	struct series *series = calloc(1, sizeof(*series));
	if (!series)
		return NULL;
	series->points = calloc((size_t)scenario->seconds + 2, sizeof(series->points[0]));
	if (!series->points) {
		free(series);
		return NULL;
	}
	snprintf(series->scenario, sizeof(series->scenario), "%s", scenario->name);
	snprintf(series->about, sizeof(series->about), "%s", scenario->about);
	series->pis = (int)scenario->pis;
	series->total_bytes = (int64_t)scenario->memory.total;
	for (int i = 0; i < scenario->event_count; i++) {
		struct series_mark *mark = &series->marks[series->mark_count++];
		scenario_span(&scenario->events[i], &mark->from_s, &mark->to_s);
		snprintf(mark->label, sizeof(mark->label), "%s", scenario->events[i].text);
	}
	return series;
}

void series_free(struct series *series)
{
	if (series)
		free(series->points);
	free(series);
}
