/* SPDX-License-Identifier: MIT */
/*
 * The budget for web workers divided by the memory of one is the number of requests that this Pi can
 * have at work: the capacity. maxconn is the capacity divided by the load balancers that were seen;
 * the weight is the capacity in percent of what is normal here. The capacity goes down at once and up
 * slowly, so a flapping machine is not sent its neighbours' load again and again. It never goes to
 * zero by itself: a Pi that drains overloads the others, which drain in turn (reference F1, F2).
 */
#include "agent/controller.h"

#include <stdio.h>

#include "agent/units.h"

/* At least this much is always given out (reference F2, Cmin). */
#define CAPACITY_MIN_MILLI 2000
/* More concurrent requests than any Pi serves; keeps the arithmetic far from overflow. */
#define CAPACITY_MAX_MILLI INT64_C(100000000)
/* Weight never falls below this outside the hard level (reference F2, weight floor). */
#define WEIGHT_FLOOR_PCT 5
#define WEIGHT_STEP_PCT 5
#define WEIGHT_HARD_PCT 1
/* The capacity that is told has at most this many steps. */
#define CAPACITY_STEPS 50
/* No increase within 3 s of a reduction, plus up to 10 % so that a fleet does not return in step. */
#define RISE_HOLD_NS (3 * NS_PER_S)
#define RISE_JITTER_PCT 10
/* One slot a second, and at most 20 s for the whole way back (reference F2, up-rate). */
#define RISE_SLOT_MILLI_S 1000
#define RISE_FULL_S 20
/* The hard level ends when headroom was above the reserve for this long (reference F2). */
#define SAFE_NS (10 * NS_PER_S)
/* What is below 90 % of normal is worth being called shedding; 95 % ends it. */
#define AMPLE_LEAVE_PCT 90
#define AMPLE_ENTER_PCT 95
/* On the way back a step down of less than this is noise, not a new shedding. */
#define NOISE_PCT 5
/* The learned nominal capacity forgets with a half-life of a day. */
#define NOMINAL_FORGET_S (24 * 3600)

const char *const control_state_words[] = {
	[CONTROL_NORMAL] = "normal",
	[CONTROL_SHED] = "shed",
	[CONTROL_RECOVER] = "recover",
	[CONTROL_HARD] = "hard",
	[CONTROL_HOLD] = "hold",
	[CONTROL_BLIND] = "blind",
	NULL,
};

/* clang-format off */
const enum control_state control_table[CONTROL_STATES][CONTROL_EVENTS] = {
	[CONTROL_NORMAL] = {
		[EVENT_AMPLE]  = CONTROL_NORMAL,
		[EVENT_RISING] = CONTROL_RECOVER,
		[EVENT_TIGHT]  = CONTROL_SHED,
		[EVENT_HARD]   = CONTROL_HARD,
		[EVENT_LOST]   = CONTROL_BLIND,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_NORMAL,
	},
	[CONTROL_SHED] = {
		[EVENT_AMPLE]  = CONTROL_NORMAL,
		[EVENT_RISING] = CONTROL_RECOVER,
		[EVENT_TIGHT]  = CONTROL_SHED,
		[EVENT_HARD]   = CONTROL_HARD,
		[EVENT_LOST]   = CONTROL_BLIND,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_SHED,
	},
	[CONTROL_RECOVER] = {
		[EVENT_AMPLE]  = CONTROL_NORMAL,
		[EVENT_RISING] = CONTROL_RECOVER,
		[EVENT_TIGHT]  = CONTROL_SHED,
		[EVENT_HARD]   = CONTROL_HARD,
		[EVENT_LOST]   = CONTROL_BLIND,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_RECOVER,
	},
	[CONTROL_HARD] = {
		[EVENT_AMPLE]  = CONTROL_RECOVER,
		[EVENT_RISING] = CONTROL_RECOVER,
		[EVENT_TIGHT]  = CONTROL_SHED,
		[EVENT_HARD]   = CONTROL_HARD,
		[EVENT_LOST]   = CONTROL_BLIND,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_HARD,
	},
	[CONTROL_HOLD] = {
		[EVENT_AMPLE]  = CONTROL_HOLD,
		[EVENT_RISING] = CONTROL_HOLD,
		[EVENT_TIGHT]  = CONTROL_HOLD,
		[EVENT_HARD]   = CONTROL_HOLD,
		[EVENT_LOST]   = CONTROL_HOLD,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_RECOVER,
	},
	[CONTROL_BLIND] = {
		[EVENT_AMPLE]  = CONTROL_RECOVER,
		[EVENT_RISING] = CONTROL_RECOVER,
		[EVENT_TIGHT]  = CONTROL_SHED,
		[EVENT_HARD]   = CONTROL_HARD,
		[EVENT_LOST]   = CONTROL_BLIND,
		[EVENT_DRAIN]  = CONTROL_HOLD,
		[EVENT_READY]  = CONTROL_BLIND,
	},
};
/* clang-format on */

