/* SPDX-License-Identifier: MIT */
/*
 * The oracle knows what the other processes of a Pi will take and how large its workers are, but it
 * has the same actuator: a cap and a weight that balancers fetch at their pace, and workers that give
 * memory back only when they have been idle for a while.
 *
 * At every moment it allows as many workers as fit at every later moment, plus those that can be
 * gone by then; where there are more already the cap is that much lower that the surplus is idle and
 * will be ended. Beyond that it is run several times with the same seed and keeps the best (run.c):
 * with how much memory to spare, and with how many requests at most.
 */
#include <math.h>

#include "tests/sim/law.h"
#include "tests/sim/world.h"

/* Longer than any pool takes to become empty at one worker a second. */
#define AHEAD_S 160
/* Requests under way, and the moment until memory is free again. */
#define SETTLE_S 3

void oracle_prepare(struct world *world)
{
	const struct pi *pi = &world->pi[0];
	world->oracle_anon =
		memory_anon(&pi->memory) + memory_room(&pi->memory, &world->scenario.memory);
}

/* How many workers fit when others have nonweb bytes. */
static double fitting(const struct world *world, const struct pi *pi, double nonweb, double held,
		      double next_size)
{
	double margin = world->plan.margin_share * world->scenario.memory.total;
	double room = world->oracle_anon - nonweb - margin - held;
	int count = pi->web.count;
	if (room >= 0)
		return count + room / next_size;
	double mean = count ? held / count : next_size;
	return fmax(0, count + room / mean);
}

int oracle_slots(struct world *world, struct pi *pi)
{
	const struct scenario *scenario = &world->scenario;
	double held = 0, swell = scenario_sum(scenario, EVENT_SWELL, pi->index, world->t_s + 60);
	for (int i = 0; i < pi->web.count; i++)
		held += pi->web.workers[i].target;
	/* A handful of workers differs from the mean more than many do. */
	double size = (scenario->worker + swell) * (1 + 0.3 * scenario->worker_sigma);
	double delay_s = scenario->idle_s + world->scenario.poll_s + SETTLE_S, least = 1e9;
	for (int ahead = 0; ahead <= AHEAD_S; ahead++) {
		double nonweb = scenario_nonweb(scenario, pi->index, world->t_s + ahead);
		double fit = fitting(world, pi, nonweb, held, size);
		/* Spare workers stay, whatever the cap. */
		if (fit >= scenario->max_spare)
			fit += scenario->reap_s * fmax(0, ahead - delay_s);
		least = fmin(least, fit);
	}
	double slots = floor(least);
	if (pi->web.count > slots && slots > scenario->max_spare)
		slots -= scenario->max_spare;
	return (int)fmin(fmax(slots, 1), world->plan.most);
}

void law_oracle(struct world *world, struct pi *pi)
{
	int slots = oracle_slots(world, pi), largest = 1;
	pi->law.given = slots;
	for (int i = 0; i < world->pis; i++)
		largest = (int)fmax(largest, world->pi[i].law.given);
	pi->told.weight_pct = fmax(1, floor(100.0 * slots / largest));
	pi->told.maxconn = (int)fmax(1, slots / world->balancer_count);
	pi->told.state = "";
	pi->law.due_s = world->t_s + 0.5;
}
