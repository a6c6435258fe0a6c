/* SPDX-License-Identifier: MIT */
/*
 * The budget for web workers has two bounds. What they may grow to is the headroom plus what they hold
 * now, minus the reserve: so much is kept for what others may take all of a sudden, because workers
 * give memory back slowly (Apache ends one a second after 10 s of idleness). What they may keep is
 * the same with the inner part of the reserve, minus what everything else will take within the
 * horizon: while others do grow, the outer part is there to be used. When even that is not
 * enough, idle workers must end; a server keeps a few of them in any case, so a deficit counts
 * more than once. There is no integrator, and no division by a small number; time to swap is derived
 * for people only. PSI, kswapd and the like come with or after the first page that is swapped
 * out, so they only confirm (seen in all recordings of tests/traces).
 *
 * What the workers hold is read from their processes where that is allowed. Otherwise it is taken as
 * busy workers times the size of one. Then busy workers become idle without giving memory back, so the
 * sum of headroom and held memory may fall although nothing was consumed. Therefore the sum follows
 * an observation downwards only as far as the stock itself fell, and the rest in minutes. Where
 * nothing is known of the web, all growth counts as consumption by others, which is reserve enough.
 */
#include "agent/pressure.h"

#include <stddef.h>

#include "agent/decay.h"
#include "agent/heat.h"
#include "agent/units.h"

/* Stray pages come in ones and twos even on a calm machine; 64 of them (256 KiB) in a second do not. */
#define DISK_SWAP_BYTES (64 * 4096)
/* All tasks stalled for 100 ms of a second (the limit that systemd gives its services). */
#define STALL_US 100000
/* Without PSI: as many allocations in a second had to free memory themselves. */
#define STALL_ALLOCATIONS 100
/* How slowly memory is written off that workers held and neither use nor give back. */
#define KEEP_NS (600 * NS_PER_S)
/* A step of more than this is a pause (stopped process); a starved Pi may stall for less. */
#define GAP_NS (60 * NS_PER_S)
/* Nothing seen of the web workers for this long: there are none, or they cannot be seen any more. */
#define UNSEEN_NS (60 * NS_PER_S)
/* How far the hard level looks ahead: two polls of a balancer, and the requests at work. */
#define SOON_S 2
/* Less than this part of the reserve in sight, and swap is near. */
#define NEAR_PART 4
/* Slower than this and "time to swap" would be noise: 16 KiB/s is 1.3 GiB a day. */
#define FALLING_BYTES_S (16 * 1024)
/* The inner part of the reserve, which is kept even while others grow. */
#define INNER_PCT 33
#define DEFICIT_FACTOR 3
/* How long a new worker may take to its usual size and into our readings. */
#define SETTLE_NS (3 * NS_PER_S)
/* How slowly memory is believed that others give back. */
#define BELIEVE_NS (3 * NS_PER_S)
/* Smoothing of the mean size of a worker. */
#define MEAN_NS (30 * NS_PER_S)
/* Faster than a 500th of memory per second (2 MB/s of 1 GB) is no leak but a program at work. */
#define LEAK_PARTS_S 500
/* More than a 2000th per second over a minute, and what others took is not all that they will take. */
#define GROWING_PARTS_S 2000
/* More processes than any Pi runs; keeps the arithmetic far from overflow. */
#define WORKERS_MOST 100000
/* The size of a worker where it is neither measured nor configured: PHP with a small application. */
#define WORKER_DEFAULT_BYTES (INT64_C(32) << 20)
/* A peak of busy workers that was seen is not the highest there is. */
#define DEMAND_SPARE_PCT 125
/* No worker is smaller: half of one is the interpreter itself. */
#define WORKER_LEAST_BYTES (INT64_C(4) << 20)
/* Unless the operator says so; and even a connection of nginx has its buffers. */
#define WORKER_CONF_LEAST_BYTES (INT64_C(64) << 10)
/* No machine has more; keeps the arithmetic far from overflow. */
#define MEMORY_MOST_BYTES (INT64_C(1) << 50)

static int64_t worker_bytes(const struct pressure_conf *conf, const struct readings *readings,
			    int64_t total_bytes)
{
	if (conf->worker_bytes > 0)
		return clamp_i64(conf->worker_bytes, WORKER_CONF_LEAST_BYTES, MEMORY_MOST_BYTES);
	if (readings_has(readings, ROLE_WORKER_BYTES))
		return clamp_i64(readings->value[ROLE_WORKER_BYTES], WORKER_LEAST_BYTES,
				 total_bytes > WORKER_LEAST_BYTES ? total_bytes
								  : WORKER_LEAST_BYTES);
	return WORKER_DEFAULT_BYTES;
}

