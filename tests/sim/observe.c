/* SPDX-License-Identifier: MIT */
/*
 * What the agent on a modelled Pi would have read. The files of /proc are exact at the moment they are
 * read; rates are over the last two reads. Of the web workers only a few are read in each step, as the
 * agent does; the status page is read every 1 to 2 s, and the size of one is the 90th percentile with
 * slow forgetting.
 */
#include "tests/sim/world.h"

#include <math.h>
#include <stdlib.h>

#include "agent/units.h"

/* Half of what a percentile was above the present one is forgotten in this time. */
#define FORGET_HALF_S 3600.0
/* Workers whose size is read in one step, as in collectors/workers.c; new ones first. */
#define READS_CALM 8
#define READS_FAST 16

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void read_sizes(struct pi *pi, bool fast)
{
	struct law_state *law = &pi->law;
	struct web *web = &pi->web;
	int left = fast ? READS_FAST : READS_CALM;
	for (int i = 0; i < web->count && left > 0; i++) {
		if (web->workers[i].seen > 0)
			continue;
		web->workers[i].seen = web->workers[i].size;
		left--;
	}
	for (int i = 0; i < web->count && left > 0; i++, left--) {
		law->web_next = (law->web_next + 1) % web->count;
		web->workers[law->web_next].seen = web->workers[law->web_next].size;
	}
	double sum = 0;
	for (int i = 0; i < web->count; i++)
		sum += web->workers[i].seen;
	/* RssAnon does not count what is on the swap. */
	double all = pi->memory.nonweb + pi->memory.web;
	law->web_bytes = sum * (1 - pi->memory.swapped / fmax(all, 1));
	law->web_workers = web->count;
}

void observe_web(struct world *world, struct pi *pi)
{
	struct law_state *law = &pi->law;
	const struct web *web = &pi->web;
	read_sizes(pi, world->t_s - law->web_read_s < 0.6);
	law->web_read_s = world->t_s;
	if (world->t_s < law->web_due_s)
		return;
	double span_s = rng_between(&world->entropy, 1, 2), sizes[WORKERS_MAX];
	law->web_due_s = world->t_s + span_s;
	for (int i = 0; i < web->count; i++)
		sizes[i] = web->workers[i].seen;
	qsort(sizes, (size_t)web->count, sizeof(sizes[0]), by_size);
	double p90 = web->count ? sizes[(web->count - 1) * 9 / 10] : 0;
	double kept = law->worker_bytes - p90;
	law->worker_bytes = kept > 0 ? p90 + kept * exp2(-span_s / FORGET_HALF_S) : p90;
	law->web_busy = web->busy;
}

/* As si_mem_available() has it. */
double observe_available(const struct world *world, const struct pi *pi)
{
	const struct memory_conf *conf = &world->scenario.memory;
	double file = memory_file(&pi->memory), low = memory_watermark_low(conf);
	double available = pi->memory.free - memory_watermark_high(conf) + file -
			   fmin(file / 2, low) + conf->slab - fmin(conf->slab / 2, low);
	return fmax(available, 0);
}

static void put(struct readings *readings, enum metric_role role, double value, int64_t now_ns)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = (int64_t)value;
	readings->stamp_ns[role] = now_ns;
}

static void put_counter(struct readings *readings, enum metric_role role, double value,
			int64_t *last, int64_t last_ns, int64_t now_ns)
{
	put(readings, role, value, now_ns);
	if (last_ns > 0 && now_ns > last_ns) {
		readings->rate_known |= UINT64_C(1) << role;
		readings->rate_milli[role] =
			mul_div(readings->value[role] - *last, 1000 * (NS_PER_S / NS_PER_US),
				(now_ns - last_ns) / NS_PER_US);
	}
	*last = readings->value[role];
}

