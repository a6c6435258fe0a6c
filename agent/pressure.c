/* SPDX-License-Identifier: MIT */
/*
 * Headroom is what the kernel can hand out before it starts to swap: free pages above the high
 * watermarks, the part of the file cache that it would rather give up than anonymous memory, and
 * half of the reclaimable slab. MemAvailable is not used: with a hot cache and swappiness 60 the
 * kernel swapped at 27 % available. PSI, kswapd and the like come with or after the first page that
 * is swapped out, so they only confirm (reference pressure-and-lb E3, E5).
 *
 * The budget for web workers is headroom plus what they hold now, minus the reserve, minus what
 * everything else will take within the horizon. It has no integrator and no division by a small
 * number; time to swap is derived for people only.
 */
#include "agent/pressure.h"

#include <errno.h>
#include <stddef.h>

#include "agent/units.h"

/*
 * Share of the file cache that counts as reclaimable, in percent: half on default settings, nearly
 * all when swappiness is 0 or 1, less while evicted file pages are read back at more than 1 % of
 * the cache per second, because then the cache is in use (reference E5).
 */
enum {
	FILE_SHARE_PCT = 50,
	FILE_SHARE_NO_SWAP_PCT = 90,
	FILE_SHARE_HOT_PCT = 30,
	SLAB_SHARE_PCT = 50,
};

/* 64 pages of 4 KiB a second to a swap on disk are not stray pages any more (reference E5, F2). */
#define DISK_SWAP_BYTES_S (64 * 4096)
/* All tasks stalled for 100 ms of a second (the customary PSI threshold, reference D). */
#define STALL_US_S 100000
/* Smoothing of the slopes: 1 to 2 s is the range that led swapping in all traces (reference E5). */
#define SLOPE_TAU_NS (INT64_C(1500) * NS_PER_MS)
/* A step of more than this is a pause (suspend, stopped process), not a slope. */
#define SLOPE_GAP_NS (10 * NS_PER_S)
/* How far the hard level looks ahead (reference F2). */
#define SOON_S 2
/* Slower than this and "time to swap" would be noise: 16 KiB/s is 1.3 GiB a day. */
#define FALLING_BYTES_S (16 * 1024)

static int64_t file_share_pct(const struct readings *readings, int64_t file_bytes)
{
	if (readings_has(readings, ROLE_SWAP_KIND) && readings->value[ROLE_SWAP_KIND] == SWAP_NONE)
		return FILE_SHARE_NO_SWAP_PCT;
	if (readings_has(readings, ROLE_SWAPPINESS) && readings->value[ROLE_SWAPPINESS] <= 1)
		return FILE_SHARE_NO_SWAP_PCT;
	if (readings_has_rate(readings, ROLE_FILE_REFAULT) &&
	    readings->rate_milli[ROLE_FILE_REFAULT] / 1000 > file_bytes / 100)
		return FILE_SHARE_HOT_PCT;
	return FILE_SHARE_PCT;
}

/* Largest r with r * r <= n. */
static int64_t square_root(int64_t n)
{
	int64_t r = 0;
	for (int64_t bit = INT64_C(1) << 30; bit; bit >>= 1)
		if ((r + bit) * (r + bit) <= n)
			r += bit;
	return r;
}

/*
 * Where /proc/zoneinfo was not read: the kernel's own default, min = sqrt(16 * lowmem kB) kB and
 * high = 1.5 * min (mm/page_alloc.c, calculate_min_free_kbytes and __setup_per_zone_wmarks).
 */
static int64_t watermark_bytes(const struct readings *readings)
{
	if (readings_has(readings, ROLE_WATERMARK_HIGH))
		return readings->value[ROLE_WATERMARK_HIGH];
	int64_t min_kb = square_root(readings->value[ROLE_MEM_TOTAL] / 1024 * 16);
	return min_kb * 1024 * 3 / 2;
}

static int64_t value_or_zero(const struct readings *readings, enum metric_role role)
{
	return readings_has(readings, role) ? readings->value[role] : 0;
}

int pressure_headroom(const struct readings *readings, int64_t *ret_bytes, const char **ret_why)
{
	static const enum metric_role needed[] = {
		ROLE_MEM_TOTAL,
		ROLE_MEM_FREE,
		ROLE_FILE_ACTIVE,
		ROLE_FILE_INACTIVE,
	};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (readings_has(readings, needed[i]))
			continue;
		*ret_why = "memory readings are missing or stale";
		return -ENODATA;
	}

	int64_t file = readings->value[ROLE_FILE_ACTIVE] + readings->value[ROLE_FILE_INACTIVE] -
		       value_or_zero(readings, ROLE_FILE_DIRTY) -
		       value_or_zero(readings, ROLE_FILE_WRITEBACK);
	if (file < 0)
		file = 0;
	/* Missing in some traces and small: not counting it is on the safe side. */
	int64_t slab = value_or_zero(readings, ROLE_SLAB_RECLAIMABLE);

	*ret_bytes = readings->value[ROLE_MEM_FREE] - watermark_bytes(readings) +
		     file / 100 * file_share_pct(readings, file) + slab / 100 * SLAB_SHARE_PCT;
	return 0;
}