/* What the workers that were forked in the last seconds will take, and the mean size of all. */
static void update_workers(struct pressure *pressure, const struct readings *readings,
			   const struct verdict *verdict, int64_t elapsed_ns)
{
	elapsed_ns = clamp_i64(elapsed_ns, 0, GAP_NS);
	if (!readings_has(readings, ROLE_WEB_WORKERS) || !readings_has(readings, ROLE_WEB_BYTES)) {
		pressure->expected_bytes = pressure->mean_bytes = 0;
		return;
	}
	int64_t count = clamp_i64(readings->value[ROLE_WEB_WORKERS], 0, WORKERS_MOST);
	if (count * 1000 > pressure->settled_milli && pressure->last_ns)
		pressure->settled_milli = decay_approach(pressure->settled_milli, count * 1000,
							 elapsed_ns, SETTLE_NS);
	else
		pressure->settled_milli = count * 1000;
	pressure->expected_bytes =
		mul_div(count * 1000 - pressure->settled_milli, verdict->worker_bytes, 1000);
	if (count == 0)
		return;
	int64_t mean = readings->value[ROLE_WEB_BYTES] / count;
	pressure->mean_bytes =
		pressure->mean_bytes == 0
			? mean
			: decay_approach(pressure->mean_bytes, mean, elapsed_ns, MEAN_NS);
}

/* Another way of counting, or none any more: the difference is no consumption. */
static void start_anew(struct pressure *pressure)
{
	pressure->sum_bytes = 0;
	pressure->consumption.primed = false;
}

/* Workers that cannot be seen for long are gone, or count as one of all the others. */
static void check_seen(struct pressure *pressure, bool seen, int64_t elapsed_ns)
{
	if (seen) {
		pressure->web_seen = true;
		pressure->unseen_ns = 0;
		return;
	}
	pressure->unseen_ns += clamp_i64(elapsed_ns, 0, GAP_NS);
	if (!pressure->web_seen || pressure->unseen_ns < UNSEEN_NS)
		return;
	pressure->web_seen = false;
	pressure->held_bytes = 0;
	start_anew(pressure);
}

/* What the web workers hold; while their number is unknown (a late status page) the last one. */
static void update_held(struct pressure *pressure, const struct readings *readings,
			int64_t elapsed_ns, struct verdict *verdict)
{
	bool measured = readings_has(readings, ROLE_WEB_BYTES);
	int64_t most =
		clamp_i64(verdict->total_bytes - verdict->headroom_bytes, 0, verdict->total_bytes);

	if (readings_has(readings, ROLE_WEB_BUSY)) {
		verdict->demand_known = true;
		int64_t busy = mul_div(readings->value[ROLE_WEB_BUSY], verdict->worker_bytes, 1);
		verdict->demand_bytes =
			clamp_i64(mul_div(busy, DEMAND_SPARE_PCT, 100), 0, verdict->total_bytes);
		verdict->busy_bytes = clamp_i64(busy, 0, verdict->total_bytes);
	} else if (measured) {
		verdict->demand_known = true;
		verdict->demand_bytes = clamp_i64(readings->value[ROLE_WEB_BYTES], 0, most);
	}
	if (measured)
		pressure->held_bytes = clamp_i64(readings->value[ROLE_WEB_BYTES], 0, most);
	else if (verdict->demand_known)
		pressure->held_bytes = clamp_i64(verdict->busy_bytes, 0, most);
	check_seen(pressure, verdict->demand_known, elapsed_ns);
	if (measured != pressure->measured) {
		pressure->measured = measured;
		start_anew(pressure);
	}
}

/* The derived sum follows the observation; see the theory above. */
static void follow(struct pressure *pressure, int64_t stock, int64_t observed, int64_t elapsed_ns)
{
	bool fresh = pressure->sum_bytes == 0 || elapsed_ns > GAP_NS;
	if (fresh || observed >= pressure->sum_bytes) {
		pressure->sum_bytes = observed;
		return;
	}
	int64_t gap = pressure->sum_bytes - observed;
	int64_t fall = clamp_i64(pressure->stock_bytes - stock, 0, gap);
	int64_t off = mul_div(gap - fall, elapsed_ns / NS_PER_US, KEEP_NS / NS_PER_US);
	pressure->sum_bytes -= fall + off;
	pressure->written_off_bytes += off;
}

