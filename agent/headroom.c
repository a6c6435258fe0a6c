/* SPDX-License-Identifier: MIT */
/*
 * Headroom is free memory above the high watermarks, plus file pages that nobody uses, plus half of
 * the reclaimable slab. MemAvailable is not used: it counts all of the file cache, and with a hot
 * cache and swappiness 60 the kernel swapped at 27 % available.
 *
 * Which file pages are in use is the question. While the kernel reclaims, it moves pages from the
 * active to the inactive list, so the active list of this moment says little. What was active in the
 * last minutes says more: in the recordings swapping began when the file cache had shrunk to 0.46 to
 * 0.87 times of the most that was active shortly before, whatever the rate (tests/traces). So the
 * most is remembered, and follows the active list down within a minute: pages that could be dropped
 * without being read again were not in use. Pages that are read again (refaults) for seconds
 * say that the cache is too small already.
 *
 * Dirty pages cannot be dropped before they are written, so they do not count. But they are no
 * consumption either, because the kernel bounds them: the stock, whose fall is the
 * consumption, contains them.
 */
#include "agent/headroom.h"

#include <errno.h>
#include <stddef.h>

#include "agent/decay.h"
#include "agent/units.h"

/*
 * How much of the hot file cache the kernel defends by swapping, in percent: nearly all of it with
 * the default swappiness of 60 (0.87 in the worst recording), less when swappiness is 0 or 1, where
 * losing it makes the site slow all the same. Without swap the limit is the cache that keeps
 * programs running. zram pays for swapping with processor time, not with the card.
 */
enum {
	HOT_SHARE_PCT = 85,
	HOT_SHARE_LOW_PCT = 50,
	HOT_SHARE_NONE_PCT = 50,
	HOT_SHARE_ZRAM_PCT = 50,
	SWAPPINESS_DEFAULT = 60,
	/*
	 * With the multi-generational LRU "active" means young, and all of a cache may be that: so
	 * much of it can always be had (in its recordings swapping began at 18 to 23 % available).
	 */
	UNUSED_LEAST_PCT = 45,
	SLAB_SHARE_PCT = 50,
};

/* How fast the memory of the hot cache follows the active list down. */
#define HOT_TAU_NS (60 * NS_PER_S)
/* Smoothing of refaults: a file that is read twice at start is no trend. */
#define REFAULT_TAU_NS (5 * NS_PER_S)
/* More than this share of the cache read again per second, and 4/5 of it are taken as in use. */
#define REFAULT_LIMIT_PCT 2
#define REFAULT_HOT_PCT 80
/* No machine has more memory; what a kernel file says beyond it is not true (8 EiB would overflow). */
#define MEMORY_MOST_BYTES (INT64_C(1) << 50)

/* Largest r with r * r <= n. */
static int64_t square_root(int64_t n)
{
	int64_t r = 0;
	for (int64_t bit = INT64_C(1) << 30; bit; bit >>= 1)
		if ((r + bit) * (r + bit) <= n)
			r += bit;
	return r;
}

/* What is not known counts as nothing here; what is beyond all memory as that. */
static int64_t value_or_zero(const struct readings *readings, enum metric_role role)
{
	if (!readings_has(readings, role))
		return 0;
	return clamp_i64(readings->value[role], 0, MEMORY_MOST_BYTES);
}

/*
 * Where /proc/zoneinfo was not read: the kernel's own default, min = sqrt(16 * lowmem kB) kB and
 * high = 1.5 * min (mm/page_alloc.c, calculate_min_free_kbytes and __setup_per_zone_wmarks).
 */
static int64_t watermark_bytes(const struct readings *readings)
{
	if (readings_has(readings, ROLE_WATERMARK_HIGH))
		return value_or_zero(readings, ROLE_WATERMARK_HIGH);
	int64_t min_kb = square_root(readings->value[ROLE_MEM_TOTAL] / 1024 * 16);
	return min_kb * 1024 * 3 / 2;
}

static int64_t hot_share_pct(const struct readings *readings)
{
	if (readings_has(readings, ROLE_SWAP_KIND)) {
		if (readings->value[ROLE_SWAP_KIND] == SWAP_NONE)
			return HOT_SHARE_NONE_PCT;
		if (readings->value[ROLE_SWAP_KIND] == SWAP_ZRAM)
			return HOT_SHARE_ZRAM_PCT;
	}
	if (!readings_has(readings, ROLE_SWAPPINESS))
		return HOT_SHARE_PCT;
	/* The higher swappiness, the more of the cache is kept at the cost of anonymous memory. */
	int64_t swappiness = clamp_i64(readings->value[ROLE_SWAPPINESS], 1, SWAPPINESS_DEFAULT);
	return HOT_SHARE_LOW_PCT +
	       (HOT_SHARE_PCT - HOT_SHARE_LOW_PCT) * (swappiness - 1) / (SWAPPINESS_DEFAULT - 1);
}

