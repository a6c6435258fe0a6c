/* SPDX-License-Identifier: MIT */
/*
 * maxconn is the capacity divided by the load balancers that were seen, because only a cap is absolute;
 * the weight is the capacity in percent of what is normal here, because it is relative. Both always go
 * out together. The weight never becomes zero by itself: a Pi that drains overloads the others, which
 * drain in turn, and so on until nobody is left.
 */
#include "agent/controller.h"

#include <stdio.h>

#include "agent/units.h"

/* Weight never falls below this outside the hard level. */
#define WEIGHT_FLOOR_PCT 5
#define WEIGHT_STEP_PCT 5
#define WEIGHT_HARD_PCT 1
/* Swap is not near any more when this part of the reserve was there on top of that for a while. */
#define SAFE_PART 12
#define SAFE_NS (5 * NS_PER_S)
/* What is below 90 % of normal is worth being called shedding; 95 % ends it. */
#define AMPLE_LEAVE_PCT 90
#define AMPLE_ENTER_PCT 95
/* On the way back a step down of less than this is noise, not a new shedding. */
#define NOISE_PCT 5
/* Nothing more to come back to for this long, and that is how it is: shedding. */
#define ARRIVED_NS (10 * NS_PER_S)
/* How long an operator's "ready" is told: longer than a balancer reloads or is out of reach. */
#define UNDRAIN_NS (300 * NS_PER_S)

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

/* What speaks for the hard level now; NULL: nothing. Static text. */
static const char *hard_cause(const struct verdict *verdict)
{
	if (verdict->kernel_failing)
		return "kernel fault";
	if (verdict->storage_failing)
		return "storage fails";
	if (verdict->out_of_memory)
		return "out of memory";
	if (verdict->disk_swapping)
		return "swapping to disk";
	if (!verdict->known)
		return NULL;
	if (verdict->stalled)
		return "all tasks wait for memory";
	if (verdict->soon_bytes < verdict->near_bytes)
		return "swap is near";
	return NULL;
}

/* The hard level ends only after SAFE_NS of enough headroom and nothing speaking for it. */
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
	if (verdict->soon_bytes <= verdict->near_bytes + verdict->reserve_bytes / SAFE_PART) {
		controller->safe_since_ns = 0;
		return true;
	}
	if (controller->safe_since_ns == 0)
		controller->safe_since_ns = now_ns;
	return now_ns - controller->safe_since_ns < SAFE_NS;
}

static bool is_ample(const struct controller *controller)
{
	int64_t pct = controller->state == CONTROL_NORMAL ? AMPLE_LEAVE_PCT : AMPLE_ENTER_PCT;
	return capacity_pct(&controller->capacity) >= pct;
}

/* Whether memory allows more, or as much, than before while it is on its way back. */
static bool is_rising(struct controller *controller, int64_t before_milli, int64_t now_ns)
{
	const struct capacity *capacity = &controller->capacity;
	bool more = capacity->target_milli > before_milli + before_milli * NOISE_PCT / 100;

	if (controller->state != CONTROL_RECOVER || more)
		controller->arrived_ns = now_ns;
	if (controller->state == CONTROL_RECOVER)
		return capacity->target_milli >= before_milli / 100 * (100 - NOISE_PCT) &&
		       now_ns - controller->arrived_ns < ARRIVED_NS;
	return more && now_ns >= capacity->rise_after_ns;
}

/* The one event of this step. Operators come first, then danger, then what cannot be judged. */
static enum control_event choose_event(struct controller *controller,
				       const struct control_input *input, int64_t before_milli)
{
	bool hard = hard_lasts(controller, input->verdict, input->now_ns);

	if (input->request == REQUEST_DRAIN)
		return EVENT_DRAIN;
	if (input->request == REQUEST_READY && controller->state == CONTROL_HOLD)
		return EVENT_READY;
	if (hard)
		return EVENT_HARD;
	if (!input->verdict->known)
		return EVENT_LOST;
	if (is_ample(controller))
		return EVENT_AMPLE;
	return is_rising(controller, before_milli, input->now_ns) ? EVENT_RISING : EVENT_TIGHT;
}

static int weight_pct(const struct controller *controller)
{
	/* To the nearest step, so that 97 % is 95 % and 98 % is 100 %. */
	int64_t pct = capacity_pct(&controller->capacity) + WEIGHT_STEP_PCT / 2;
	return (int)clamp_i64(pct / WEIGHT_STEP_PCT * WEIGHT_STEP_PCT, WEIGHT_FLOOR_PCT, 100);
}

