/* SPDX-License-Identifier: MIT */
/*
 * Events stand as they are, some dozen in a slot: they are rare, and each is told once. When there is no
 * room the oldest slot goes with what is in it.
 */
#include <errno.h>
#include <string.h>

#include "notifiers/mqtt_ring_state.h"

static bool append_event(struct mqtt_ring *ring, const char *data, size_t length)
{
	struct mqtt_append place;

	if (ring->active_event < 0 ||
	    !mqtt_slots_append(&ring->events, (unsigned)ring->active_event,
			       ring->events.next_number, 0, &place) ||
	    place.room < length)
		return false;
	memcpy(place.data, data, length);
	mqtt_slots_commit(&ring->events, &place, length, MQTT_RECORD_WAITS);
	return true;
}

/* Returns a slot for events that was taken, -1 if there is no memory at all. */
static int find_event_slot(struct mqtt_ring *ring)
{
	struct mqtt_slots *slots = &ring->events;
	int found = mqtt_slots_take(slots, -1);

	if (found >= 0 || slots->ordered == 0)
		return found;
	ring->displaced += mqtt_slot_pending(&slots->slots[slots->order[0]]);
	mqtt_slots_drop(slots, slots->order[0], false);
	return mqtt_slots_take(slots, -1);
}

int mqtt_ring_put_event(struct mqtt_ring *ring, const char *data, size_t length)
{
	struct mqtt_slots *slots = &ring->events;
	unsigned slot;

	if (length > MQTT_RING_EVENT_SIZE)
		return -EMSGSIZE;
	slot = ring->active_event < 0 ? 0 : (unsigned)ring->active_event;
	if (ring->active_event >= 0 && mqtt_slot_pending(&slots->slots[slot]) == 0)
		mqtt_slots_clear(slots, slot, slots->next_number - 1);
	if (!append_event(ring, data, length)) {
		ring->active_event = find_event_slot(ring);
		if (ring->active_event < 0) {
			ring->displaced++;
		} else {
			slot = (unsigned)ring->active_event;
			mqtt_slots_clear(slots, slot, slots->next_number - 1);
			mqtt_slots_use(slots, slot);
			append_event(ring, data, length);
		}
	}
	slots->next_number++;
	return 0;
}

static void drop_events(struct mqtt_ring *ring, unsigned slot)
{
	if (ring->active_event == (int)slot)
		ring->active_event = -1;
	mqtt_slots_drop(&ring->events, slot, true);
}

bool mqtt_ring_next_event(struct mqtt_ring *ring, char *buffer, size_t size, uint64_t *ret_number,
			  size_t *ret_length)
{
	struct mqtt_slots *slots = &ring->events;

	for (;;) {
		int slot = ring_oldest_untold(slots);
		struct mqtt_record record = {0};
		if (slot < 0)
			return false;
		while (mqtt_slots_read(slots, (unsigned)slot, &record)) {
			if (record.state != MQTT_RECORD_WAITS || record.length > size)
				continue;
			memcpy(buffer, record.data, record.length);
			mqtt_slots_mark(slots, (unsigned)slot, &record, MQTT_RECORD_ASKED);
			*ret_number = record.number;
			*ret_length = record.length;
			return true;
		}
		ring->lost += mqtt_slot_pending(&slots->slots[slot]);
		drop_events(ring, (unsigned)slot);
	}
}

void mqtt_ring_done_event(struct mqtt_ring *ring, uint64_t number)
{
	struct mqtt_record record;
	unsigned slot;

	if (!mqtt_slots_find(&ring->events, number, &slot, &record) ||
	    record.state == MQTT_RECORD_DONE)
		return;
	mqtt_slots_mark(&ring->events, slot, &record, MQTT_RECORD_DONE);
	if (mqtt_slot_pending(&ring->events.slots[slot]) == 0 && ring->active_event != (int)slot)
		drop_events(ring, slot);
}
