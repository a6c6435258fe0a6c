/* SPDX-License-Identifier: MIT */
/*
 * Load balancers as HAProxy is one: each asks each Pi's agent at its own rhythm and takes over weight
 * and maxconn; smooth weighted round robin among servers that are neither at weight 0 nor full; a
 * queue per backend in which a request waits for at most `timeout queue`; an immediate 503 when no
 * server is usable at all. What is under way stays where it is when a cap falls.
 *
 * Big servers, where the scenario has them, are one more server with a fixed weight and no limit.
 */
#include "tests/sim/world.h"

#include <math.h>

#include "tests/sim/law.h"

/* HAProxy spreads checks; a few percent of jitter keep the phases apart. */
#define POLL_JITTER 0.03
/* A big server answers in this time, always. */
#define BIG_SERVED 1
/* How fast caches of the site must be built anew once their time has come, and how it calms down. */
#define CLIFF_RISE_S 0.5
#define CLIFF_FALL_S 0.15
#define CLIFF_MOST 12

void balance_init(struct world *world)
{
	int cap = 0;
	if (world->law->static_cap)
		cap = (int)fmax(1,
				floor(scenario_static_cap(world->nominal) / world->balancer_count));
	for (int i = 0; i < world->balancer_count; i++)
		for (int k = 0; k < world->pis; k++)
			world->balancers[i].links[k] = (struct link){
				.next_poll_s = world->scenario.poll_s * rng_unit(&world->polls),
				.weight = 100,
				.maxconn = cap,
			};
	world->free_request = 0;
	for (int i = 0; i < REQUESTS_MAX; i++)
		world->requests[i].next_free = i + 1 < REQUESTS_MAX ? i + 1 : -1;
	world->cliff_factor = 1;
}

static void free_request(struct world *world, int request)
{
	world->requests[request].next_free = world->free_request;
	world->free_request = request;
}

static void refuse(struct world *world)
{
	world->refused++;
	world->second_refused++;
}

static bool usable(const struct link *link)
{
	return link->weight > 0;
}

static bool has_room(const struct link *link)
{
	return usable(link) && (link->maxconn <= 0 || link->at_work < link->maxconn);
}

/* Weight of the big servers so that they get their share while all Pis say 100. */
static double big_weight(const struct world *world)
{
	double share = world->scenario.big_share;
	return share > 0 ? 100 * world->pis * share / (1 - share) : 0;
}

enum {
	PICK_BIG = -1,	/* a big server takes it */
	PICK_FULL = -2, /* wait */
	PICK_NONE = -3, /* no server at all */
};

static int pick(const struct world *world, struct front *balancer)
{
	double total = big_weight(world), best_credit = -INFINITY;
	int best = PICK_NONE;
	balancer->big_credit += total;
	if (total > 0) {
		best = PICK_BIG;
		best_credit = balancer->big_credit;
	}
	for (int k = 0; k < world->pis; k++) {
		struct link *link = &balancer->links[k];
		if (!has_room(link)) {
			if (usable(link) && best == PICK_NONE)
				best = PICK_FULL;
			continue;
		}
		link->credit += link->weight;
		total += link->weight;
		if (best == PICK_NONE || best == PICK_FULL || link->credit > best_credit) {
			best = k;
			best_credit = link->credit;
		}
	}
	if (best >= 0)
		balancer->links[best].credit -= total;
	else if (best == PICK_BIG)
		balancer->big_credit -= total;
	return best;
}

static void hand_over(struct world *world, struct front *balancer, int request, int k)
{
	struct request *sent = &world->requests[request];
	sent->pi = k;
	balancer->links[k].at_work++;
	world->cliff_hits += 1;
	if (!web_offer(world, &world->pi[k], request))
		balance_finish(world, request, false);
}

