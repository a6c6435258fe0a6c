/* SPDX-License-Identifier: MIT */
/*
 * One slot per metric. A slot knows its newest value, the one before (for the rate of a counter) and
 * when it came. Nothing is ever "0 because missing": a slot without a fresh value is unknown, with
 * the reason that the module gave or with its staleness.
 */
#include "agent/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"

struct slot {
	const struct metric *metric;
	int64_t max_age_ns;
	bool known;
	bool has_rate;
	int64_t value;
	int64_t stamp_ns;
	int64_t base_value; /* counters: where the rate is counted from */
	int64_t base_ns;
	int64_t rate_milli;
	const char *reason; /* when not known */
	char text[STATE_TEXT_SIZE];
};

struct state {
	unsigned room;
	unsigned count;
	unsigned *order;
	struct slot slots[];
};

static const char reason_not_yet[] = "not read yet";
static const char reason_stale[] = "stale: the last readings failed or are late";
static const char reason_one_value[] = "a rate needs two readings";
static const char reason_long[] = "text longer than 63 bytes";

struct state *state_new(unsigned room)
{
	struct state *state = calloc(1, sizeof(*state) + room * sizeof(state->slots[0]));
	if (!state)
		return NULL;
	state->order = calloc(room ? room : 1, sizeof(*state->order));
	if (!state->order) {
		free(state);
		return NULL;
	}
	state->room = room;
	return state;
}

void state_free(struct state *state)
{
	if (!state)
		return;
	free(state->order);
	free(state);
}

/* Puts the new slot behind the last one of its group, or at the end. */
static void order_insert(struct state *state, unsigned slot)
{
	unsigned position = state->count;
	for (unsigned i = 0; i < state->count; i++) {
		const struct metric *other = state->slots[state->order[i]].metric;
		if (strcmp(other->group, state->slots[slot].metric->group) == 0)
			position = i + 1;
	}
	memmove(&state->order[position + 1], &state->order[position],
		(state->count - position) * sizeof(state->order[0]));
	state->order[position] = slot;
}

int state_add(struct state *state, const struct metric *metrics, unsigned count, int64_t max_age_ns,
	      struct state_source *ret_source)
{
	if (count > state->room - state->count)
		return -ENOSPC;

	struct state_source source = {.first = state->count, .count = count};
	for (unsigned i = 0; i < count; i++) {
		state->slots[state->count] = (struct slot){
			.metric = &metrics[i],
			.max_age_ns = max_age_ns,
			.reason = reason_not_yet,
		};
		order_insert(state, state->count);
		state->count++;
	}
	*ret_source = source;
	return 0;
}

void state_set_max_age(struct state *state, struct state_source source, int64_t max_age_ns)
{
	for (unsigned i = 0; i < source.count; i++)
		state->slots[source.first + i].max_age_ns = max_age_ns;
}

/*
 * Rate over the last two reads, in thousandths per second. Reads closer than 10 ms (a wake between two
 * ticks) are too near to each other for a rate: the older one then stays the base.
 */
static void slot_take_rate(struct slot *slot, int64_t value, int64_t now_ns)
{
	int64_t elapsed_ns = now_ns - slot->base_ns;
	bool reset = value < slot->value;
	if (slot->known && !reset && elapsed_ns < 10 * NS_PER_MS)
		return;

	slot->has_rate = slot->known && !reset;
	if (slot->has_rate)
		slot->rate_milli =
			mul_div(value - slot->base_value, NS_PER_S, elapsed_ns / NS_PER_US);
	slot->base_value = value;
	slot->base_ns = now_ns;
}

static void slot_value(struct slot *slot, int64_t value, int64_t now_ns)
{
	if (slot->metric->kind == METRIC_COUNTER)
		slot_take_rate(slot, value, now_ns);
	slot->value = value;
	slot->stamp_ns = now_ns;
	slot->known = true;
}

static void slot_unknown(struct slot *slot, const char *reason)
{
	slot->known = false;
	slot->has_rate = false;
	slot->reason = reason;
}

