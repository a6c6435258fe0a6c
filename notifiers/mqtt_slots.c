/* SPDX-License-Identifier: MIT */
/*
 * The first slot begins with a directory: which slots are in use, a bit for each. Each slot has a head, which says how
 * many bytes of records follow, and the records:
 *
 *	length of what follows the state's and the check's bytes (2 bytes), state (1), check (2),
 *	number and stamp as differences to the record before, contents
 *
 * What the directory and the heads do not cover does not exist, and they change with one store each, after what they
 * cover was written. So the directory can also put one slot into the place of two. Stores of a process that is
 * killed are seen in the order in which it made them; that the compiler keeps it is the fences' work.
 *
 * While running, the own index is believed and not what the memory says, but for the lengths of
 * records, and these never lead out of their slot.
 */
#include "notifiers/mqtt_slots.h"

#include <string.h>

#include "notifiers/mqtt_bytes.h"
#include "notifiers/mqtt_slots_image.h"

size_t mqtt_slots_capacity(const struct mqtt_slots *slots)
{
	return slots->slot_size - SLOTS_HEAD_SIZE;
}

static void write_16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
}

bool mqtt_slots_read(const struct mqtt_slots *slots, unsigned slot, struct mqtt_record *record)
{
	const uint8_t *bytes = slots_records(slots, slot) + record->next;
	size_t left = slots->slots[slot].used - record->next, length;
	struct bytes_in in;
	uint64_t gap, pause;

	if (record->next > slots->slots[slot].used || left < SLOTS_FIXED_SIZE)
		return false;
	length = slots_read_16(bytes);
	if (length > left - SLOTS_FIXED_SIZE)
		return false;
	in = (struct bytes_in){bytes + SLOTS_FIXED_SIZE, bytes + SLOTS_FIXED_SIZE + length, false};
	gap = bytes_get_number(&in);
	pause = bytes_get_number(&in);
	if (record->next == 0)
		record->number = slots->slots[slot].first;
	if (in.bad || gap == 0 || gap > SLOTS_NUMBER_MAX ||
	    record->number + gap > SLOTS_NUMBER_MAX ||
	    pause > (uint64_t)(MQTT_SLOTS_PAUSE_NS / SLOTS_STAMP_UNIT_NS))
		return false;
	record->at = record->next;
	record->next += (uint32_t)(SLOTS_FIXED_SIZE + length);
	record->number += gap;
	record->age_ns += (int64_t)pause * SLOTS_STAMP_UNIT_NS;
	record->state = bytes[SLOTS_STATE_AT] <= MQTT_RECORD_DONE ? bytes[SLOTS_STATE_AT]
								  : MQTT_RECORD_WAITS;
	record->data = in.at;
	record->length = (size_t)(in.end - in.at);
	return true;
}

bool mqtt_slots_find(const struct mqtt_slots *slots, uint64_t number, unsigned *ret_slot,
		     struct mqtt_record *ret_record)
{
	for (unsigned i = slots->ordered; i-- > 0;) {
		unsigned slot = slots->order[i];
		struct mqtt_record record = {0};
		if (number <= slots->slots[slot].first)
			continue;
		while (mqtt_slots_read(slots, slot, &record) && record.number <= number) {
			if (record.number < number)
				continue;
			*ret_slot = slot;
			*ret_record = record;
			return true;
		}
		return false;
	}
	return false;
}

static uint32_t *counter_of(struct mqtt_slot *slot, enum mqtt_record_state state)
{
	switch (state) {
	case MQTT_RECORD_LIVE:
		return &slot->live;
	case MQTT_RECORD_ASKED:
		return &slot->asked;
	case MQTT_RECORD_DONE:
		return &slot->done;
	case MQTT_RECORD_WAITS:
		break;
	}
	return NULL;
}

void mqtt_slots_mark(struct mqtt_slots *slots, unsigned slot, struct mqtt_record *record,
		     enum mqtt_record_state state)
{
	uint32_t *before = counter_of(&slots->slots[slot], record->state);
	uint32_t *after = counter_of(&slots->slots[slot], state);

	if (before)
		--*before;
	if (after)
		++*after;
	record->state = state;
	slots_records(slots, slot)[record->at + SLOTS_STATE_AT] = (uint8_t)state;
}

void mqtt_slots_forget(struct mqtt_slots *slots)
{
	for (unsigned i = 0; i < slots->ordered; i++) {
		unsigned slot = slots->order[i];
		struct mqtt_record record = {0};
		if (slots->slots[slot].live + slots->slots[slot].asked == 0)
			continue;
		while (mqtt_slots_read(slots, slot, &record)) {
			if (record.state != MQTT_RECORD_DONE)
				mqtt_slots_mark(slots, slot, &record, MQTT_RECORD_WAITS);
		}
	}
}

int slots_reserve(const struct mqtt_slots *slots, size_t offset, size_t length)
{
	if (!slots->memory.reserve)
		return 0;
	return slots->memory.reserve(slots->memory.context, slots->offset + offset, length);
}

void slots_release(struct mqtt_slots *slots, unsigned slot)
{
	size_t keep = slot == 0 ? SLOTS_PAGE : 0;

	slots->slots[slot].reserved = false;
	if (slots->memory.release && slots->slot_size > keep)
		slots->memory.release(slots->memory.context,
				      slots->offset + slot * slots->slot_size + keep,
				      slots->slot_size - keep);
}

void slots_format(struct mqtt_slots *slots)
{
	struct slots_directory *directory = slots_directory(slots);

	slots_publish(&directory->magic, 0);
	directory->version = SLOTS_VERSION;
	directory->slot_size = (uint32_t)slots->slot_size;
	directory->used = 0;
	directory->number = slots->next_number - 1;
	slots_publish(&directory->magic, SLOTS_MAGIC);
	for (unsigned slot = 0; slot < slots->count; slot++)
		slots_release(slots, slot);
}