/*
 * Workers that were just forked take memory before their sizes are read again. What the stock loses
 * meanwhile is believed to be theirs, up to the size that they will have, for a few seconds.
 */
static void suspend(struct pressure *pressure, int64_t observed, int64_t elapsed_ns)
{
	int64_t gap = pressure->sum_bytes - observed;
	if (pressure->sum_bytes == 0 || elapsed_ns > GAP_NS || gap <= 0) {
		pressure->sum_bytes = observed;
		return;
	}
	if (gap > pressure->expected_bytes)
		gap = pressure->expected_bytes;
	pressure->sum_bytes = observed + decay_approach(gap, 0, elapsed_ns, SETTLE_NS);
}

/*
 * A worker that ends gives its memory back before it is seen to be gone: for a moment that counts
 * twice, and then it is missing. So what others give back is believed slowly, what they take at once.
 */
static int64_t lower_bound(struct pressure *pressure, int64_t elapsed_ns)
{
	int64_t level = pressure->sum_bytes + pressure->written_off_bytes;
	if (!pressure->measured || !pressure->consumption.primed || level < pressure->level_bytes)
		pressure->level_bytes = level;
	else
		pressure->level_bytes =
			decay_approach(pressure->level_bytes, level, elapsed_ns, BELIEVE_NS);
	return pressure->level_bytes;
}

static void update_slopes(struct pressure *pressure, int64_t stock, int64_t total_bytes,
			  int64_t stamp_ns)
{
	int64_t leak = total_bytes / LEAK_PARTS_S;
	int64_t elapsed_ns = stamp_ns - pressure->last_ns;
	int64_t observed = stock + pressure->held_bytes;

	if (pressure->last_ns && elapsed_ns <= 0)
		return; /* the same reading again */
	if (pressure->measured)
		suspend(pressure, observed, elapsed_ns);
	else
		follow(pressure, stock, observed, elapsed_ns);
	slope_update(&pressure->consumption, lower_bound(pressure, elapsed_ns), leak, stamp_ns);
	slope_update(&pressure->fall, stock, leak, stamp_ns);
	pressure->stock_bytes = stock;
	pressure->last_ns = stamp_ns;
}

static int64_t reserve_bytes(const struct conf_share *reserve, int64_t total_bytes)
{
	return clamp_i64(reserve->relative ? total_bytes / 100 * reserve->value : reserve->value, 0,
			 MEMORY_MOST_BYTES);
}

