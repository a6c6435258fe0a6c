/* SPDX-License-Identifier: MIT */
/*
 * Headroom is what the kernel can hand out before it starts to swap: free pages above the high
 * watermarks, the part of the file cache that it would rather give up than anonymous memory, and
 * half of the reclaimable slab. MemAvailable is not used: with a hot cache and swappiness 60 the
 * kernel swapped at 27 % available. PSI, kswapd and the like come with or after the first page that
 * is swapped out, so they only confirm (seen in all recordings
 * of tests/traces).
 *
 * The budget for web workers is headroom plus what they hold now, minus the reserve, minus what
 * everything else will take within the horizon. It has no integrator and no division by a small
 * number; time to swap is derived for people only.
 *
 * What the workers hold is not measured yet: it is taken as busy workers times the size of one. Busy
 * workers become idle without giving memory back, so the sum of headroom and held memory may fall
 * although nothing was consumed. Therefore the sum follows an observation downwards only as far as
 * headroom itself fell, and the rest in minutes.
 */
#include "agent/pressure.h"

#include <errno.h>
#include <stddef.h>

#include "agent/units.h"

/*
 * Share of the file cache that counts as reclaimable, in percent: half on default settings, nearly
 * all when swappiness is 0 or 1, less while evicted file pages are read back at more than 1 % of
 * the cache per second, because then the cache is in use (tests/traces:
 * with a hot cache swapping began while 27 % of memory was called available).
 */
enum {
	FILE_SHARE_PCT = 50,
	FILE_SHARE_NO_SWAP_PCT = 90,
	FILE_SHARE_HOT_PCT = 30,
	SLAB_SHARE_PCT = 50,
};

/* Stray pages come in ones and twos even on a calm machine; 64 of them (256 KiB) in a second do not. */
#define DISK_SWAP_BYTES (64 * 4096)
/* All tasks stalled for 100 ms of a second (the limit that systemd gives its services). */
#define STALL_US 100000
/* No machine has more memory; what a kernel file says beyond it is not true (8 EiB would overflow). */
#define MEMORY_MOST_BYTES (INT64_C(1) << 50)
/* Smoothing of the slopes: 1 to 2 s is the range that leads swapping in all recordings. */
#define SLOPE_TAU_NS (INT64_C(1500) * NS_PER_MS)
/* How slowly memory is written off that workers held and neither use nor give back. */
#define KEEP_NS (600 * NS_PER_S)
/* A step of more than this is a pause (suspend, stopped process), not a slope. */
#define SLOPE_GAP_NS (10 * NS_PER_S)
/* How far the hard level looks ahead: two polls of a balancer, and the requests at work. */
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

int pressure_headroom(const struct readings *readings, int64_t *ret_bytes, const char **ret_why)
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

/* The sum of headroom and held memory follows the observation; see the theory above. */
static int64_t follow(const struct pressure *pressure, int64_t headroom, int64_t observed,
		      int64_t elapsed_ns, int64_t *ret_written_off)
{
	*ret_written_off = 0;
	if (observed >= pressure->web_bytes)
		return observed;
	int64_t gap = pressure->web_bytes - observed;
	int64_t fall = clamp_i64(pressure->last_headroom_bytes - headroom, 0, gap);
	*ret_written_off = mul_div(gap - fall, elapsed_ns / NS_PER_US, KEEP_NS / NS_PER_US);
	return pressure->web_bytes - fall - *ret_written_off;
}

static void update_slopes(struct pressure *pressure, int64_t headroom, int64_t stamp_ns)
{
	int64_t elapsed_ns = stamp_ns - pressure->last_ns;
	int64_t web = headroom + pressure->held_bytes;
	if (pressure->primed && elapsed_ns <= 0)
		return; /* the same reading again */

	if (pressure->primed && elapsed_ns <= SLOPE_GAP_NS) {
		int64_t us = elapsed_ns / NS_PER_US + 1, written_off;
		web = follow(pressure, headroom, web, elapsed_ns, &written_off);
		int64_t used = mul_div(pressure->web_bytes - web - written_off, 1000000, us);
		int64_t fall = mul_div(pressure->last_headroom_bytes - headroom, 1000000, us);
		pressure->fall_bytes_s = smooth(pressure->fall_bytes_s, fall, us);
		pressure->consumption_bytes_s = smooth(pressure->consumption_bytes_s, used, us);
	} else {
		pressure->fall_bytes_s = 0;
		pressure->consumption_bytes_s = 0;
	}
	pressure->primed = true;
	pressure->last_ns = stamp_ns;
	pressure->last_headroom_bytes = headroom;
	pressure->web_bytes = web;
}