static bool in_use(const struct mqtt_slots *slots, unsigned slot)
{
	return slots->in_use >> slot & 1;
}

static void set_in_use(struct mqtt_slots *slots, uint32_t bits)
{
	slots->in_use = bits;
	slots_directory(slots)->number = slots->next_number - 1;
	slots_publish(&slots_directory(slots)->used, bits);
}

int mqtt_slots_take(struct mqtt_slots *slots, int but)
{
	int found = -1;

	if (!slots->ready) {
		/* What an earlier process left could not be read then: it is late now. */
		if (slots_reserve(slots, 0, SLOTS_PAGE) < 0)
			return -1;
		slots->ready = true;
		slots_format(slots);
	}
	for (unsigned slot = 0; slot < slots->count; slot++) {
		if (in_use(slots, slot) || (int)slot == but)
			continue;
		if (slots->slots[slot].reserved)
			return (int)slot;
		if (found < 0)
			found = (int)slot;
	}
	if (found < 0 ||
	    slots_reserve(slots, (unsigned)found * slots->slot_size, slots->slot_size) < 0)
		return -1;
	slots->slots[found].reserved = true;
	return found;
}

void mqtt_slots_clear(struct mqtt_slots *slots, unsigned slot, uint64_t first)
{
	struct slots_head *head = slots_head(slots, slot);

	slots_publish(&head->used, 0);
	head->first = first;
	slots->slots[slot] = (struct mqtt_slot){
		.reserved = slots->slots[slot].reserved,
		.first = first,
		.last = first,
	};
}

void mqtt_slots_use(struct mqtt_slots *slots, unsigned slot)
{
	set_in_use(slots, slots->in_use | 1u << slot);
	slots->order[slots->ordered++] = (uint8_t)slot;
}

static void leave_order(struct mqtt_slots *slots, unsigned place)
{
	slots->ordered--;
	memmove(slots->order + place, slots->order + place + 1, slots->ordered - place);
}

void mqtt_slots_replace(struct mqtt_slots *slots, unsigned place, unsigned slot)
{
	uint32_t gone = 1u << slots->order[place] | 1u << slots->order[place + 1];

	set_in_use(slots, (slots->in_use & ~gone) | 1u << slot);
	leave_order(slots, place + 1);
	slots->order[place] = (uint8_t)slot;
}

void mqtt_slots_drop(struct mqtt_slots *slots, unsigned slot, bool release)
{
	set_in_use(slots, slots->in_use & ~(1u << slot));
	for (unsigned i = 0; i < slots->ordered; i++) {
		if (slots->order[i] == slot)
			leave_order(slots, i);
	}
	for (unsigned i = 0; release && i < slots->count; i++) {
		if (slots->slots[i].reserved && !in_use(slots, i))
			slots_release(slots, i);
	}
}

/* Writes what stands before the contents. */
static void write_steps(struct bytes_out *out, const struct mqtt_slot *slot, uint64_t number,
			int64_t stamp_ns)
{
	int64_t pause_ns = slot->count ? stamp_ns - slot->last_ns : 0;

	if (pause_ns > MQTT_SLOTS_PAUSE_NS)
		pause_ns = MQTT_SLOTS_PAUSE_NS;
	bytes_put_number(out, number - slot->last);
	bytes_put_number(out, pause_ns > 0 ? (uint64_t)(pause_ns / SLOTS_STAMP_UNIT_NS) : 0);
}

bool mqtt_slots_append(struct mqtt_slots *slots, unsigned slot, uint64_t number, int64_t stamp_ns,
		       struct mqtt_append *ret_append)
{
	uint8_t *bytes = slots_records(slots, slot), *end = bytes + mqtt_slots_capacity(slots);
	struct bytes_out out = {bytes + slots->slots[slot].used, end, false};

	bytes_put(&out, (uint8_t[SLOTS_FIXED_SIZE]){0}, SLOTS_FIXED_SIZE);
	write_steps(&out, &slots->slots[slot], number, stamp_ns);
	if (out.full)
		return false;
	*ret_append =
		(struct mqtt_append){slot, number, stamp_ns, out.at, (size_t)(out.end - out.at)};
	return true;
}

void mqtt_slots_commit(struct mqtt_slots *slots, const struct mqtt_append *append, size_t length,
		       enum mqtt_record_state state)
{
	struct mqtt_slot *slot = &slots->slots[append->slot];
	struct slots_head *head = slots_head(slots, append->slot);
	struct mqtt_record record = {.at = slot->used, .state = MQTT_RECORD_WAITS};
	uint8_t *bytes = slots_records(slots, append->slot) + slot->used;
	uint8_t *rest = bytes + SLOTS_FIXED_SIZE;

	length += (size_t)(append->data - rest);
	write_16(bytes, length);
	write_16(bytes + SLOTS_CHECK_AT, slots_check(bytes));
	if (slot->count == 0)
		slot->first_ns = slot->last_ns = append->stamp_ns;
	/* As the reader will see it. */
	if (append->stamp_ns - slot->last_ns > MQTT_SLOTS_PAUSE_NS)
		slot->last_ns += MQTT_SLOTS_PAUSE_NS;
	else if (append->stamp_ns > slot->last_ns)
		slot->last_ns += (append->stamp_ns - slot->last_ns) / SLOTS_STAMP_UNIT_NS *
				 SLOTS_STAMP_UNIT_NS;
	slot->used += (uint32_t)(SLOTS_FIXED_SIZE + length);
	slot->count++;
	slot->last = append->number;
	mqtt_slots_mark(slots, append->slot, &record, state);
	slots_publish(&head->used, slot->used);
}