static void put_memory(const struct world *world, const struct pi *pi, struct readings *readings,
		       int64_t now_ns)
{
	const struct memory_conf *conf = &world->scenario.memory;
	const struct memory *memory = &pi->memory;
	put(readings, ROLE_MEM_TOTAL, conf->total, now_ns);
	put(readings, ROLE_MEM_FREE, fmax(memory->free, 0), now_ns);
	put(readings, ROLE_MEM_AVAILABLE, observe_available(world, pi), now_ns);
	put(readings, ROLE_FILE_ACTIVE, memory->active, now_ns);
	put(readings, ROLE_FILE_INACTIVE, memory->inactive, now_ns);
	put(readings, ROLE_FILE_DIRTY, memory->dirty - memory->writeback, now_ns);
	put(readings, ROLE_FILE_WRITEBACK, memory->writeback, now_ns);
	put(readings, ROLE_SLAB_RECLAIMABLE, conf->slab, now_ns);
	put(readings, ROLE_ANON, memory_anon(memory), now_ns);
	put(readings, ROLE_WATERMARK_HIGH, memory_watermark_high(conf), now_ns);
	put(readings, ROLE_SWAPPINESS, conf->swappiness, now_ns);
	put(readings, ROLE_SWAP_KIND, conf->swap, now_ns);
	/* The firmware says so while it lowers the clock. */
	double clock = scenario_factor(&world->scenario, EVENT_THROTTLE, pi->index, world->t_s);
	put(readings, ROLE_THROTTLED, clock < 0.99, now_ns);
}

static void put_web(const struct world *world, const struct pi *pi, struct readings *readings,
		    int64_t now_ns)
{
	const struct law_state *law = &pi->law;
	if (world->scenario.hide_busy <= 0) {
		put(readings, ROLE_WEB_BUSY, law->web_busy, now_ns);
		put(readings, ROLE_WEB_IDLE, law->web_workers - law->web_busy, now_ns);
	}
	if (world->scenario.hide_workers <= 0) {
		put(readings, ROLE_WEB_BYTES, law->web_bytes, now_ns);
		put(readings, ROLE_WEB_WORKERS, law->web_workers, now_ns);
		put(readings, ROLE_WORKER_BYTES, law->worker_bytes, now_ns);
	}
}

void observe_readings(struct world *world, struct pi *pi, struct readings *ret_readings)
{
	struct readings readings = {0};
	struct law_state *law = &pi->law;
	const struct memory *memory = &pi->memory;
	/* A stamp of 0 would mean "never". */
	int64_t now_ns = NS_PER_S + (int64_t)(world->t_s * 1e9), last_ns = law->read_ns;

	observe_web(world, pi);
	put_memory(world, pi, &readings, now_ns);
	put_web(world, pi, &readings, now_ns);
	put_counter(&readings, ROLE_FILE_REFAULT, memory->refaulted, &law->refaulted, last_ns,
		    now_ns);
	put_counter(&readings, ROLE_SWAP_DISK_OUT, memory->disk_out, &law->disk_out, last_ns,
		    now_ns);
	put_counter(&readings, ROLE_SWAP_OUT, memory->swap_out, &law->swap_out, last_ns, now_ns);
	put_counter(&readings, ROLE_ALLOC_STALL, memory->alloc_stalls, &law->stalls, last_ns,
		    now_ns);
	put_counter(&readings, ROLE_ANON_REFAULT, memory->anon_refaulted, &law->anon_refaulted,
		    last_ns, now_ns);
	if (world->scenario.hide_psi <= 0) {
		put_counter(&readings, ROLE_PSI_SOME, memory->psi_some_s * 1e6, &law->psi_some,
			    last_ns, now_ns);
		put_counter(&readings, ROLE_PSI_FULL, memory->psi_full_s * 1e6, &law->psi_full,
			    last_ns, now_ns);
	}
	int balancers = 0;
	for (int i = 0; i < world->balancer_count; i++)
		balancers += world->balancers[i].links[pi->index].polled;
	put(&readings, ROLE_BALANCERS, balancers, now_ns);
	law->read_ns = now_ns;
	*ret_readings = readings;
}
