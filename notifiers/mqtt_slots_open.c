/* SPDX-License-Identifier: MIT */
/*
 * What an earlier process left is a file that anything may stand in. Every record is checked, alone and in the order of
 * its numbers; a slot ends before the first one that makes no sense, because its contents build on each
 * other. Slots must not overlap. A hole must not be read before it is reserved: a full tmpfs would answer with SIGBUS.
 */
#include "notifiers/mqtt_slots.h"

#include <string.h>

#include "notifiers/mqtt_slots_image.h"

/* Takes over the records of one slot, as far as they make sense. */
static void adopt(struct mqtt_slots *slots, unsigned index, mqtt_slots_sound_fn *sound,
		  void *context)
{
	struct mqtt_slot *slot = &slots->slots[index];
	struct slots_head *head = slots_head(slots, index);
	struct mqtt_record record = {0};
	uint32_t used = head->used;
	bool damaged = used > mqtt_slots_capacity(slots) || head->first > SLOTS_NUMBER_FOUND_MAX;

	*slot = (struct mqtt_slot){.reserved = true};
	if (!damaged) {
		slot->first = slot->last = head->first;
		slot->used = used;
	}
	while (mqtt_slots_read(slots, index, &record)) {
		const uint8_t *bytes = slots_records(slots, index) + record.at;
		if (slots_read_16(bytes + SLOTS_CHECK_AT) != slots_check(bytes) ||
		    record.number > SLOTS_NUMBER_FOUND_MAX ||
		    !sound(context, record.at == 0, record.data, record.length)) {
			record.next = record.at;
			break;
		}
		slot->count++;
		slot->last = record.number;
		slot->last_ns = record.age_ns;
		if (record.state == MQTT_RECORD_DONE)
			slot->done++;
		else
			slots_records(slots, index)[record.at + SLOTS_STATE_AT] = MQTT_RECORD_WAITS;
	}
	slots->lost += damaged || record.next < slot->used;
	slot->used = record.next;
	slots_publish(&head->used, slot->used);
}

/* Sorts the slots in bits by their numbers. */
static void sort(struct mqtt_slots *slots, uint32_t bits)
{
	for (unsigned slot = 0; slot < slots->count; slot++) {
		unsigned place = slots->ordered;
		if (!(bits >> slot & 1))
			continue;
		for (; place > 0; place--) {
			unsigned before = slots->order[place - 1];
			if (slots->slots[before].first <= slots->slots[slot].first)
				break;
			slots->order[place] = (uint8_t)before;
		}
		slots->order[place] = (uint8_t)slot;
		slots->ordered++;
	}
}

/* Slots with nothing of use, or with numbers that another one has, go. */
static void sift(struct mqtt_slots *slots)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < slots->ordered;) {
		const struct mqtt_slot *slot = &slots->slots[slots->order[i]];
		if (slots->next_number <= slot->last)
			slots->next_number = slot->last + 1;
		if (slot->first >= last && mqtt_slot_pending(slot) > 0) {
			last = slot->last;
			i++;
			continue;
		}
		slots->lost += mqtt_slot_pending(slot);
		mqtt_slots_drop(slots, slots->order[i], false);
	}
}

/* Gives the slots stamps that end at 0: how they lie to each other is all that is still known. */
static void date(struct mqtt_slots *slots)
{
	int64_t end_ns = 0;

	for (unsigned i = slots->ordered; i-- > 0;) {
		struct mqtt_slot *slot = &slots->slots[slots->order[i]];
		slot->first_ns = end_ns - slot->last_ns;
		slot->last_ns = end_ns;
		end_ns = slot->first_ns;
	}
}

/* What the directory says of slots in use. */
static uint32_t read_directory(struct mqtt_slots *slots)
{
	const struct slots_directory *directory = slots_directory(slots);
	uint32_t all = UINT32_MAX >> (MQTT_SLOTS_MAX - slots->count), used = directory->used;

	if (directory->magic == SLOTS_MAGIC && directory->version == SLOTS_VERSION &&
	    directory->slot_size == slots->slot_size && (used & ~all) == 0 &&
	    directory->number <= SLOTS_NUMBER_FOUND_MAX) {
		slots->next_number = directory->number + 1;
		return used;
	}
	slots->lost += directory->magic != 0;
	slots_format(slots);
	return 0;
}

void mqtt_slots_open(struct mqtt_slots *slots, const struct mqtt_ring_memory *memory, size_t offset,
		     size_t slot_size, unsigned count, mqtt_slots_sound_fn *sound, void *context)
{
	uint32_t left;

	*slots = (struct mqtt_slots){
		.memory = *memory,
		.offset = offset,
		.slot_size = slot_size,
		.count = count,
		.next_number = 1,
	};
	if (slots_reserve(slots, 0, SLOTS_PAGE) < 0)
		return;
	slots->ready = true;
	left = read_directory(slots);
	for (unsigned slot = 0; slot < count; slot++) {
		if (!(left >> slot & 1))
			continue;
		if (slots_reserve(slots, slot * slot_size, slot_size) < 0) {
			left &= ~(1u << slot);
			slots->lost++;
			continue;
		}
		adopt(slots, slot, sound, context);
	}
	slots->in_use = left;
	sort(slots, left);
	sift(slots);
	date(slots);
	/* A process may have ended between reserving and using, or between leaving and releasing. */
	slots_publish(&slots_directory(slots)->used, slots->in_use);
	for (unsigned slot = 0; slot < count; slot++) {
		if (!(slots->in_use >> slot & 1))
			slots_release(slots, slot);
	}
}