static void write_reason(const struct controller *controller, const struct verdict *verdict,
			 char *reason, size_t size)
{
	switch (controller->state) {
	case CONTROL_NORMAL:
		snprintf(reason, size, "ok");
		return;
	case CONTROL_SHED:
		if (verdict->consumption_bytes_s >= 1000000 &&
		    verdict->consumption_bytes_s > verdict->budget_bytes / 10)
			snprintf(reason, size, "memory shrinks %lld MB/s",
				 (long long)(verdict->consumption_bytes_s / 1000000));
		else if (verdict->scale_pct < 100)
			snprintf(reason, size, "%s", verdict->scale_why);
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
	const struct capacity *capacity = &controller->capacity;

	*decision = (struct decision){
		.state = controller->state,
		.weight_pct = weight_pct(controller),
		.capacity = capacity_requests(capacity->given_milli, capacity->nominal_milli),
		.nominal = capacity_requests(capacity->nominal_milli, capacity->nominal_milli),
		.balancers = (int)clamp_i64(input->balancers, 1, 1000),
		.drain = controller->state == CONTROL_HOLD,
		.undrain = controller->undrain,
		.maxconn_known = capacity->learned || verdict->known,
		.need = capacity_requests(capacity->need_milli, capacity->nominal_milli),
		.nominal_known = capacity->learned,
		.headroom_known = verdict->known,
		.headroom_bytes = verdict->known ? verdict->headroom_bytes : 0,
		.time_to_swap_known = verdict->known && verdict->falling,
		.time_to_swap_ms = verdict->time_to_swap_ms,
		.since_ms = controller->since_ms,
	};
	if (controller->state == CONTROL_HARD) {
		decision->capacity = 1;
		decision->maxconn_known = true;
		decision->weight_pct = WEIGHT_HARD_PCT;
		decision->fail = conf->fleet == FLEET_MIXED;
	} else if (controller->state == CONTROL_BLIND) {
		decision->capacity = decision->nominal;
		decision->weight_pct = (int)clamp_i64(conf->blind_weight, 1, 100);
	}
	decision->maxconn = (int)clamp_i64(decision->capacity / decision->balancers, 1, INT32_MAX);
	write_reason(controller, verdict, decision->reason, sizeof(decision->reason));
}

void controller_resume_undrain(struct controller *controller)
{
	controller->undrain_until_ns = -1; /* starts with the first step */
}

/* An operator's "ready" is told for a while, to all balancers: see struct decision. */
static void update_undrain(struct controller *controller, const struct control_input *input)
{
	bool resumed = controller->undrain_until_ns < 0;
	if (input->request == REQUEST_DRAIN) {
		controller->undrain = 0;
		controller->undrain_until_ns = 0;
	} else if (input->request == REQUEST_READY || resumed) {
		controller->undrain = input->entropy | 1;
		controller->undrain_until_ns = input->now_ns + UNDRAIN_NS;
	} else if (controller->undrain && input->now_ns >= controller->undrain_until_ns) {
		controller->undrain = 0;
	}
}

void controller_step(struct controller *controller, const struct controller_conf *conf,
		     const struct control_input *input, struct decision *ret_decision,
		     bool *ret_changed)
{
	struct capacity *capacity = &controller->capacity;
	bool first = !capacity->started;
	int64_t before =
		capacity_update(capacity, conf->cap, input->verdict, input->now_ns, input->entropy);
	enum control_event event = choose_event(controller, input, before);
	enum control_state next = control_table[controller->state][event];

	*ret_changed = first || next != controller->state;
	if (*ret_changed)
		controller->since_ms = input->wall_ms;
	if (next == CONTROL_HARD && controller->state != CONTROL_HARD)
		controller->safe_since_ns = 0;
	if (input->request == REQUEST_DRAIN)
		snprintf(controller->hold_reason, sizeof(controller->hold_reason), "%s",
			 input->request_reason ? input->request_reason : "");
	/* Out of these states the way back starts at the bottom, not where memory would allow. */
	if (next == CONTROL_HARD || next == CONTROL_HOLD)
		capacity->given_milli = capacity_bottom_milli(capacity);
	update_undrain(controller, input);
	controller->state = next;
	decide(controller, conf, input, ret_decision);
}

int64_t controller_next_ns(const struct decision *decision, const struct verdict *verdict,
			   int64_t interval_ns)
{
	bool falls = decision->time_to_swap_known && decision->time_to_swap_ms < 60000;
	bool low = verdict->known && verdict->headroom_bytes < verdict->reserve_bytes;
	bool lowest = verdict->known && verdict->headroom_bytes < verdict->inner_bytes;
	int64_t next = NS_PER_S;

	if (lowest || (low && falls))
		next = 100 * NS_PER_MS;
	else if (falls)
		next = 250 * NS_PER_MS;
	else if (low) /* many a Pi is like that all day */
		next = 500 * NS_PER_MS;
	return next < interval_ns ? next : interval_ns;
}
