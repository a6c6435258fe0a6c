/* SPDX-License-Identifier: MIT */
/*
 * Two neighbouring slots become one. If what is in them fits into one there is no need to lose anything.
 * Otherwise every other sample goes. Differences grow when steps do, so half of the samples may need more than half of
 * the room: where the new slot is ahead of its share one more goes, so that gaps are spread over
 * the whole stretch and not at its end.
 *
 * Of all neighbours those are taken that lie densest, the wider one of the two being what counts, and the oldest
 * ones if several do: so the ring thins evenly, its oldest part first. Records of the last minute stay.
 */
#include "notifiers/mqtt_ring_state.h"

/* A merger on its way. */
struct merger {
	struct mqtt_ring *ring;
	unsigned slot; /* that is being filled */
	bool all;      /* there is room for all */
	int64_t minute_ns;
	/* Of what may go, records ... */
	uint32_t total;	 /* ... in the two slots, */
	uint32_t passed; /* ... of these gone through. */
	size_t minute;	 /* bytes of what may not go */
	size_t first;	 /* bytes of the first record that was taken over, a whole one */
	bool dropped;	 /* the record before was dropped */
};

static const struct mqtt_slot *slot_at(const struct mqtt_slots *slots, unsigned place)
{
	return &slots->slots[slots->order[place]];
}

/* Mean time between two samples, in nanoseconds. */
static int64_t spacing(const struct mqtt_slot *slot)
{
	return slot->count < 2 ? INT64_MAX / 4
			       : (slot->last_ns - slot->first_ns) / (slot->count - 1);
}

static uint32_t pending_bytes(const struct mqtt_slot *slot)
{
	return mqtt_slot_pending(slot) ? slot->used : 0;
}

/* The first one of the two neighbours to merge. */
static unsigned find_pair(const struct mqtt_slots *slots, int64_t minute_ns, bool *ret_all)
{
	int64_t densest = INT64_MAX;
	unsigned found = 0;

	*ret_all = false;
	for (unsigned i = 0; i + 1 < slots->ordered; i++) {
		const struct mqtt_slot *older = slot_at(slots, i), *newer = slot_at(slots, i + 1);
		int64_t wide = spacing(older) > spacing(newer) ? spacing(older) : spacing(newer);
		if (pending_bytes(older) + pending_bytes(newer) <= mqtt_slots_capacity(slots)) {
			*ret_all = true;
			return i;
		}
		/* Clearly denser: clocks are not exact. */
		if (newer->last_ns <= minute_ns && wide < densest - densest / 4) {
			densest = wide;
			found = i;
		}
	}
	return found;
}

/* Counts what may go and what may not. */
static void survey(struct merger *merger, unsigned source)
{
	const struct mqtt_slots *slots = &merger->ring->samples;
	struct mqtt_record record = {0};

	while (mqtt_slots_read(slots, source, &record)) {
		if (record.state == MQTT_RECORD_DONE)
			continue;
		if (slots->slots[source].first_ns + record.age_ns > merger->minute_ns)
			merger->minute += record.next - record.at;
		else
			merger->total++;
	}
}

/* Whether a record that may go stays: at most every other one, and no more than there is room for. */
static bool wanted(const struct merger *merger)
{
	const struct mqtt_slots *slots = &merger->ring->samples;
	size_t used = slots->slots[merger->slot].used;
	size_t kept = merger->first + merger->minute, room = mqtt_slots_capacity(slots);

	if (merger->all || used == 0)
		return true;
	return merger->dropped && room > kept &&
	       (used - merger->first) * merger->total <= (room - kept) * (uint64_t)merger->passed;
}

/* Takes a record over if there is room. */
static bool take_over(struct merger *merger, const struct mqtt_record *record, int64_t stamp_ns)
{
	struct mqtt_ring *ring = merger->ring;
	struct mqtt_slot *slot = &ring->samples.slots[merger->slot];
	struct mqtt_append place;
	int length;

	if (!mqtt_slots_append(&ring->samples, merger->slot, record->number, stamp_ns, &place))
		return false;
	length = mqtt_pack_encode(&ring->thinning_to, &ring->thinning_from, place.data, place.room);
	if (length < 0)
		return false;
	mqtt_slots_commit(&ring->samples, &place, (size_t)length, record->state);
	if (slot->count == 1)
		merger->first = slot->used;
	return true;
}

static void merge(struct merger *merger, unsigned source)
{
	struct mqtt_ring *ring = merger->ring;
	const struct mqtt_slot *slot = &ring->samples.slots[source];
	uint32_t pending = mqtt_slot_pending(slot);
	struct mqtt_record record = {0};

	ring_forget(&ring->thinning_from);
	while (pending > 0 && mqtt_slots_read(&ring->samples, source, &record)) {
		int64_t stamp_ns = slot->first_ns + record.age_ns;
		bool may_go;
		if (mqtt_pack_decode(&ring->thinning_from, &ring->scratch, record.data,
				     record.length) < 0)
			break;
		if (record.state == MQTT_RECORD_DONE)
			continue;
		pending--;
		may_go = stamp_ns <= merger->minute_ns;
		merger->passed += may_go;
		merger->dropped =
			(may_go && !wanted(merger)) || !take_over(merger, &record, stamp_ns);
		ring->thinned += merger->dropped;
	}
	ring->lost += pending;
}

void ring_thin(struct mqtt_ring *ring, unsigned spare, int64_t now_ns)
{
	struct mqtt_slots *slots = &ring->samples;
	struct merger merger = {
		.ring = ring,
		.slot = spare,
		.minute_ns = now_ns - RING_MINUTE_NS,
	};
	unsigned place = find_pair(slots, merger.minute_ns, &merger.all);
	unsigned older = slots->order[place], newer = slots->order[place + 1];

	survey(&merger, older);
	survey(&merger, newer);
	mqtt_slots_clear(slots, spare, slots->slots[older].first);
	ring_forget(&ring->thinning_to);
	merge(&merger, older);
	merge(&merger, newer);
	mqtt_slots_replace(slots, place, spare);
	if (mqtt_slot_pending(&slots->slots[spare]) == 0)
		mqtt_slots_drop(slots, spare, false);
	if (ring->reading_slot == (int)older || ring->reading_slot == (int)newer)
		ring->reading_slot = -1;
}