/* Capacity that the budget allows, in thousandths, before any smoothing. */
static int64_t target_milli(const struct verdict *verdict)
{
	if (verdict->budget_bytes <= 0)
		return CAPACITY_MIN_MILLI;
	return clamp_i64(mul_div(verdict->budget_bytes, 1000, verdict->worker_bytes),
			 CAPACITY_MIN_MILLI, CAPACITY_MAX_MILLI);
}

/* What 100 % means: the operator's cap, or the most that was seen, slowly forgotten. */
static void update_nominal(struct controller *controller, const struct controller_conf *conf,
			   int64_t target, int64_t elapsed_ns)
{
	if (conf->cap > 0) {
		controller->nominal_milli = conf->cap * 1000;
		return;
	}
	if (target >= controller->nominal_milli) {
		controller->nominal_milli = target;
		return;
	}
	/* ln 2 = 0.693; in microseconds, so that steps of 100 ms are not lost to rounding. */
	int64_t gap = controller->nominal_milli - target;
	int64_t forget = mul_div(gap, elapsed_ns / NS_PER_US * 693 / 1000,
				 NOMINAL_FORGET_S * INT64_C(1000000));
	controller->nominal_milli -= forget;
}

/* What speaks for the hard level now; NULL: nothing. Static text. */
static const char *hard_cause(const struct verdict *verdict)
{
	if (verdict->storage_failing)
		return "storage fails";
	if (verdict->disk_swapping)
		return "swapping to disk";
	if (!verdict->known)
		return NULL;
	if (verdict->stalled)
		return "all tasks wait for memory";
	if (verdict->soon_bytes < verdict->reserve_bytes / 4)
		return "swap is near";
	return NULL;
}

/* The hard level ends only after SAFE_NS of headroom above the reserve and nothing speaking for it. */
static bool hard_lasts(struct controller *controller, const struct verdict *verdict, int64_t now_ns)
{
	const char *cause = hard_cause(verdict);
	if (cause) {
		snprintf(controller->hard_reason, sizeof(controller->hard_reason), "%s", cause);
		controller->safe_since_ns = 0;
		return true;
	}
	if (controller->state != CONTROL_HARD)
		return false;
	if (!verdict->known)
		return false; /* blind is the event then */
	if (verdict->headroom_bytes <= verdict->reserve_bytes) {
		controller->safe_since_ns = 0;
		return true;
	}
	if (controller->safe_since_ns == 0)
		controller->safe_since_ns = now_ns;
	return now_ns - controller->safe_since_ns < SAFE_NS;
}

