/* SPDX-License-Identifier: MIT */
/*
 * Samples stand in slots of 16 KiB, each a chain: the first one whole, the others as differences
 * (mqtt_pack.h). So a slot is read from its begin, and a reader that goes on keeps what the last record
 * came to. One slot is kept free to merge two others into (mqtt_ring_thin.c). Events stand as they are
 * in slots of 4 KiB: when there is no room, the oldest slot with its dozen of events goes.
 *
 * In calm a sample is confirmed within seconds, and then the only slot in use begins anew before it
 * reaches its second page.
 */
#include "notifiers/mqtt_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "notifiers/mqtt_ring_state.h"

#define SAMPLE_SLOT (16 * 1024)
#define SAMPLE_SLOTS 26
#define EVENT_SLOT (4 * 1024)
#define EVENT_SLOTS 24
#define EVENTS_AT (SAMPLE_SLOT * SAMPLE_SLOTS)
/* 1.3 KiB is a whole state document; so a slot is emptied early enough to stay within a page, and not so
 * early that whole documents are most of what is written. */
#define CLEAR_ABOVE 3072
#define PAGE 4096

_Static_assert(EVENTS_AT + EVENT_SLOT * EVENT_SLOTS == MQTT_RING_BYTES,
	       "the parts fill the memory");

static bool sound_sample(void *context, bool first, const uint8_t *data, size_t length)
{
	struct mqtt_ring *ring = context;

	if (first)
		ring_forget(&ring->reading);
	return mqtt_pack_decode(&ring->reading, &ring->scratch, data, length) == 0;
}

static bool sound_event(void *context, bool first, const uint8_t *data, size_t length)
{
	(void)context;
	(void)first;
	(void)data;
	(void)length;
	return true;
}

struct mqtt_ring *mqtt_ring_new(const struct mqtt_ring_memory *memory)
{
	/* Not from the heap, where what is never used might be used memory. */
	struct mqtt_ring *ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ring == MAP_FAILED)
		return NULL;
	ring->active = ring->active_event = ring->reading_slot = -1;
	mqtt_slots_open(&ring->samples, memory, 0, SAMPLE_SLOT, SAMPLE_SLOTS, sound_sample, ring);
	mqtt_slots_open(&ring->events, memory, EVENTS_AT, EVENT_SLOT, EVENT_SLOTS, sound_event,
			ring);
	return ring;
}

void mqtt_ring_free(struct mqtt_ring *ring)
{
	if (ring)
		munmap(ring, sizeof(*ring));
}

static void drop_samples(struct mqtt_ring *ring, unsigned slot, bool release)
{
	if (ring->reading_slot == (int)slot)
		ring->reading_slot = -1;
	if (ring->active == (int)slot)
		ring->active = -1;
	mqtt_slots_drop(&ring->samples, slot, release);
}

/* A slot that cannot be read goes. */
static void scrap(struct mqtt_ring *ring, unsigned slot)
{
	ring->lost += mqtt_slot_pending(&ring->samples.slots[slot]);
	drop_samples(ring, slot, true);
}

/* What an earlier process left has stamps of its own: all of it is older than a minute now. */
static void date(struct mqtt_ring *ring, int64_t now_ns)
{
	struct mqtt_slots *slots = &ring->samples;

	for (unsigned i = 0; !ring->dated && i < slots->ordered; i++) {
		slots->slots[slots->order[i]].first_ns += now_ns - RING_MINUTE_NS;
		slots->slots[slots->order[i]].last_ns += now_ns - RING_MINUTE_NS;
	}
	ring->dated = true;
}

/* A slot in which nothing is pending is not filled further than it was cheap to. */
static void renew_active(struct mqtt_ring *ring)
{
	struct mqtt_slots *slots = &ring->samples;
	const struct mqtt_slot *slot = &slots->slots[ring->active < 0 ? 0 : ring->active];

	if (ring->active < 0 || mqtt_slot_pending(slot) > 0 || slot->used <= CLEAR_ABOVE)
		return;
	if (SAMPLE_SLOT - mqtt_slots_capacity(slots) + slot->used > PAGE) {
		drop_samples(ring, (unsigned)ring->active, true);
		return;
	}
	if (ring->reading_slot == ring->active)
		ring->reading_slot = -1;
	mqtt_slots_clear(slots, (unsigned)ring->active, slots->next_number - 1);
	ring_forget(&ring->written);
}

