/* SPDX-License-Identifier: MIT */
/*
 * The capacity is the budget for web workers divided by the memory of one. It goes down at once and
 * up slowly, so that a flapping machine is not sent its neighbours' load again and again.
 *
 * The weight compares the capacity with the need, not with the most that memory ever allowed: a
 * machine that could serve 40 requests at once and never has more than 5 gives nothing away while it
 * could still serve 10. The need is learned from the requests at work, as long as the machine
 * is not shedding; where they are unknown, a small part of memory stands for them.
 */
#include "agent/capacity.h"

#include "agent/decay.h"
#include "agent/heat.h"
#include "agent/units.h"

/* At least this much is always told: it keeps queues moving. */
#define CAPACITY_MIN_MILLI 2000
/* The floor of everything that is divided by. */
#define MILLI_LEAST 100
/* More concurrent requests than any Pi serves; keeps the arithmetic far from overflow. */
#define CAPACITY_MAX_MILLI INT64_C(100000000)
/* What is told to others has at most this many steps: 2 % more or less is nobody's business. */
#define CAPACITY_STEPS 50
/* No increase within 3 s of a reduction, plus up to 10 % so that a fleet does not return in step. */
#define RISE_HOLD_NS (3 * NS_PER_S)
#define RISE_JITTER_PCT 10
/* The way back from nothing to the need, and one request a second (or 20 s for all) beyond. */
#define RISE_NEED_S 10
#define RISE_SLOT_MILLI_S 1000
#define RISE_FULL_S 20
/* The learned nominal capacity forgets with a half-life of a day, the need with a quarter of an hour. */
#define FORGET_NOMINAL_S (24 * 3600)
#define FORGET_NEED_S 900
/* Where nobody says how many requests are at work: this part of memory is their need. */
#define NEED_DEFAULT_PCT 6
/* While less than this part of the need is given out, demand says little: it is forgotten slower. */
#define NEED_CALM_PCT 95
#define FORGET_NEED_SHED_S 3600
/* A size that differs by less than a hundredth is the same: each conversion rounds down. */
#define SAME_SIZE_PARTS 100

static int64_t slots_milli(int64_t bytes, int64_t worker_bytes)
{
	if (bytes <= 0)
		return 0;
	return clamp_i64(mul_div(bytes, 1000, worker_bytes), 0, CAPACITY_MAX_MILLI);
}

void capacity_resume(struct capacity *capacity, int64_t nominal_milli, int64_t need_milli,
		     int64_t worker_bytes)
{
	capacity->nominal_milli = clamp_i64(nominal_milli, CAPACITY_MIN_MILLI, CAPACITY_MAX_MILLI);
	capacity->need_milli = clamp_i64(need_milli, MILLI_LEAST, CAPACITY_MAX_MILLI);
	capacity->worker_bytes = worker_bytes;
	capacity->learned = true;
}

static void convert(int64_t *milli, int64_t from_bytes, int64_t to_bytes)
{
	*milli = clamp_i64(mul_div(*milli, from_bytes, to_bytes), 0, CAPACITY_MAX_MILLI);
}

/* What was learned under another cap is worth nothing. */
static void check_units(struct capacity *capacity, int64_t cap, int64_t worker_bytes)
{
	int64_t change = worker_bytes - capacity->worker_bytes;
	if (capacity->cap == cap &&
	    (change < 0 ? -change : change) <= capacity->worker_bytes / SAME_SIZE_PARTS)
		return;
	/* A measured size drifts: what was learned is as many bytes as before. */
	if (capacity->worker_bytes && capacity->cap == cap) {
		convert(&capacity->nominal_milli, capacity->worker_bytes, worker_bytes);
		convert(&capacity->given_milli, capacity->worker_bytes, worker_bytes);
		convert(&capacity->need_milli, capacity->worker_bytes, worker_bytes);
	} else if (capacity->worker_bytes) {
		capacity->learned = false;
	}
	capacity->cap = cap;
	capacity->worker_bytes = worker_bytes;
}

/*
 * The most that was seen, slowly forgotten. A machine that is under pressure when it is first seen
 * teaches nothing: until it is calm, half of what it has above the reserve is taken for normal.
 */
static void learn(struct capacity *capacity, const struct verdict *verdict, int64_t target,
		  int64_t elapsed_ns)
{
	bool calm = verdict->headroom_bytes >= verdict->inner_bytes &&
		    verdict->consumption_bytes_s < verdict->reserve_bytes / 100;
	if (!capacity->learned) {
		int64_t guess = slots_milli((verdict->total_bytes - verdict->reserve_bytes) / 2,
					    verdict->worker_bytes);
		capacity->learned = calm;
		capacity->nominal_milli = calm || target > guess ? target : guess;
		capacity->forget_carry = 0;
	} else if (target >= capacity->nominal_milli) {
		capacity->nominal_milli = target;
	} else {
		decay_forget(&capacity->nominal_milli, &capacity->forget_carry, target,
			     FORGET_NOMINAL_S, elapsed_ns);
	}
}