/* Moves the capacity that is given out towards the target: down at once, up slowly. */
static void move_capacity(struct controller *controller, int64_t target,
			  const struct control_input *input, int64_t elapsed_ns)
{
	if (target < controller->capacity_milli) {
		int64_t jitter = (int64_t)(input->entropy % (RISE_HOLD_NS * RISE_JITTER_PCT / 100));
		controller->capacity_milli = target;
		controller->rise_after_ns = input->now_ns + RISE_HOLD_NS + jitter;
		return;
	}
	if (input->now_ns < controller->rise_after_ns)
		return;
	int64_t per_s = controller->nominal_milli / RISE_FULL_S;
	if (per_s < RISE_SLOT_MILLI_S)
		per_s = RISE_SLOT_MILLI_S;
	int64_t rise = mul_div(per_s, elapsed_ns / NS_PER_US, 1000000);
	controller->capacity_milli = clamp_i64(controller->capacity_milli + rise, 0, target);
}

static bool is_ample(const struct controller *controller)
{
	int64_t pct = controller->state == CONTROL_NORMAL ? AMPLE_LEAVE_PCT : AMPLE_ENTER_PCT;
	return controller->capacity_milli >= controller->nominal_milli / 100 * pct;
}

/* The one event of this step. Operators come first, then what cannot be judged, then danger. */
static enum control_event choose_event(struct controller *controller,
				       const struct control_input *input, int64_t target,
				       int64_t before_milli)
{
	bool hard = hard_lasts(controller, input->verdict, input->now_ns);

	if (input->request == REQUEST_DRAIN)
		return EVENT_DRAIN;
	if (input->request == REQUEST_READY)
		return EVENT_READY;
	if (hard)
		return EVENT_HARD;
	if (!input->verdict->known)
		return EVENT_LOST;
	if (is_ample(controller))
		return EVENT_AMPLE;
	if (controller->state == CONTROL_RECOVER &&
	    target >= before_milli / 100 * (100 - NOISE_PCT))
		return EVENT_RISING;
	if (target > before_milli && input->now_ns >= controller->rise_after_ns)
		return EVENT_RISING;
	return EVENT_TIGHT;
}

static int weight_pct(const struct controller *controller)
{
	int64_t pct = controller->capacity_milli * 100 / controller->nominal_milli;
	/* To the nearest step, so that 97 % is 95 % and 98 % is 100 %. */
	pct = (pct + WEIGHT_STEP_PCT / 2) / WEIGHT_STEP_PCT * WEIGHT_STEP_PCT;
	return (int)clamp_i64(pct, WEIGHT_FLOOR_PCT, 100);
}

static void write_reason(const struct controller *controller, const struct verdict *verdict,
			 char *reason, size_t size)
{
	switch (controller->state) {
	case CONTROL_NORMAL:
		snprintf(reason, size, "ok");
		return;
	case CONTROL_SHED:
		if (verdict->consumption_bytes_s > verdict->budget_bytes / 10)
			snprintf(reason, size, "memory shrinks %lld MB/s",
				 (long long)(verdict->consumption_bytes_s / 1000000));
		else
			snprintf(reason, size, "memory low");
		return;
	case CONTROL_RECOVER:
		snprintf(reason, size, "returning");
		return;
	case CONTROL_HARD:
		snprintf(reason, size, "%s", controller->hard_reason);
		return;
	case CONTROL_HOLD:
		if (controller->hold_reason[0])
			snprintf(reason, size, "operator: %.50s", controller->hold_reason);
		else
			snprintf(reason, size, "operator");
		return;
	case CONTROL_BLIND:
		snprintf(reason, size, "%s", verdict->why ? verdict->why : "no readings");
		return;
	case CONTROL_STATES:
		break;
	}
}