static void remember(struct headroom *headroom, const struct readings *readings, int64_t file,
		     int64_t now_ns)
{
	int64_t active = readings->value[ROLE_FILE_ACTIVE];
	int64_t elapsed_ns = headroom->primed ? now_ns - headroom->last_ns : 0;

	if (headroom->primed && elapsed_ns <= 0)
		return; /* the same readings again */
	int64_t refault = readings_has_rate(readings, ROLE_FILE_REFAULT)
				  ? readings->rate_milli[ROLE_FILE_REFAULT] / 1000
				  : 0;
	refault = clamp_i64(refault, 0, MEMORY_MOST_BYTES);
	headroom->refault_bytes_s =
		decay_approach(headroom->refault_bytes_s, refault, elapsed_ns, REFAULT_TAU_NS);

	int64_t hot = active;
	if (headroom->refault_bytes_s > file / 100 * REFAULT_LIMIT_PCT &&
	    file / 100 * REFAULT_HOT_PCT > hot)
		hot = file / 100 * REFAULT_HOT_PCT;
	headroom->hot_bytes = hot >= headroom->hot_bytes ? hot
							 : decay_approach(headroom->hot_bytes, hot,
									  elapsed_ns, HOT_TAU_NS);
	headroom->primed = true;
	headroom->last_ns = now_ns;
}

/*
 * Where there is high memory (32-bit kernels) the kernel itself can use only the rest, and swaps for
 * its sake. What is left of that part, in proportion, is the headroom if it is the smaller one.
 */
static int64_t low_memory(const struct readings *readings, int64_t headroom, int64_t slab)
{
	int64_t low_total = value_or_zero(readings, ROLE_LOW_TOTAL);
	if (low_total == 0 || !readings_has(readings, ROLE_LOW_FREE))
		return headroom;
	int64_t low =
		clamp_i64(readings->value[ROLE_LOW_FREE], -MEMORY_MOST_BYTES, MEMORY_MOST_BYTES) +
		value_or_zero(readings, ROLE_LOW_FILE) / 2 + slab;
	int64_t scaled = mul_div(low, readings->value[ROLE_MEM_TOTAL] / 1024, low_total / 1024 + 1);
	return scaled < headroom ? scaled : headroom;
}

static int check_needed(const struct readings *readings, const char **ret_why)
{
	static const enum metric_role needed[] = {
		ROLE_MEM_TOTAL,
		ROLE_MEM_FREE,
		ROLE_FILE_ACTIVE,
		ROLE_FILE_INACTIVE,
	};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!readings_has(readings, needed[i])) {
			*ret_why = "memory readings are missing or stale";
			return -ENODATA;
		}
		if (readings->value[needed[i]] != value_or_zero(readings, needed[i]) ||
		    readings->value[ROLE_MEM_TOTAL] <= 0) {
			*ret_why = "memory readings are not plausible";
			return -ENODATA;
		}
	}
	return 0;
}

int headroom_update(struct headroom *headroom, const struct readings *readings, int64_t now_ns,
		    struct headroom_level *ret_level, const char **ret_why)
{
	int r = check_needed(readings, ret_why);
	if (r < 0)
		return r;

	int64_t file = readings->value[ROLE_FILE_ACTIVE] + readings->value[ROLE_FILE_INACTIVE];
	int64_t waiting = value_or_zero(readings, ROLE_FILE_DIRTY) +
			  value_or_zero(readings, ROLE_FILE_WRITEBACK);
	/* Missing in some recordings and small: not counting it is on the safe side. */
	int64_t slab = value_or_zero(readings, ROLE_SLAB_RECLAIMABLE) / 100 * SLAB_SHARE_PCT;
	int64_t spare = readings->value[ROLE_MEM_FREE] - watermark_bytes(readings);

	remember(headroom, readings, file, now_ns);
	int64_t unused = file - headroom->hot_bytes / 100 * hot_share_pct(readings);
	if (unused < file / 100 * UNUSED_LEAST_PCT)
		unused = file / 100 * UNUSED_LEAST_PCT;
	int64_t bytes = spare + (unused > waiting ? unused - waiting : 0) + slab;

	ret_level->bytes = low_memory(readings, bytes, slab);
	ret_level->stock_bytes = readings->value[ROLE_MEM_FREE] + file + slab;
	return 0;
}