/* The peak of what is at work, slowly forgotten; never more than the machine has at best. */
static void learn_need(struct capacity *capacity, const struct verdict *verdict, int64_t elapsed_ns)
{
	int64_t least =
		slots_milli(verdict->total_bytes / 100 * NEED_DEFAULT_PCT, verdict->worker_bytes);
	int64_t need = least;
	if (verdict->demand_known)
		need = slots_milli(verdict->demand_bytes, verdict->worker_bytes);
	if (need < least)
		need = least;
	if (need > capacity->nominal_milli)
		need = capacity->nominal_milli;
	if (need >= capacity->need_milli) {
		capacity->need_milli = need;
		capacity->need_carry = 0;
	} else {
		bool calm = capacity_pct(capacity) >= NEED_CALM_PCT;
		decay_forget(&capacity->need_milli, &capacity->need_carry, need,
			     calm ? FORGET_NEED_S : FORGET_NEED_SHED_S, elapsed_ns);
	}
	capacity->need_milli = clamp_i64(
		capacity->need_milli, MILLI_LEAST,
		capacity->nominal_milli > MILLI_LEAST ? capacity->nominal_milli : MILLI_LEAST);
}

/*
 * What a slower machine gets, however much memory it has: at the lowest clock a part of what it
 * usually needs, and on the way there less and less of what it could do beyond.
 */
static int64_t slowed_milli(const struct capacity *capacity, int64_t scale_pct)
{
	int64_t beyond = capacity->nominal_milli - capacity->need_milli;
	int64_t left_pct = clamp_i64(scale_pct - HEAT_LEAST_PCT, 0, 100 - HEAT_LEAST_PCT);
	if (beyond < 0)
		beyond = 0;
	return capacity->need_milli * scale_pct / 100 + beyond * left_pct / (100 - HEAT_LEAST_PCT);
}

static void update_target(struct capacity *capacity, int64_t cap, const struct verdict *verdict,
			  int64_t elapsed_ns)
{
	int64_t target = capacity->given_milli;

	if (verdict->known) {
		check_units(capacity, cap, verdict->worker_bytes);
		target = slots_milli(verdict->budget_bytes, verdict->worker_bytes);
		int64_t most = slots_milli(verdict->total_bytes, verdict->worker_bytes);
		if (cap == 0)
			learn(capacity, verdict, target < most ? target : most, elapsed_ns);
	}
	if (cap > 0) {
		capacity->nominal_milli = cap * 1000;
		capacity->learned = true;
	} else if (capacity->nominal_milli < MILLI_LEAST) {
		capacity->nominal_milli = CAPACITY_MIN_MILLI; /* blind from the very start */
	}
	if (verdict->known)
		learn_need(capacity, verdict, elapsed_ns);
	else if (capacity->need_milli < MILLI_LEAST)
		capacity->need_milli = capacity->nominal_milli;

	capacity->target_milli = clamp_i64(target, 0, slowed_milli(capacity, verdict->scale_pct));
}

/* Moves what is given out towards the target. */
static void move(struct capacity *capacity, int64_t elapsed_ns, int64_t now_ns, uint32_t entropy)
{
	if (capacity->target_milli < capacity->given_milli) {
		int64_t jitter = entropy % (RISE_HOLD_NS * RISE_JITTER_PCT / 100);
		capacity->given_milli = capacity->target_milli;
		capacity->rise_after_ns = now_ns + RISE_HOLD_NS + jitter;
		return;
	}
	if (now_ns < capacity->rise_after_ns)
		return;
	int64_t per_s = capacity->nominal_milli / RISE_FULL_S;
	if (per_s < RISE_SLOT_MILLI_S)
		per_s = RISE_SLOT_MILLI_S;
	if (capacity->given_milli < capacity->need_milli)
		per_s = capacity->need_milli / RISE_NEED_S + 1;
	int64_t rise = mul_div(per_s, elapsed_ns / NS_PER_US, 1000000);
	capacity->given_milli = clamp_i64(capacity->given_milli + rise, 0, capacity->target_milli);
}

int64_t capacity_update(struct capacity *capacity, int64_t cap, const struct verdict *verdict,
			int64_t now_ns, uint32_t entropy)
{
	int64_t elapsed_ns = capacity->started ? now_ns - capacity->last_ns : 0;
	update_target(capacity, cap, verdict, elapsed_ns);
	if (!capacity->started)
		capacity->given_milli = capacity->target_milli;
	capacity->started = true;
	capacity->last_ns = now_ns;

	int64_t before = capacity->given_milli;
	move(capacity, elapsed_ns, now_ns, entropy);
	return before;
}

int64_t capacity_bottom_milli(const struct capacity *capacity)
{
	int64_t bottom = capacity->need_milli / 20;
	return bottom < capacity->given_milli ? bottom : capacity->given_milli;
}

int64_t capacity_pct(const struct capacity *capacity)
{
	if (capacity->given_milli >= capacity->need_milli)
		return 100;
	return capacity->given_milli * 100 / capacity->need_milli;
}

int capacity_requests(int64_t milli, int64_t nominal_milli)
{
	int64_t nominal = nominal_milli / 1000;
	int64_t least = nominal * 1000 < CAPACITY_MIN_MILLI ? nominal * 1000 : CAPACITY_MIN_MILLI;
	int64_t requests = (milli > least ? milli : least) / 1000;
	int64_t coarse = nominal > CAPACITY_STEPS ? nominal / CAPACITY_STEPS : 1;
	if (requests > coarse)
		requests -= requests % coarse;
	return (int)clamp_i64(requests, 1, CAPACITY_MAX_MILLI / 1000);
}
