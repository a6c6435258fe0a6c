/* SPDX-License-Identifier: MIT */
/* These go the same way into the documents as every other reading. */
#include "agent/derived.h"

const struct metric derived_metrics[DERIVED_COUNT] = {
	[DERIVED_HEADROOM] =
		{
			.group = "mem",
			.name = "headroom_bytes",
			.unit = UNIT_BYTES,
			.course = true,
			.help = "memory that can be had before the kernel starts to swap",
		},
	[DERIVED_RESERVE] =
		{
			.group = "mem",
			.name = "reserve_bytes",
			.unit = UNIT_BYTES,
			.course = true,
			.help = "part of headroom that is kept for what other programs may take",
		},
	[DERIVED_TIME_TO_SWAP] =
		{
			.group = "mem",
			.name = "time_to_swap_s",
			.unit = UNIT_MILLI,
			.help = "seconds until headroom is used up at the present fall",
		},
	[DERIVED_WEIGHT] =
		{
			.group = "lb",
			.name = "weight",
			.unit = UNIT_COUNT,
			.course = true,
			.help = "weight told to the load balancers, percent",
		},
	[DERIVED_MAXCONN] =
		{
			.group = "lb",
			.name = "maxconn",
			.unit = UNIT_COUNT,
			.help = "concurrent requests that each load balancer may send",
		},
	[DERIVED_STATE] =
		{
			.group = "lb",
			.name = "state",
			.unit = UNIT_WORD,
			.words = control_state_words,
			.help = "state of the controller",
		},
	[DERIVED_REASON] =
		{
			.group = "lb",
			.name = "reason",
			.unit = UNIT_TEXT,
			.help = "why it is in this state",
		},
	[DERIVED_SINCE] =
		{
			.group = "lb",
			.name = "since",
			.unit = UNIT_MS,
			.help = "when it came into this state, unix milliseconds",
		},
	[DERIVED_LOOP_LATE] =
		{
			.group = "self",
			.name = "loop_late_ms",
			.unit = UNIT_MILLI,
			.help = "how late the sampling passes were at most since the last sample",
		},
	[DERIVED_HEALTH] =
		{
			.group = "sd",
			.name = "health",
			.unit = UNIT_WORD,
			.words = health_words,
			.help = "what all signs about the disk come to",
		},
	[DERIVED_HEALTH_REASON] =
		{
			.group = "sd",
			.name = "health_reason",
			.unit = UNIT_TEXT,
			.help = "the worst of these signs",
		},
};

void derived_read(const struct verdict *verdict, const struct decision *decision,
		  const struct health *health, int64_t loop_late_us, struct batch *ret_batch)
{
	if (verdict->known) {
		batch_value(ret_batch, DERIVED_HEADROOM, verdict->headroom_bytes);
		batch_value(ret_batch, DERIVED_RESERVE, verdict->reserve_bytes);
	} else {
		batch_unknown(ret_batch, DERIVED_HEADROOM, verdict->why);
		batch_unknown(ret_batch, DERIVED_RESERVE, verdict->why);
	}
	if (verdict->known && verdict->falling)
		batch_value(ret_batch, DERIVED_TIME_TO_SWAP, verdict->time_to_swap_ms);
	else
		batch_unknown(ret_batch, DERIVED_TIME_TO_SWAP,
			      verdict->known ? "headroom is not falling" : verdict->why);
	batch_value(ret_batch, DERIVED_WEIGHT, decision->weight_pct);
	batch_value(ret_batch, DERIVED_MAXCONN, decision->maxconn);
	batch_value(ret_batch, DERIVED_STATE, decision->state);
	batch_text(ret_batch, DERIVED_REASON, decision->reason);
	batch_value(ret_batch, DERIVED_SINCE, decision->since_ms);
	batch_value(ret_batch, DERIVED_LOOP_LATE, loop_late_us);
	if (health->word == HEALTH_UNKNOWN) {
		batch_unknown(ret_batch, DERIVED_HEALTH, health->reason);
		batch_unknown(ret_batch, DERIVED_HEALTH_REASON, health->reason);
	} else {
		batch_value(ret_batch, DERIVED_HEALTH, health->word);
		batch_text(ret_batch, DERIVED_HEALTH_REASON, health->reason);
	}
}
