/* SPDX-License-Identifier: MIT */
/*
 * When Linux swaps (mm/vmscan.c, get_scan_count() and shrink_inactive_list(), kernel 6.1), as far
 * as the recordings in tests/traces show it:
 *
 * - Below the low watermark memory is reclaimed up to the high one.
 * - While the inactive file list is longer than the active one and nothing is read back, only the
 *   inactive file list is reclaimed. A stream of files read or written once feeds that list.
 * - Otherwise both lists of files shrink together, and anonymous memory is looked at as well, in
 *   the proportion swappiness : 200 - swappiness of the lengths of the lists. Pages looked at for
 *   the first time have been used since and are spared; the inactive half of the anonymous memory
 *   has to be passed once before a page goes to the swap. The path there is what decides: with a
 *   small active list the cache is nearly gone by then, with a hot one of 300 MB 270 MB are left.
 * - When the hot files no longer fit they are read back at once, which raises the cost of reclaiming
 *   files, and anonymous memory is preferred.
 * - When hardly any file page is left, only the swap remains.
 *
 * The two constants below were fitted to the recordings; `hostingpi-sim --calibrate` shows how well.
 * Which way a single machine deviates is part of the seed: see memory_conf.pass.
 */
#include "tests/sim/memory.h"

#include <math.h>

/* Share of anonymous memory that is looked at before the first page goes: about half is inactive. */
#define SCAN_PASS 0.45
/* How much dearer file pages are while evicted ones are read back. */
#define REFAULT_COST 5.0
/* Mapped programs in use: the kernel does not get below this. */
#define FILE_FLOOR (3 * MB)
/* vm.dirty_ratio and dirty_background_ratio. */
#define DIRTY_SHARE 0.20
#define WRITEBACK_S 0.3
#define ZRAM_RATIO 3.0

static double max0(double value)
{
	return value > 0 ? value : 0;
}

/* mm/page_alloc.c: low = min * 5/4, high = min * 3/2. */
double memory_watermark_low(const struct memory_conf *conf)
{
	return conf->min_free * 1.25;
}

double memory_watermark_high(const struct memory_conf *conf)
{
	return conf->min_free * 1.5;
}

static double zram_bytes(const struct memory *memory, const struct memory_conf *conf)
{
	return conf->swap == SWAP_ZRAM ? memory->swapped / ZRAM_RATIO : 0;
}

/* Free is what is left: one identity instead of a dozen bookings. */
static void settle(struct memory *memory, const struct memory_conf *conf)
{
	memory->free = conf->total - conf->kernel - conf->slab - memory_anon(memory) -
		       memory_file(memory) - zram_bytes(memory, conf);
}

void memory_init(struct memory *memory, const struct memory_conf *conf, double nonweb, double web)
{
	*memory = (struct memory){.nonweb = nonweb, .web = web};
	double room = conf->total - conf->kernel - conf->slab - nonweb - web -
		      memory_watermark_high(conf);
	double file = fmin(conf->file, max0(room));
	memory->active = fmin(conf->active, file);
	memory->inactive = file - memory->active;
	settle(memory, conf);
}

static double pass_share(const struct memory_conf *conf)
{
	return conf->pass > 0 ? conf->pass : SCAN_PASS;
}

static double reclaimable_file(const struct memory *memory)
{
	return max0(memory_file(memory) - memory->dirty - FILE_FLOOR);
}

/* Anonymous pages looked at per file page. */
static double scan_ratio(const struct memory *memory, const struct memory_conf *conf, bool refault)
{
	if (conf->swap == SWAP_NONE)
		return 0;
	double file = fmax(reclaimable_file(memory), 0.1 * MB);
	double price = conf->swappiness / (200.001 - conf->swappiness);
	return price * memory_anon(memory) / file * (refault ? REFAULT_COST : 1);
}

static void take_file(struct memory *memory, double bytes)
{
	/* A shrinking inactive list is fed from the active one until both are of one length. */
	double inactive = fmin(bytes, max0(memory->inactive - memory->active));
	memory->inactive -= inactive;
	double rest = bytes - inactive, active = fmin(rest / 2, memory->active);
	/* what was deactivated went through the inactive list */
	memory->active -= active;
	memory->inactive = max0(memory->inactive - (rest - active));
}

/* Puts up to bytes of anonymous memory on the swap, as fast as that is; returns what became free. */
static double swap_out(struct memory *memory, const struct memory_conf *conf, double bytes,
		       double dt)
{
	if (conf->swap == SWAP_NONE)
		return 0;
	double out = fmin(fmin(bytes, conf->swap_s * dt), max0(memory_anon(memory)));
	if (conf->swap_total > 0)
		out = fmin(out, max0(conf->swap_total - memory->swapped));
	memory->swapped += out;
	memory->swap_out += out;
	if (conf->swap != SWAP_ZRAM)
		memory->disk_out += out;
	memory->swap_rate_s += out; /* decays in memory_step() */
	return conf->swap == SWAP_ZRAM ? out * (1 - 1 / ZRAM_RATIO) : out;
}