/* What the web workers hold; while their number is unknown (a late status page) the last one. */
static void update_held(struct pressure *pressure, const struct readings *readings,
			const struct verdict *verdict)
{
	if (!readings_has(readings, ROLE_WEB_BUSY))
		return;
	int64_t most =
		clamp_i64(verdict->total_bytes - verdict->headroom_bytes, 0, verdict->total_bytes);
	pressure->held_bytes = clamp_i64(
		mul_div(readings->value[ROLE_WEB_BUSY], verdict->worker_bytes, 1), 0, most);
}

static int64_t reserve_bytes(const struct conf_share *reserve, int64_t total_bytes)
{
	return reserve->relative ? total_bytes / 100 * reserve->value : reserve->value;
}

/* True if the counter grew by limit or more within the last second. */
static bool grew(struct pressure_window *window, const struct readings *readings,
		 enum metric_role role, int64_t limit)
{
	if (!readings_has(readings, role)) {
		*window = (struct pressure_window){0};
		return false;
	}
	int64_t value = readings->value[role], stamp_ns = readings->stamp_ns[role];
	if (!window->open || value < window->base) {
		*window =
			(struct pressure_window){.open = true, .start_ns = stamp_ns, .base = value};
		return false;
	}
	int64_t span_ns = stamp_ns - window->start_ns, growth = value - window->base;
	if (span_ns < NS_PER_S)
		return window->hit || growth >= limit;
	window->hit = mul_div(growth, NS_PER_S / NS_PER_US, span_ns / NS_PER_US) >= limit;
	window->start_ns = stamp_ns;
	window->base = value;
	return window->hit;
}

/* Budget and what derives from the slopes; headroom and the sizes stand in the verdict already. */
static void project(const struct pressure *pressure, const struct pressure_conf *conf,
		    struct verdict *verdict)
{
	int64_t used = clamp_i64(pressure->consumption_bytes_s, 0, verdict->total_bytes);
	int64_t ahead = mul_div(used, conf->horizon_ns / NS_PER_MS, 1000);

	verdict->consumption_bytes_s = used;
	verdict->projected_bytes = verdict->headroom_bytes - ahead;
	verdict->soon_bytes = verdict->headroom_bytes - used * SOON_S;
	verdict->budget_bytes = pressure->web_bytes - ahead - verdict->reserve_bytes;
	if (pressure->fall_bytes_s >= FALLING_BYTES_S) {
		int64_t left = verdict->headroom_bytes > 0 ? verdict->headroom_bytes : 0;
		verdict->falling = true;
		verdict->time_to_swap_ms = mul_div(left, 1000, pressure->fall_bytes_s);
	}
}

void pressure_judge(struct pressure *pressure, const struct pressure_conf *conf,
		    const struct readings *readings, int64_t now_ns, struct verdict *ret_verdict)
{
	struct verdict verdict = {
		.storage_failing = value_or_zero(readings, ROLE_STORAGE_FAILING) != 0,
		.disk_swapping =
			grew(&pressure->swap, readings, ROLE_SWAP_DISK_OUT, DISK_SWAP_BYTES),
	};
	bool stalled = grew(&pressure->stall, readings, ROLE_PSI_FULL, STALL_US);

	int r = pressure_headroom(readings, &verdict.headroom_bytes, &verdict.why);
	if (r < 0) {
		pressure->primed = false;
		*ret_verdict = verdict;
		return;
	}

	verdict.known = true;
	verdict.total_bytes = readings->value[ROLE_MEM_TOTAL];
	verdict.worker_bytes = readings_has(readings, ROLE_WORKER_BYTES)
				       ? readings->value[ROLE_WORKER_BYTES]
				       : conf->worker_bytes;
	verdict.reserve_bytes = reserve_bytes(&conf->reserve, verdict.total_bytes);
	update_held(pressure, readings, &verdict);
	int64_t stamp_ns = readings->stamp_ns[ROLE_MEM_FREE];
	update_slopes(pressure, verdict.headroom_bytes, stamp_ns ? stamp_ns : now_ns);
	project(pressure, conf, &verdict);
	/* PSI may confirm but never lead: it counts only below the reserve. */
	verdict.stalled = stalled && verdict.headroom_bytes < verdict.reserve_bytes;
	*ret_verdict = verdict;
}