void state_update(struct state *state, struct state_source source, const struct batch *batch,
		  int64_t now_ns)
{
	int64_t stamp_ns = batch->stamp_ns ? batch->stamp_ns : now_ns;
	for (size_t i = 0; i < batch->sample_count; i++) {
		const struct sample *sample = &batch->samples[i];
		if (sample->metric >= source.count)
			continue;
		struct slot *slot = &state->slots[source.first + sample->metric];
		switch ((enum sample_kind)sample->kind) {
		case SAMPLE_VALUE:
			slot_value(slot, sample->value, stamp_ns);
			break;
		case SAMPLE_TEXT:
			if (strlen(sample->text) >= sizeof(slot->text)) {
				slot_unknown(slot, reason_long);
				break;
			}
			strcpy(slot->text, sample->text);
			slot->stamp_ns = stamp_ns;
			slot->known = true;
			break;
		case SAMPLE_UNKNOWN:
			slot_unknown(slot, sample->text);
			break;
		}
	}
}

void state_forget(struct state *state, struct state_source source, const char *reason)
{
	for (unsigned i = 0; i < source.count; i++)
		slot_unknown(&state->slots[source.first + i], reason);
}

unsigned state_count(const struct state *state)
{
	return state->count;
}

unsigned state_ordered(const struct state *state, unsigned position)
{
	return state->order[position];
}

const struct metric *state_metric(const struct state *state, unsigned slot)
{
	return state->slots[slot].metric;
}

/* 0 if the slot has a fresh value, else STATE_UNKNOWN and the reason. */
static int slot_fresh(const struct slot *slot, int64_t now_ns, const char **ret_reason)
{
	if (!slot->known) {
		*ret_reason = slot->reason;
		return STATE_UNKNOWN;
	}
	if (now_ns - slot->stamp_ns > slot->max_age_ns) {
		*ret_reason = reason_stale;
		return STATE_UNKNOWN;
	}
	return 0;
}

int state_value(const struct state *state, unsigned slot, int64_t now_ns, int64_t *ret_value,
		const char **ret_reason)
{
	int r = slot_fresh(&state->slots[slot], now_ns, ret_reason);
	if (r == 0)
		*ret_value = state->slots[slot].value;
	return r;
}

int state_text(const struct state *state, unsigned slot, int64_t now_ns, const char **ret_text,
	       const char **ret_reason)
{
	int r = slot_fresh(&state->slots[slot], now_ns, ret_reason);
	if (r == 0)
		*ret_text = state->slots[slot].text;
	return r;
}

int state_rate_milli(const struct state *state, unsigned slot, int64_t now_ns, int64_t *ret_rate,
		     const char **ret_reason)
{
	int r = slot_fresh(&state->slots[slot], now_ns, ret_reason);
	if (r != 0)
		return r;
	if (!state->slots[slot].has_rate) {
		*ret_reason = reason_one_value;
		return STATE_UNKNOWN;
	}
	*ret_rate = state->slots[slot].rate_milli;
	return 0;
}

int state_reading(const struct state *state, unsigned slot, bool rate, int64_t now_ns,
		  struct state_reading *ret_reading, const char **ret_reason)
{
	struct state_reading reading = {.text = NULL};
	int r;

	if (rate)
		r = state_rate_milli(state, slot, now_ns, &reading.value, ret_reason);
	else if (state->slots[slot].metric->unit == UNIT_TEXT)
		r = state_text(state, slot, now_ns, &reading.text, ret_reason);
	else
		r = state_value(state, slot, now_ns, &reading.value, ret_reason);
	if (r == 0)
		*ret_reading = reading;
	return r;
}

void state_readings(const struct state *state, int64_t now_ns, struct readings *ret_readings)
{
	*ret_readings = (struct readings){0};
	for (unsigned i = 0; i < state->count; i++) {
		const struct slot *slot = &state->slots[i];
		enum metric_role role = slot->metric->role;
		const char *reason;
		if (role == ROLE_NONE || slot_fresh(slot, now_ns, &reason) != 0)
			continue;

		uint64_t bit = UINT64_C(1) << role;
		/* Of metrics that share a role the largest counts: of booleans, one true is enough. */
		if ((ret_readings->known & bit) && slot->value <= ret_readings->value[role])
			continue;
		ret_readings->known |= bit;
		ret_readings->value[role] = slot->value;
		ret_readings->stamp_ns[role] = slot->stamp_ns;
		if (slot->has_rate) {
			ret_readings->rate_known |= bit;
			ret_readings->rate_milli[role] = slot->rate_milli;
		}
	}
}