/* Makes need bytes free, as far as that is possible in dt. */
static void reclaim(struct memory *memory, const struct memory_conf *conf, double need, double dt)
{
	bool refault = memory->refaulting_s > 0.005 * memory_file(memory);
	double available = reclaimable_file(memory);
	double spare = refault ? 0 : fmin(max0(memory->inactive - memory->active), available);
	double trim = fmin(need, spare);

	double hard = need - trim, ratio = scan_ratio(memory, conf, refault);
	double from_anon = 0, limit = pass_share(conf) * memory_anon(memory);
	memory->scanned = fmin(memory->scanned + hard * ratio, limit);
	if (memory->scanned >= limit && hard > 0)
		from_anon = hard * ratio / (1 + ratio);
	double from_file = need - from_anon;
	if (from_file > available) {
		from_anon += from_file - available;
		from_file = available;
	}
	take_file(memory, from_file);
	if (from_anon > 0)
		swap_out(memory, conf, from_anon, dt);
}

static void change_anon(struct memory *memory, const struct memory_demand *demand)
{
	double before = memory->nonweb + memory->web, after = demand->nonweb + demand->web;
	if (after < before && before > 0) {
		memory->swapped *= after / before;
		memory->scanned *= after / before;
	}
	memory->nonweb = demand->nonweb;
	memory->web = demand->web;
}

static void change_files(struct memory *memory, const struct memory_conf *conf,
			 const struct memory_demand *demand, double dt)
{
	double written = demand->write_s * dt;
	double room = DIRTY_SHARE * (max0(memory->free) + memory_file(memory)) - memory->dirty;
	double flushed = fmin(conf->disk_s * dt, memory->dirty + written);
	written = fmin(written, max0(room) + flushed);
	memory->dirty = max0(memory->dirty + written - flushed);
	memory->writeback = fmin(memory->dirty, conf->disk_s * WRITEBACK_S);
	memory->inactive += demand->read_s * dt + written;

	memory->refaulting_s = 0;
	if (conf->hot > 0) {
		double resident = fmin(conf->hot, memory_file(memory) - memory->dirty);
		memory->refaulting_s = conf->reread_s * max0(1 - resident / conf->hot);
		memory->inactive += memory->refaulting_s * dt;
		memory->refaulted += memory->refaulting_s * dt;
		double promoted = fmin(conf->reread_s * dt, max0(resident - memory->active));
		promoted = fmin(promoted, memory->inactive);
		memory->active += promoted;
		memory->inactive -= promoted;
	}
}

static void count_stalls(struct memory *memory, const struct memory_conf *conf, double dt)
{
	double lack = max0(conf->min_free - memory->free) / conf->min_free;
	double swapping = fmin(1, memory->swap_rate_s / (2 * MB));
	double thrash = fmin(0.8, memory->refaulting_s / (40 * MB));
	memory->stall = fmin(0.95, fmax(fmax(lack, swapping), thrash));
	if (lack > 0)
		memory->alloc_stalls += 20 * lack * dt;
	memory->psi_some_s += memory->stall * dt;
	memory->psi_full_s += 0.5 * memory->stall * dt;
	/* Part of what was swapped out is in use: it comes back while the machine works on. */
	double back = fmin(memory->swapped * 0.01, 2 * MB) * dt;
	if (memory->free > memory_watermark_high(conf) && memory->swap_rate_s < 0.1 * MB) {
		memory->swapped -= back;
		memory->anon_refaulted += back;
	}
}

void memory_step(struct memory *memory, const struct memory_conf *conf,
		 const struct memory_demand *demand, double dt)
{
	memory->swap_rate_s *= 1 - dt;
	change_anon(memory, demand);
	change_files(memory, conf, demand, dt);
	settle(memory, conf);
	if (memory->free < memory_watermark_low(conf)) {
		reclaim(memory, conf, memory_watermark_high(conf) - memory->free, dt);
		settle(memory, conf);
	}
	count_stalls(memory, conf, dt);
}

double memory_room(const struct memory *memory, const struct memory_conf *conf)
{
	struct memory copy = *memory;
	struct memory_conf quick = *conf;
	if (memory->swap_rate_s > 0.25 * MB)
		return -memory->swap_rate_s;
	/* At 4 % of the RAM a step the answer is within 2 %. */
	double step = conf->total / 100, room = 0;
	quick.swap_s = conf->total;
	copy.swap_rate_s = 0;
	for (int i = 0; i < 100 && copy.swap_out - memory->swap_out < 1 * MB; i++) {
		struct memory_demand demand = {.nonweb = copy.nonweb + step, .web = copy.web};
		memory_step(&copy, &quick, &demand, step / (50 * MB));
		if (copy.free < 0)
			break;
		room += step;
	}
	return room;
}
