/* SPDX-License-Identifier: MIT */
/*
 * Laws to compare with. Three send a weight only, as agents in the field do; what they read is
 * what MemAvailable, the load average and the use of the processor say. Their formulas are those their
 * authors published: loadbalancer.org's feedback agent (Go) and mwinkens/haproxy-agent (Python).
 */
#include <math.h>

#include "tests/sim/law.h"
#include "tests/sim/world.h"

static double available_share(const struct world *world, const struct pi *pi)
{
	return observe_available(world, pi) / world->scenario.memory.total;
}

/* The obvious one, with its hysteresis. */
void law_threshold(struct world *world, struct pi *pi)
{
	double share = available_share(world, pi);
	if (share < 0.15)
		pi->law.drained = true;
	else if (share > 0.25)
		pi->law.drained = false;
	pi->told.weight_pct = pi->law.drained ? 0 : 100;
	pi->told.state = pi->law.drained ? "drain" : "";
	pi->law.due_s = world->t_s + 0.25;
}

/* Importance 1 for processor and memory; 0 when one of them is used up (threshold 100 %). */
void law_feedback(struct world *world, struct pi *pi)
{
	double ram_pct = 100 * (1 - available_share(world, pi)), cpu_pct = 100 * pi->cpu_used;
	double weight = ceil(100 - (ram_pct + cpu_pct) / 2);
	if (ram_pct >= 99.5 || cpu_pct >= 99.95)
		weight = 0;
	pi->told.weight_pct = fmax(weight, 0);
	pi->law.due_s = world->t_s + 0.25;
}

static double between(double x, double x0, double y0, double x1, double y1)
{
	return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

/* Free RAM above 30 %: 100; to 5 %: 50 x free / 30; below: 0. Load per core 50, 80, 120 %: 50, 20, 0. */
void law_free_share(struct world *world, struct pi *pi)
{
	double free_pct = 100 * available_share(world, pi);
	double load_pct = 100 * pi->load / world->scenario.cores;
	double memory = free_pct > 30 ? 100 : free_pct >= 5 ? 50 * free_pct / 30 : 0;
	double load = load_pct < 50   ? between(load_pct, 0, 100, 50, 50)
		      : load_pct < 80 ? between(load_pct, 50, 50, 80, 20)
				      : fmax(0, between(load_pct, 80, 20, 120, 0));
	pi->told.weight_pct = floor(fmin(memory, load));
	pi->law.due_s = world->t_s + 0.25;
}

static double headroom(const struct readings *readings)
{
	double file =
		(double)(readings->value[ROLE_FILE_ACTIVE] + readings->value[ROLE_FILE_INACTIVE] -
			 readings->value[ROLE_FILE_DIRTY] - readings->value[ROLE_FILE_WRITEBACK]);
	double refault_s = (double)readings->rate_milli[ROLE_FILE_REFAULT] / 1000;
	double share = readings->value[ROLE_SWAPPINESS] <= 1 ? 0.9
		       : refault_s > file / 100		     ? 0.3
							     : 0.5;
	return (double)(readings->value[ROLE_MEM_FREE] - readings->value[ROLE_WATERMARK_HIGH]) +
	       share * fmax(file, 0) + 0.5 * (double)readings->value[ROLE_SLAB_RECLAIMABLE];
}

static void tell_slots(const struct world *world, struct pi *pi, double slots)
{
	pi->told.maxconn = (int)fmax(1, floor(slots / world->balancer_count));
}

/* Halves the cap when headroom is below a fifth of the RAM, at most every 2 s; else one more a second. */
void law_aimd(struct world *world, struct pi *pi)
{
	struct readings readings;
	struct law_state *law = &pi->law;
	observe_readings(world, pi, &readings);
	if (!law->primed) {
		law->primed = true;
		law->given = scenario_static_cap(world->nominal);
	}
	if (headroom(&readings) < 0.2 * world->scenario.memory.total) {
		if (world->t_s >= law->rise_after_s) {
			law->given = fmax(1, law->given / 2);
			law->rise_after_s = world->t_s + 2;
		}
	} else if (world->t_s >= law->rise_after_s) {
		law->given = fmin(law->given + 0.25, world->scenario.max_workers);
	}
	pi->told.weight_pct = 100;
	tell_slots(world, pi, law->given);
	law->due_s = world->t_s + 0.25;
}

/* Growth of everything but the workers, bytes/s: smoothed over a second. */
static double reference_slope(struct law_state *law, double stock, double now_s)
{
	double span_s = now_s - law->last_s;
	if (law->primed && span_s > 0)
		law->slope +=
			((law->last_stock - stock) / span_s - law->slope) * span_s / (1 + span_s);
	law->primed = true;
	law->last_s = now_s;
	law->last_stock = stock;
	return fmax(law->slope, 0);
}

static bool reference_hard(struct world *world, struct pi *pi, const struct readings *readings,
			   double room, double slope)
{
	struct law_state *law = &pi->law;
	double reserve = 0.2 * world->scenario.memory.total;
	bool swaps = readings->rate_milli[ROLE_SWAP_DISK_OUT] > 64 * 4096 * 1000LL;
	bool stalls = readings->rate_milli[ROLE_PSI_FULL] >= 100000 * 1000LL;
	if (room - 2 * slope < reserve / 4 || swaps || stalls) {
		law->hard = true;
		law->safe_since_s = -1;
	} else if (law->hard && room > reserve) {
		if (law->safe_since_s < 0)
			law->safe_since_s = world->t_s;
		law->hard = world->t_s - law->safe_since_s < 10;
	} else {
		law->safe_since_s = -1;
	}
	return law->hard;
}

/*
 * Reserve 20 % of RAM, horizon 10 s, slope over 1 s, at least 2 slots, up one slot a second and 3 s
 * after the last reduction; normal is the operator's cap. Nothing is learned.
 */
void law_reference(struct world *world, struct pi *pi)
{
	struct readings readings;
	struct law_state *law = &pi->law;
	bool first = !law->primed;
	observe_readings(world, pi, &readings);
	double size = fmax((double)readings.value[ROLE_WORKER_BYTES], 4 * MB);
	double web = (double)readings.value[ROLE_WEB_BYTES], room = headroom(&readings);
	if (world->scenario.hide_workers > 0) {
		size = world->nominal->worker;
		web = size * (double)readings.value[ROLE_WEB_BUSY];
	}
	double slope = reference_slope(law, room + web, world->t_s);
	double budget = room + web - 0.2 * world->scenario.memory.total - 10 * slope;
	double nominal = scenario_static_cap(world->nominal);
	double target = fmin(fmax(budget / size, 2), nominal);
	if (first) {
		law->given = target;
	} else if (target < law->given) {
		law->given = target;
		law->rise_after_s = world->t_s + 3 * rng_between(&world->entropy, 1, 1.1);
	} else if (world->t_s >= law->rise_after_s) {
		law->given = fmin(target, law->given + 0.25);
	}
	bool hard = reference_hard(world, pi, &readings, room, slope);
	if (hard)
		law->given = 2;
	double weight = 5 * floor(100 * law->given / nominal / 5 + 0.5);
	pi->told.weight_pct = hard ? 1 : fmin(fmax(weight, 5), 100);
	pi->told.state = hard ? "hard" : weight < 100 ? "shed" : "normal";
	tell_slots(world, pi, hard ? 1 : law->given);
	law->due_s = world->t_s + 0.25;
}
