/* SPDX-License-Identifier: MIT */
/*
 * The capacity is the budget for web workers divided by the memory of one. It goes down at once and
 * up slowly, so that a flapping machine is not sent its neighbours' load again and again.
 */
#include "agent/capacity.h"

#include "agent/units.h"

/* At least this much is always given out: it keeps queues moving. */
#define CAPACITY_MIN_MILLI 2000
/* More concurrent requests than any Pi serves; keeps the arithmetic far from overflow. */
#define CAPACITY_MAX_MILLI INT64_C(100000000)
/* What is told to others has at most this many steps: 2 % more or less is nobody's business. */
#define CAPACITY_STEPS 50
/* No increase within 3 s of a reduction, plus up to 10 % so that a fleet does not return in step. */
#define RISE_HOLD_NS (3 * NS_PER_S)
#define RISE_JITTER_PCT 10
/* One request a second, and at most 20 s for the whole way back. */
#define RISE_SLOT_MILLI_S 1000
#define RISE_FULL_S 20
/* The learned nominal capacity forgets with a half-life of a day. */
#define FORGET_S (24 * 3600)

static int64_t slots_milli(int64_t bytes, int64_t worker_bytes)
{
	if (bytes <= 0)
		return CAPACITY_MIN_MILLI;
	return clamp_i64(mul_div(bytes, 1000, worker_bytes), CAPACITY_MIN_MILLI,
			 CAPACITY_MAX_MILLI);
}

void capacity_resume(struct capacity *capacity, int64_t nominal_milli)
{
	capacity->nominal_milli = clamp_i64(nominal_milli, CAPACITY_MIN_MILLI, CAPACITY_MAX_MILLI);
	capacity->learned = true;
}

/* Takes a day to halve the distance; what a step is too short for is carried on. */
static void forget(struct capacity *capacity, int64_t target, int64_t elapsed_ns)
{
	/* ln 2 = 0.693; the product is below 2^50 for the largest gap and a step of 10 s. */
	const int64_t parts = FORGET_S * INT64_C(1000000);
	int64_t step_us = clamp_i64(elapsed_ns / NS_PER_US, 0, 10000000);
	capacity->forget_carry += (capacity->nominal_milli - target) * (step_us * 693 / 1000);
	capacity->nominal_milli -= capacity->forget_carry / parts;
	capacity->forget_carry %= parts;
}

/* What was learned for another cap or another worker size is worth nothing. */
static void check_units(struct capacity *capacity, int64_t cap, int64_t worker_bytes)
{
	if (capacity->cap == cap && capacity->worker_bytes == worker_bytes)
		return;
	/* What was resumed does not say for which size; it was the same configuration. */
	if (capacity->worker_bytes)
		capacity->learned = false;
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
	bool calm = verdict->headroom_bytes >= verdict->reserve_bytes &&
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
		forget(capacity, target, elapsed_ns);
	}
}

static void update_target(struct capacity *capacity, int64_t cap, const struct verdict *verdict,
			  int64_t elapsed_ns)
{
	int64_t target = capacity->given_milli;

	if (verdict->known) {
		target = slots_milli(verdict->budget_bytes, verdict->worker_bytes);
		check_units(capacity, cap, verdict->worker_bytes);
		if (cap == 0)
			learn(capacity, verdict, target, elapsed_ns);
	}
	if (cap > 0) {
		capacity->nominal_milli = cap * 1000;
		capacity->learned = true;
	} else if (capacity->nominal_milli == 0) {
		capacity->nominal_milli = CAPACITY_MIN_MILLI; /* blind from the very start */
	}
	capacity->target_milli =
		clamp_i64(target, capacity_bottom_milli(capacity), capacity->nominal_milli);
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
	return capacity->nominal_milli < CAPACITY_MIN_MILLI ? capacity->nominal_milli
							    : CAPACITY_MIN_MILLI;
}

int64_t capacity_pct(const struct capacity *capacity)
{
	return capacity->given_milli * 100 / capacity->nominal_milli;
}

int capacity_requests(int64_t milli, int64_t nominal_milli)
{
	int64_t requests = milli / 1000, nominal = nominal_milli / 1000;
	int64_t coarse = nominal > CAPACITY_STEPS ? nominal / CAPACITY_STEPS : 1;
	if (requests > coarse)
		requests -= requests % coarse;
	return (int)clamp_i64(requests, 1, CAPACITY_MAX_MILLI / 1000);
}