/* slope += (sample - slope) * (1 - exp(-dt/tau)), with 1 - exp(-x) taken as x / (1 + x). */
static int64_t smooth(int64_t slope, int64_t sample, int64_t elapsed_us)
{
	return slope + mul_div(sample - slope, elapsed_us, elapsed_us + SLOPE_TAU_NS / NS_PER_US);
}

static void update_slopes(struct pressure *pressure, int64_t headroom, int64_t memory,
			  int64_t stamp_ns)
{
	int64_t elapsed_ns = stamp_ns - pressure->last_ns;
	if (pressure->primed && elapsed_ns <= 0)
		return; /* the same reading again */

	if (pressure->primed && elapsed_ns <= SLOPE_GAP_NS) {
		int64_t us = elapsed_ns / NS_PER_US + 1;
		int64_t fall = mul_div(pressure->last_headroom_bytes - headroom, 1000000, us);
		int64_t used = mul_div(pressure->last_memory_bytes - memory, 1000000, us);
		pressure->fall_bytes_s = smooth(pressure->fall_bytes_s, fall, us);
		pressure->consumption_bytes_s = smooth(pressure->consumption_bytes_s, used, us);
	} else {
		pressure->fall_bytes_s = 0;
		pressure->consumption_bytes_s = 0;
	}
	pressure->primed = true;
	pressure->last_ns = stamp_ns;
	pressure->last_headroom_bytes = headroom;
	pressure->last_memory_bytes = memory;
}

static int64_t reserve_bytes(const struct conf_share *reserve, int64_t total_bytes)
{
	return reserve->relative ? total_bytes / 100 * reserve->value : reserve->value;
}

static bool confirm_disk_swap(const struct readings *readings)
{
	return readings_has_rate(readings, ROLE_SWAP_DISK_OUT) &&
	       readings->rate_milli[ROLE_SWAP_DISK_OUT] / 1000 >= DISK_SWAP_BYTES_S;
}

/* PSI may confirm but never lead: it counts only below the reserve (reference D). */
static bool confirm_stall(const struct readings *readings, const struct verdict *verdict)
{
	return verdict->headroom_bytes < verdict->reserve_bytes &&
	       readings_has_rate(readings, ROLE_PSI_FULL) &&
	       readings->rate_milli[ROLE_PSI_FULL] / 1000 >= STALL_US_S;
}

void pressure_judge(struct pressure *pressure, const struct pressure_conf *conf,
		    const struct readings *readings, int64_t now_ns, struct verdict *ret_verdict)
{
	struct verdict verdict = {
		.storage_failing = value_or_zero(readings, ROLE_STORAGE_FAILING) != 0,
		.disk_swapping = confirm_disk_swap(readings),
	};

	int r = pressure_headroom(readings, &verdict.headroom_bytes, &verdict.why);
	if (r < 0) {
		pressure->primed = false;
		*ret_verdict = verdict;
		return;
	}

	int64_t stamp_ns = readings->stamp_ns[ROLE_MEM_FREE];
	if (stamp_ns == 0)
		stamp_ns = now_ns;
	verdict.known = true;
	verdict.worker_bytes = readings_has(readings, ROLE_WORKER_BYTES)
				       ? readings->value[ROLE_WORKER_BYTES]
				       : conf->worker_bytes;
	int64_t held = value_or_zero(readings, ROLE_WEB_BUSY) * verdict.worker_bytes;
	update_slopes(pressure, verdict.headroom_bytes, verdict.headroom_bytes + held, stamp_ns);

	int64_t consumption = pressure->consumption_bytes_s;
	verdict.consumption_bytes_s = consumption > 0 ? consumption : 0;
	verdict.reserve_bytes = reserve_bytes(&conf->reserve, readings->value[ROLE_MEM_TOTAL]);
	verdict.projected_bytes =
		verdict.headroom_bytes -
		mul_div(verdict.consumption_bytes_s, conf->horizon_ns / NS_PER_MS, 1000);
	verdict.soon_bytes = verdict.headroom_bytes - verdict.consumption_bytes_s * SOON_S;
	verdict.budget_bytes = verdict.projected_bytes + held - verdict.reserve_bytes;

	if (pressure->fall_bytes_s >= FALLING_BYTES_S) {
		int64_t left = verdict.headroom_bytes > 0 ? verdict.headroom_bytes : 0;
		verdict.falling = true;
		verdict.time_to_swap_ms = mul_div(left, 1000, pressure->fall_bytes_s);
	}
	verdict.stalled = confirm_stall(readings, &verdict);
	*ret_verdict = verdict;
}