/* Slots in which nothing is pending go, but for the one that is written. */
static void settle(struct mqtt_ring *ring, unsigned slot)
{
	if (mqtt_slot_pending(&ring->samples.slots[slot]) == 0 && ring->active != (int)slot)
		drop_samples(ring, slot, true);
}

static void leave_active(struct mqtt_ring *ring)
{
	int slot = ring->active;

	ring->active = -1;
	if (slot >= 0)
		settle(ring, (unsigned)slot);
}

/* A slot to go on in: one that is free if another one stays free, else what merging two leaves. */
static int find_slot(struct mqtt_ring *ring, int64_t now_ns)
{
	struct mqtt_slots *slots = &ring->samples;
	int found = mqtt_slots_take(slots, -1);

	if (found < 0 && slots->ordered > 0) {
		/* A ring of one or two slots. */
		ring->thinned += mqtt_slot_pending(&slots->slots[slots->order[0]]);
		drop_samples(ring, slots->order[0], false);
		return mqtt_slots_take(slots, -1);
	}
	if (found < 0 || slots->ordered < 2 || mqtt_slots_take(slots, found) >= 0)
		return found;
	ring_thin(ring, (unsigned)found, now_ns);
	return mqtt_slots_take(slots, -1);
}

static bool append(struct mqtt_ring *ring, int64_t stamp_ns)
{
	struct mqtt_append place;
	int length;

	if (ring->active < 0 || !mqtt_slots_append(&ring->samples, (unsigned)ring->active,
						   ring->samples.next_number, stamp_ns, &place))
		return false;
	length = mqtt_pack_encode(&ring->written, &ring->parsed, place.data, place.room);
	if (length < 0)
		return false;
	mqtt_slots_commit(&ring->samples, &place, (size_t)length, MQTT_RECORD_WAITS);
	return true;
}

int mqtt_ring_put(struct mqtt_ring *ring, int64_t stamp_ns, const char *data, size_t length,
		  uint64_t *ret_number)
{
	struct mqtt_slots *slots = &ring->samples;

	if (length > MQTT_PACK_TEXT)
		return -EMSGSIZE;
	date(ring, stamp_ns);
	mqtt_pack_split(&ring->parsed, data, length);
	renew_active(ring);
	if (!append(ring, stamp_ns)) {
		leave_active(ring);
		ring->active = find_slot(ring, stamp_ns);
		if (ring->active >= 0) {
			mqtt_slots_clear(slots, (unsigned)ring->active, slots->next_number - 1);
			mqtt_slots_use(slots, (unsigned)ring->active);
			ring_forget(&ring->written);
			if (!append(ring, stamp_ns)) {
				drop_samples(ring, (unsigned)ring->active, false);
				return -EMSGSIZE;
			}
		} else {
			ring->thinned++;
		}
	}
	*ret_number = slots->next_number++;
	return 0;
}

void mqtt_ring_told(struct mqtt_ring *ring, uint64_t number)
{
	struct mqtt_record record;
	unsigned slot;

	if (mqtt_slots_find(&ring->samples, number, &slot, &record) &&
	    record.state == MQTT_RECORD_WAITS)
		mqtt_slots_mark(&ring->samples, slot, &record, MQTT_RECORD_LIVE);
}

void mqtt_ring_confirm(struct mqtt_ring *ring, uint64_t number)
{
	struct mqtt_slots *slots = &ring->samples;

	/* From the newest on, because settling takes slots out. */
	for (unsigned i = slots->ordered; i-- > 0;) {
		unsigned slot = slots->order[i];
		struct mqtt_record record = {0};
		while (slots->slots[slot].live > 0 && mqtt_slots_read(slots, slot, &record) &&
		       record.number <= number) {
			if (record.state == MQTT_RECORD_LIVE)
				mqtt_slots_mark(slots, slot, &record, MQTT_RECORD_DONE);
		}
		settle(ring, slot);
	}
}