/* What of it is to be kept now; where the workers cannot be measured for a moment, as before. */
static int64_t kept_reserve_bytes(struct pressure *pressure, const struct verdict *verdict,
				  int64_t elapsed_ns)
{
	if (pressure->measured) {
		bool growing =
			verdict->consumption_bytes_s > verdict->total_bytes / LEAK_PARTS_S ||
			pressure->consumption.slow_bytes_s > verdict->total_bytes / GROWING_PARTS_S;
		pressure->unmeasured_ns = 0;
		return reserve_update(&pressure->reserve, verdict->reserve_bytes,
				      pressure->sum_bytes, growing, elapsed_ns);
	}
	pressure->unmeasured_ns += clamp_i64(elapsed_ns, 0, GAP_NS);
	if (pressure->unmeasured_ns >= UNSEEN_NS)
		pressure->reserve = (struct reserve){0};
	int64_t kept = verdict->reserve_bytes - pressure->reserve.taken_bytes;
	return kept > verdict->inner_bytes ? kept : verdict->inner_bytes;
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

static bool is_stalled(struct pressure *pressure, const struct readings *readings)
{
	bool psi = grew(&pressure->stall, readings, ROLE_PSI_FULL, STALL_US);
	bool allocations =
		grew(&pressure->alloc_stall, readings, ROLE_ALLOC_STALL, STALL_ALLOCATIONS);
	return readings_has(readings, ROLE_PSI_FULL) ? psi : allocations;
}

/*
 * Many workers together are not all as large as the largest ones: where their mean is known, half of
 * the difference is given back.
 */
static void charge_mean(const struct pressure *pressure, const struct pressure_conf *conf,
			struct verdict *verdict)
{
	if (conf->worker_bytes > 0 || pressure->mean_bytes <= 0 ||
	    pressure->mean_bytes >= verdict->worker_bytes)
		return;
	int64_t mean = pressure->mean_bytes;
	if (mean < verdict->worker_bytes / 2)
		mean = verdict->worker_bytes / 2;
	verdict->worker_bytes -= (verdict->worker_bytes - mean) / 2;
}

/* Budget and what derives from the slopes; headroom and the sizes stand in the verdict already. */
static void project(struct pressure *pressure, const struct pressure_conf *conf, int64_t elapsed_ns,
		    struct verdict *verdict)
{
	int64_t used =
		clamp_i64(slope_fall_bytes_s(&pressure->consumption), 0, verdict->total_bytes);
	int64_t ahead = mul_div(used, conf->horizon_ns / NS_PER_MS, 1000);
	int64_t fall = slope_fall_bytes_s(&pressure->fall);
	int64_t held = pressure->sum_bytes - pressure->stock_bytes;

	verdict->consumption_bytes_s = used;
	verdict->projected_bytes = verdict->headroom_bytes - ahead;
	/* The margin tells where swapping began, with some spare; nothing comes on top of that. */
	verdict->soon_bytes = verdict->headroom_bytes + verdict->margin_bytes - used * SOON_S;
	verdict->near_bytes = verdict->reserve_bytes / NEAR_PART;
	if (verdict->near_bytes < verdict->margin_bytes)
		verdict->near_bytes = verdict->margin_bytes;
	int64_t surplus = verdict->headroom_bytes - ahead - verdict->inner_bytes;
	int64_t keep = held + (surplus < 0 ? DEFICIT_FACTOR * surplus : surplus);
	int64_t expand =
		verdict->headroom_bytes + held - kept_reserve_bytes(pressure, verdict, elapsed_ns);
	if (expand < held)
		expand = held;
	if (!pressure->web_seen)
		expand = keep;
	verdict->budget_bytes = keep < expand ? keep : expand;
	if (fall >= FALLING_BYTES_S) {
		int64_t left = verdict->headroom_bytes > 0 ? verdict->headroom_bytes : 0;
		verdict->falling = true;
		verdict->time_to_swap_ms = mul_div(left, 1000, fall);
	}
}

static bool says(const struct readings *readings, enum metric_role role)
{
	return readings_has(readings, role) && readings->value[role];
}

void pressure_judge(struct pressure *pressure, const struct pressure_conf *conf,
		    const struct readings *readings, int64_t now_ns, struct verdict *ret_verdict)
{
	struct verdict verdict = {
		.storage_failing =
			says(readings, ROLE_STORAGE_FAILING) || says(readings, ROLE_SWAP_FAILING),
		.out_of_memory = says(readings, ROLE_OUT_OF_MEMORY),
		.kernel_failing = says(readings, ROLE_KERNEL_FAILING),
		.disk_swapping =
			grew(&pressure->swap, readings, ROLE_SWAP_DISK_OUT, DISK_SWAP_BYTES),
	};
	bool stalled = is_stalled(pressure, readings);
	verdict.scale_pct = heat_scale_pct(readings, &verdict.scale_why);

	struct headroom_level level;
	int64_t stamp_ns = readings->stamp_ns[ROLE_MEM_FREE];
	if (stamp_ns == 0)
		stamp_ns = now_ns;
	if (headroom_update(&pressure->headroom, readings, stamp_ns, &level, &verdict.why) < 0) {
		pressure->fall.primed = false;
		pressure->consumption.primed = false;
		pressure->sum_bytes = 0;
		*ret_verdict = verdict;
		return;
	}

	verdict.known = true;
	verdict.total_bytes = readings->value[ROLE_MEM_TOTAL];
	verdict.worker_bytes = worker_bytes(conf, readings, verdict.total_bytes);
	verdict.reserve_bytes = reserve_bytes(&conf->reserve, verdict.total_bytes);
	verdict.inner_bytes = verdict.reserve_bytes * INNER_PCT / 100;
	verdict.margin_bytes = margin_update(&pressure->margin, verdict.disk_swapping, level.bytes,
					     verdict.total_bytes, now_ns);
	verdict.headroom_bytes = level.bytes - verdict.margin_bytes;
	int64_t elapsed_ns = pressure->last_ns ? stamp_ns - pressure->last_ns : 0;
	update_workers(pressure, readings, &verdict, elapsed_ns);
	charge_mean(pressure, conf, &verdict);
	update_held(pressure, readings, elapsed_ns, &verdict);
	update_slopes(pressure, level.stock_bytes, verdict.total_bytes, stamp_ns);
	project(pressure, conf, elapsed_ns, &verdict);
	/* What confirms may never lead: it counts only below the inner reserve. */
	verdict.stalled = stalled && verdict.headroom_bytes < verdict.inner_bytes;
	*ret_verdict = verdict;
}