static void arrive(struct world *world)
{
	const struct scenario *scenario = &world->scenario;
	struct rng *rng = &world->arrivals;
	int b = (int)(rng_unit(rng) * world->balancer_count);
	double wait_s = rng_exponential(rng, scenario->wait_s);
	double cpu_s = rng_lognormal(rng, scenario->cpu_s, 0.5);
	struct front *balancer = &world->balancers[b];
	world->offered++;
	world->second_offered++;

	int k = balancer->queue_count ? PICK_FULL : pick(world, balancer);
	if (k == PICK_BIG) {
		world->big_served += BIG_SERVED;
		return;
	}
	int request = world->free_request;
	bool full = balancer->queue_count == QUEUE_MAX || request < 0;
	if (k == PICK_NONE || full)
		return refuse(world);
	world->free_request = world->requests[request].next_free;
	world->requests[request] = (struct request){
		.arrived_s = world->t_s,
		.wait_left_s = wait_s,
		.cpu_left_s = cpu_s,
		.balancer = b,
		.pi = -1,
	};
	if (k >= 0)
		hand_over(world, balancer, request, k);
	else
		balancer->queue[(balancer->queue_first + balancer->queue_count++) % QUEUE_MAX] =
			request;
}

static void drain_queue(struct world *world, struct front *balancer)
{
	while (balancer->queue_count) {
		int request = balancer->queue[balancer->queue_first], k = PICK_FULL;
		bool late =
			world->t_s - world->requests[request].arrived_s >= world->scenario.queue_s;
		if (!late)
			k = pick(world, balancer);
		if (!late && k < PICK_BIG)
			return;
		balancer->queue_first = (balancer->queue_first + 1) % QUEUE_MAX;
		balancer->queue_count--;
		if (k >= 0) {
			hand_over(world, balancer, request, k);
			continue;
		}
		free_request(world, request);
		if (late)
			refuse(world);
		else
			world->big_served++;
	}
}

void balance_finish(struct world *world, int request, bool served)
{
	const struct request *done = &world->requests[request];
	struct pi *pi = &world->pi[done->pi];
	world->balancers[done->balancer].links[done->pi].at_work--;
	if (!served) {
		refuse(world);
	} else {
		pi->served++;
		pi->good += world->t_s - done->arrived_s <= world->scenario.good_s &&
			    pi->memory.swap_rate_s < 0.25 * MB;
	}
	free_request(world, request);
}

static void ask_agents(struct world *world, struct front *balancer)
{
	for (int k = 0; k < world->pis; k++) {
		struct link *link = &balancer->links[k];
		if (world->t_s < link->next_poll_s)
			continue;
		double jitter = 1 + POLL_JITTER * rng_between(&world->polls, -1, 1);
		link->next_poll_s += world->scenario.poll_s * jitter;
		link->polled = true;
		if (!world->law->step)
			continue;
		const struct told *told = &world->pi[k].told;
		link->weight = told->down ? 0 : told->weight_pct;
		if (told->maxconn > 0)
			link->maxconn = told->maxconn;
	}
}

/*
 * The site of the launch of 2016 served its pages from a cache; beyond 60 to 70 hits a second the
 * pages that must be built anew pile up in the database, and each makes the others slower.
 */
static void step_cliff(struct world *world)
{
	double limit = world->scenario.cliff_rate;
	world->cliff_hits *= 1 - STEP_S / 2; /* two seconds: divided by these below */
	if (limit <= 0)
		return;
	double over = world->cliff_hits / 2 / limit - 1;
	if (over > 0)
		world->cliff_factor += over * world->cliff_factor * CLIFF_RISE_S * STEP_S * 4;
	else
		world->cliff_factor -= (world->cliff_factor - 1) * CLIFF_FALL_S * STEP_S;
	world->cliff_factor = fmin(world->cliff_factor, CLIFF_MOST);
}

/* Poisson: how many of these come in one step. */
static int draw_arrivals(struct rng *rng, double mean)
{
	double limit = exp(-mean), product = rng_unit(rng);
	int count = 0;
	while (product > limit) {
		product *= rng_unit(rng);
		count++;
	}
	return count;
}

void balance_step(struct world *world)
{
	for (int i = 0; i < world->balancer_count; i++) {
		ask_agents(world, &world->balancers[i]);
		drain_queue(world, &world->balancers[i]);
	}
	double mean = scenario_rate(&world->scenario, world->t_s) * STEP_S;
	for (int count = draw_arrivals(&world->arrivals, mean); count > 0; count--)
		arrive(world);
	step_cliff(world);
}