int ring_oldest_untold(const struct mqtt_slots *slots)
{
	for (unsigned i = 0; i < slots->ordered; i++) {
		if (mqtt_slot_untold(&slots->slots[slots->order[i]]) > 0)
			return slots->order[i];
	}
	return -1;
}

/*
 * Goes on to the next record of the slot that waits. 1: its text is in buffer; 0: it is not below `below`;
 * -EBADMSG: there is none that can be read.
 */
static int read_on(struct mqtt_ring *ring, uint64_t below, char *buffer, size_t size,
		   size_t *ret_length)
{
	unsigned slot = (unsigned)ring->reading_slot;
	struct mqtt_record record = ring->reading_record;
	int length;

	while (mqtt_slots_read(&ring->samples, slot, &record)) {
		if (record.state == MQTT_RECORD_WAITS && record.number >= below)
			return 0;
		if (mqtt_pack_decode(&ring->reading, &ring->scratch, record.data, record.length) <
		    0)
			return -EBADMSG;
		ring->reading_record = record;
		if (record.state != MQTT_RECORD_WAITS)
			continue;
		length = mqtt_pack_join(&ring->reading, buffer, size);
		if (length < 0)
			return -EBADMSG;
		mqtt_slots_mark(&ring->samples, slot, &record, MQTT_RECORD_ASKED);
		*ret_length = (size_t)length;
		return 1;
	}
	return -EBADMSG;
}

bool mqtt_ring_next(struct mqtt_ring *ring, uint64_t below, char *buffer, size_t size,
		    uint64_t *ret_number, size_t *ret_length)
{
	for (;;) {
		int slot = ring_oldest_untold(&ring->samples), result;
		if (slot < 0)
			return false;
		if (ring->reading_slot != slot) {
			ring->reading_slot = slot;
			ring->reading_record = (struct mqtt_record){0};
			ring_forget(&ring->reading);
		}
		result = read_on(ring, below, buffer, size, ret_length);
		if (result < 0) {
			scrap(ring, (unsigned)slot);
			continue;
		}
		if (result > 0)
			*ret_number = ring->reading_record.number;
		return result > 0;
	}
}

void mqtt_ring_done(struct mqtt_ring *ring, uint64_t number)
{
	struct mqtt_record record;
	unsigned slot;

	if (!mqtt_slots_find(&ring->samples, number, &slot, &record) ||
	    record.state == MQTT_RECORD_DONE)
		return;
	mqtt_slots_mark(&ring->samples, slot, &record, MQTT_RECORD_DONE);
	settle(ring, slot);
}

void mqtt_ring_scrap(struct mqtt_ring *ring)
{
	struct mqtt_slots *events = &ring->events;

	while (ring->samples.ordered > 0)
		scrap(ring, ring->samples.order[0]);
	while (events->ordered > 0) {
		ring->lost += mqtt_slot_pending(&events->slots[events->order[0]]);
		mqtt_slots_drop(events, events->order[0], true);
	}
	ring->active_event = -1;
}

void mqtt_ring_restart(struct mqtt_ring *ring)
{
	mqtt_slots_forget(&ring->samples);
	mqtt_slots_forget(&ring->events);
	ring->reading_slot = -1;
}

struct mqtt_ring_counts mqtt_ring_counts(const struct mqtt_ring *ring)
{
	struct mqtt_ring_counts counts = {
		.bytes = ring->samples.ordered * SAMPLE_SLOT + ring->events.ordered * EVENT_SLOT,
		.thinned = ring->thinned,
		.displaced = ring->displaced,
		.lost = ring->lost + ring->samples.lost + ring->events.lost,
	};

	for (unsigned i = 0; i < ring->samples.ordered; i++) {
		const struct mqtt_slot *slot = &ring->samples.slots[ring->samples.order[i]];
		counts.samples += mqtt_slot_pending(slot);
		counts.untold += mqtt_slot_untold(slot);
	}
	for (unsigned i = 0; i < ring->events.ordered; i++)
		counts.events += mqtt_slot_pending(&ring->events.slots[ring->events.order[i]]);
	return counts;
}
