/* SPDX-License-Identifier: MIT */
/*
 * What is counted during a run. Weights are looked at once a second, as the law has them: a change is
 * another weight than a second ago, a reversal is a turn after a swing of 20 points or more.
 */
#include <math.h>
#include <stdio.h>

#include "tests/sim/law.h"
#include "tests/sim/world.h"

#define BIG_CHANGE 20.0
/* Weight and cap that count as "back": the cap is in whole requests, so it gets more room. */
#define BACK_WEIGHT 0.95
#define BACK_CAP 0.90

static double cap_of(const struct world *world, const struct pi *pi)
{
	return pi->told.maxconn > 0 ? pi->told.maxconn * world->balancer_count : 0;
}

void count_start(struct world *world)
{
	world->disturbed = scenario_disturbance(&world->scenario, &world->from_s, &world->to_s);
	for (int i = 0; i < world->pis; i++) {
		world->pi[i].min_room = world->scenario.memory.total;
		world->pi[i].last_weight = world->pi[i].extreme = 100;
	}
}

static void count_weight(struct pi *pi)
{
	double weight = pi->told.weight_pct, change = weight - pi->last_weight;
	pi->changes += change != 0;
	pi->big_changes += fabs(change) > BIG_CHANGE;
	pi->low_s += weight < 50;
	pi->last_weight = weight;
	/* turn: direction of the swing that is under way, extreme: how far it got */
	double away = weight - pi->extreme;
	if (pi->turn == 0 ? fabs(away) >= BIG_CHANGE : away * pi->turn <= -BIG_CHANGE) {
		pi->reversals += pi->turn != 0;
		pi->turn = away > 0 ? 1 : -1;
		pi->extreme = weight;
	} else if (pi->turn != 0 && away * pi->turn > 0) {
		pi->extreme = weight;
	}
}

static void count_return(struct world *world)
{
	if (!world->disturbed || world->returned)
		return;
	double weight = 0, cap = 0;
	for (int i = 0; i < world->pis; i++) {
		weight += world->pi[i].told.weight_pct;
		cap += cap_of(world, &world->pi[i]);
	}
	if (world->t_s < world->from_s) {
		world->before_weight = weight;
		world->before_cap = cap;
	} else if (world->t_s >= world->to_s) {
		world->return_s = world->t_s - world->to_s;
		world->returned = weight >= BACK_WEIGHT * world->before_weight &&
				  cap >= BACK_CAP * world->before_cap;
	}
}

static void count_point(struct world *world)
{
	struct series *series = world->series;
	int queued = 0;
	for (int i = 0; i < world->balancer_count; i++)
		queued += world->balancers[i].queue_count;
	struct series_point *point = &series->points[series->count++];
	*point = (struct series_point){
		.t_s = world->t_s,
		.offered_per_s = (float)world->second_offered,
		.refused_per_s = (float)world->second_refused,
	};
	for (int i = 0; i < world->pis; i++) {
		const struct pi *pi = &world->pi[i];
		double room = memory_room(&pi->memory, &world->scenario.memory);
		point->pi[i] = (struct series_pi){
			.weight_pct = (float)pi->told.weight_pct,
			.maxconn = pi->told.maxconn > 0 ? (float)cap_of(world, pi) : -1,
			.busy = (float)pi->web.busy,
			.queued = (float)queued,
			.headroom_bytes = (int64_t)room,
			.web_bytes = (int64_t)pi->memory.web,
			.nonweb_bytes = (int64_t)pi->memory.nonweb,
			.file_bytes = (int64_t)memory_file(&pi->memory),
			.swapped_bytes = (int64_t)pi->memory.disk_out,
			.good = pi->good,
			.state = pi->told.state,
		};
	}
}

void count_second(struct world *world)
{
	for (int i = 0; i < world->pis; i++) {
		struct pi *pi = &world->pi[i];
		count_weight(pi);
		double room = memory_room(&pi->memory, &world->scenario.memory);
		pi->min_room = fmin(pi->min_room, room);
	}
	count_return(world);
	if (world->series)
		count_point(world);
	world->second_offered = world->second_refused = 0;
}

static void pi_result(const struct world *world, const struct pi *pi, struct run_pi *ret_pi)
{
	double minutes = world->scenario.seconds / 60;
	*ret_pi = (struct run_pi){
		.swapped_bytes = (int64_t)pi->memory.disk_out,
		.good = pi->good,
		.served = pi->served,
		.min_headroom_bytes = (int64_t)pi->min_room,
		.changes_per_min = (double)pi->changes / minutes,
		.big_changes_per_min = (double)pi->big_changes / minutes,
		.reversals = pi->reversals,
		.low_share = pi->low_s / world->scenario.seconds,
	};
}

void count_result(const struct world *world, struct run_result *ret_result)
{
	struct run_result result = {
		.seed = world->seed,
		.seconds = world->scenario.seconds,
		.pis = world->pis,
		.refused = world->refused,
		.offered = world->offered,
		.return_known = world->disturbed,
		.returned = world->returned,
		.return_s = world->return_s,
		.non_web = scenario_non_web(&world->scenario),
	};
	snprintf(result.law, sizeof(result.law), "%s", world->law->name);
	snprintf(result.scenario, sizeof(result.scenario), "%s", world->nominal->name);
	for (int i = 0; i < world->pis; i++) {
		struct run_pi *pi = &result.pi[i];
		pi_result(world, &world->pi[i], pi);
		result.swapped_bytes += pi->swapped_bytes;
		result.good += pi->good;
		result.served += pi->served;
		result.changes_per_min += pi->changes_per_min / world->pis;
		result.big_changes_per_min += pi->big_changes_per_min / world->pis;
		if (pi->reversals > result.reversals)
			result.reversals = pi->reversals;
	}
	*ret_result = result;
}