/* Weight, capacity and words for the state that was reached. */
static void decide(const struct controller *controller, const struct controller_conf *conf,
		   const struct control_input *input, struct decision *decision)
{
	const struct verdict *verdict = input->verdict;
	int64_t capacity = controller->capacity_milli / 1000;
	int64_t nominal = controller->nominal_milli / 1000;

	*decision = (struct decision){
		.state = controller->state,
		.weight_pct = weight_pct(controller),
		.nominal = (int)clamp_i64(nominal, 1, CAPACITY_MAX_MILLI / 1000),
		.balancers = (int)clamp_i64(input->balancers, 1, 1000),
		.drain = controller->state == CONTROL_HOLD,
		.headroom_known = verdict->known,
		.headroom_bytes = verdict->known ? verdict->headroom_bytes : 0,
		.time_to_swap_known = verdict->known && verdict->falling,
		.time_to_swap_ms = verdict->time_to_swap_ms,
		.since_ms = controller->since_ms,
	};
	if (controller->state == CONTROL_HARD) {
		capacity = 1;
		decision->weight_pct = WEIGHT_HARD_PCT;
		decision->fail = conf->fleet == FLEET_MIXED;
	} else if (controller->state == CONTROL_BLIND) {
		capacity = nominal;
		decision->weight_pct = (int)clamp_i64(conf->blind_weight, 1, 100);
	}
	/* In steps of 2 %: a machine that takes hundreds must not tell each one more or less. */
	int64_t coarse = nominal > CAPACITY_STEPS ? nominal / CAPACITY_STEPS : 1;
	if (capacity > coarse)
		capacity -= capacity % coarse;
	decision->capacity = (int)clamp_i64(capacity, 1, CAPACITY_MAX_MILLI / 1000);
	decision->maxconn = (int)clamp_i64(decision->capacity / decision->balancers, 1, INT32_MAX);
	write_reason(controller, verdict, decision->reason, sizeof(decision->reason));
}

void controller_step(struct controller *controller, const struct controller_conf *conf,
		     const struct control_input *input, struct decision *ret_decision,
		     bool *ret_changed)
{
	const struct verdict *verdict = input->verdict;
	int64_t elapsed_ns = controller->started ? input->now_ns - controller->last_ns : 0;
	int64_t target = verdict->known ? target_milli(verdict) : controller->capacity_milli;
	bool first = !controller->started;

	if (target < CAPACITY_MIN_MILLI)
		target = CAPACITY_MIN_MILLI; /* blind from the very start */
	if (verdict->known || first)
		update_nominal(controller, conf, target, elapsed_ns);
	if (target > controller->nominal_milli)
		target = controller->nominal_milli;
	if (first) {
		controller->capacity_milli = target;
		controller->since_ms = input->wall_ms;
	}
	controller->started = true;
	controller->last_ns = input->now_ns;

	int64_t before_milli = controller->capacity_milli;
	move_capacity(controller, target, input, elapsed_ns);

	enum control_event event = choose_event(controller, input, target, before_milli);
	enum control_state next = control_table[controller->state][event];
	/* Out of these states the way back starts at the bottom, not where memory would allow. */
	if ((controller->state == CONTROL_HARD || controller->state == CONTROL_HOLD) &&
	    next == CONTROL_RECOVER)
		controller->capacity_milli = CAPACITY_MIN_MILLI;
	*ret_changed = first || next != controller->state;
	if (next != controller->state)
		controller->since_ms = input->wall_ms;
	if (next == CONTROL_HARD && controller->state != CONTROL_HARD)
		controller->safe_since_ns = 0;
	if (input->request == REQUEST_DRAIN)
		snprintf(controller->hold_reason, sizeof(controller->hold_reason), "%s",
			 input->request_reason ? input->request_reason : "");
	controller->state = next;
	decide(controller, conf, input, ret_decision);
}

int64_t controller_next_ns(const struct decision *decision, const struct verdict *verdict,
			   int64_t interval_ns)
{
	int64_t next = NS_PER_S;
	if (verdict->known && verdict->headroom_bytes < verdict->reserve_bytes)
		next = 100 * NS_PER_MS;
	else if (decision->time_to_swap_known && decision->time_to_swap_ms < 60000)
		next = 250 * NS_PER_MS;
	return next < interval_ns ? next : interval_ns;
}
