/* SPDX-License-Identifier: MIT */
/*
 * A prefork web server. A worker is born small, grows to its own peak within its first moments at work
 * and keeps that memory while idle; idle workers beyond the spare ones are ended one by one after a
 * while. The longest idle one takes the next request, as the kernel wakes them in order. That is what
 * makes memory the slow pole: a trickle of requests keeps all workers alive.
 *
 * A request first waits (database, network) and then computes; computing requests share the cores.
 * Workers that wait for memory or for the swap neither compute nor get answers.
 */
#include "tests/sim/world.h"

#include <math.h>

static double draw_size(const struct world *world, struct web *web, int pi)
{
	const struct scenario *scenario = &world->scenario;
	double swell = scenario_sum(scenario, EVENT_SWELL, pi, world->t_s);
	double size = rng_lognormal(&web->sizes, scenario->worker + swell, scenario->worker_sigma);
	return fmax(size, scenario->born);
}

/* Returns the new worker, or NULL if there may be no more. */
static struct worker *spawn(const struct world *world, struct pi *pi)
{
	struct web *web = &pi->web;
	if (web->count >= (int)world->scenario.max_workers)
		return NULL;
	struct worker *worker = &web->workers[web->count++];
	*worker = (struct worker){
		.size = world->scenario.born,
		.target = draw_size(world, web, pi->index),
		.request = -1,
		.since_s = world->t_s,
	};
	return worker;
}

void web_init(struct world *world, struct pi *pi)
{
	pi->web.sizes = rng_new(world->seed, 100 + (uint64_t)pi->index);
	pi->web.surplus_since_s = -1;
	for (int i = 0; i < (int)world->scenario.start_workers; i++) {
		struct worker *worker = spawn(world, pi);
		worker->size = worker->target;
		pi->web.bytes += worker->size;
	}
}

static struct worker *longest_idle(struct web *web)
{
	struct worker *found = NULL;
	if (web->busy == web->count)
		return NULL;
	for (int i = 0; i < web->count; i++) {
		struct worker *worker = &web->workers[i];
		if (worker->request < 0 && (!found || worker->since_s < found->since_s))
			found = worker;
	}
	return found;
}

bool web_offer(struct world *world, struct pi *pi, int request)
{
	struct web *web = &pi->web;
	struct worker *worker = longest_idle(web);
	if (!worker)
		worker = spawn(world, pi);
	if (worker) {
		worker->request = request;
		web->busy++;
		return true;
	}
	if (web->backlog_count == BACKLOG_MAX)
		return false;
	web->backlog[(web->backlog_first + web->backlog_count++) % BACKLOG_MAX] = request;
	return true;
}

static void next_request(const struct world *world, struct web *web, struct worker *worker)
{
	worker->request = -1;
	worker->since_s = world->t_s;
	worker->served++;
	web->busy--;
	if (web->backlog_count == 0)
		return;
	worker->request = web->backlog[web->backlog_first];
	web->backlog_first = (web->backlog_first + 1) % BACKLOG_MAX;
	web->backlog_count--;
	web->busy++;
}

static void end_worker(struct web *web, int index)
{
	web->workers[index] = web->workers[--web->count];
}

/* Ends idle workers: those beyond the spare ones, and those that served their share. */
static void reap(const struct world *world, struct web *web)
{
	const struct scenario *scenario = &world->scenario;
	double idle = web->count - web->busy;
	if (idle <= scenario->max_spare) {
		web->surplus_since_s = -1;
		web->reap_credit = 0;
	} else if (web->surplus_since_s < 0) {
		web->surplus_since_s = world->t_s;
	} else if (world->t_s - web->surplus_since_s >= scenario->idle_s) {
		web->reap_credit += scenario->reap_s * STEP_S;
	}
	bool enough = web->reap_credit < 1 && scenario->requests_per_child <= 0;
	for (int i = web->count - 1; i >= 0 && !enough; i--) {
		const struct worker *worker = &web->workers[i];
		bool old = scenario->requests_per_child > 0 &&
			   worker->served >= scenario->requests_per_child;
		if (worker->request >= 0 || (!old && web->reap_credit < 1))
			continue;
		if (!old)
			web->reap_credit -= 1;
		end_worker(web, i);
	}
}

/* True when the request is answered. */
static bool serve(struct request *request, double wait_s, double cpu_s)
{
	if (request->wait_left_s > 0) {
		double used = fmin(1, request->wait_left_s / fmax(wait_s, 1e-9));
		request->wait_left_s -= wait_s * used;
		if (used >= 1 && request->wait_left_s > 1e-9)
			return false;
		request->wait_left_s = 0;
		cpu_s *= 1 - used;
	}
	request->cpu_left_s -= cpu_s;
	return request->cpu_left_s <= 0;
}

void web_step(struct world *world, struct pi *pi)
{
	const struct scenario *scenario = &world->scenario;
	struct web *web = &pi->web;
	double works = 1 - pi->memory.stall;
	double clock = scenario_factor(scenario, EVENT_THROTTLE, pi->index, world->t_s);
	double slow = scenario_factor(scenario, EVENT_SLOW, pi->index, world->t_s);
	double share = fmin(1, scenario->cores / fmax(1, web->computing)) * clock * works;
	double wait_s = STEP_S * works / slow / world->cliff_factor;
	int computing = 0;

	web->bytes = 0;
	for (int i = 0; i < web->count; i++) {
		struct worker *worker = &web->workers[i];
		if (worker->request >= 0) {
			struct request *request = &world->requests[worker->request];
			double step = (worker->target - scenario->born) / scenario->grow_s * STEP_S;
			worker->size = fmin(worker->target, worker->size + step * works);
			computing += request->wait_left_s <= 0;
			if (serve(request, wait_s, share * STEP_S)) {
				balance_finish(world, worker->request, true);
				next_request(world, web, worker);
			}
		}
		web->bytes += worker->size;
	}
	web->computing = computing;
	double used = fmin(1, computing / scenario->cores);
	pi->cpu_used += (used - pi->cpu_used) * STEP_S;
	pi->load += (computing + pi->memory.stall * web->busy - pi->load) * STEP_S / 60;
	reap(world, web);
}
