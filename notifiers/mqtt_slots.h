/* SPDX-License-Identifier: MIT */
/*
 * Records in equal slots of memory that may outlive the process. Records are appended to the newest slot
 * and go with their slot; what is known of a record (whether it was told) may change in place. A process that is
 * killed between any two instructions leaves something valid. Contents are the caller's.
 */
#ifndef HOSTINGPI_MQTT_SLOTS_H
#define HOSTINGPI_MQTT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_ring_memory.h"

#define MQTT_SLOTS_MAX 32
/* Longer pauses between two records, and stranger clocks, count as that long. */
#define MQTT_SLOTS_PAUSE_NS (3600 * INT64_C(1000000000))

enum mqtt_record_state {
	MQTT_RECORD_WAITS,
	MQTT_RECORD_LIVE,  /* went out live */
	MQTT_RECORD_ASKED, /* was returned, to be sent */
	MQTT_RECORD_DONE,  /* needed no more */
};

/* What is known of a slot without looking into it. */
struct mqtt_slot {
	bool reserved;		    /* its memory may be written */
	uint32_t used;		    /* bytes of records */
	uint32_t count;		    /* records */
	uint32_t live, asked, done; /* of these */
	uint64_t first, last;	    /* number below the first record's, number of the last one */
	int64_t first_ns, last_ns;  /* stamps of the first and last record */
};

struct mqtt_slots {
	struct mqtt_ring_memory memory;
	size_t offset, slot_size; /* multiples of 4096 */
	unsigned count;
	bool ready;		       /* the directory may be written */
	uint32_t in_use;	       /* bits, as in the directory */
	uint64_t next_number;	       /* of the next record */
	uint64_t lost;		       /* records that made no sense */
	unsigned ordered;	       /* slots in use ... */
	uint8_t order[MQTT_SLOTS_MAX]; /* ... oldest first */
	struct mqtt_slot slots[MQTT_SLOTS_MAX];
};

/* One record. Zeroed: before the first one of a slot, whose stamp is that of the slot. */
struct mqtt_record {
	uint32_t at, next; /* offsets in the slot's records */
	uint64_t number;
	int64_t age_ns; /* since the first record of the slot */
	enum mqtt_record_state state;
	const uint8_t *data;
	size_t length;
};

/* Whether the contents of a record make sense; first: of a slot. */
typedef bool mqtt_slots_sound_fn(void *context, bool first, const uint8_t *data, size_t length);

/*
 * Takes over what is in `count` slots of memory from offset on. Whatever makes no sense is dropped and counted. Only
 * "done" is still known of what stays; its stamps end at 0.
 */
void mqtt_slots_open(struct mqtt_slots *slots, const struct mqtt_ring_memory *memory, size_t offset,
		     size_t slot_size, unsigned count, mqtt_slots_sound_fn *sound, void *context);

/* Bytes of records that a slot can have. */
size_t mqtt_slots_capacity(const struct mqtt_slots *slots);
/* Moves to the next record of the slot; false at its end. */
bool mqtt_slots_read(const struct mqtt_slots *slots, unsigned slot, struct mqtt_record *record);
/* Finds a record that is in use. */
bool mqtt_slots_find(const struct mqtt_slots *slots, uint64_t number, unsigned *ret_slot,
		     struct mqtt_record *ret_record);
void mqtt_slots_mark(struct mqtt_slots *slots, unsigned slot, struct mqtt_record *record,
		     enum mqtt_record_state state);
/* Nothing counts as live or asked any more. */
void mqtt_slots_forget(struct mqtt_slots *slots);

/* Records that are not done; of these neither live nor asked. */
static inline uint32_t mqtt_slot_pending(const struct mqtt_slot *slot)
{
	return slot->count - slot->done;
}

static inline uint32_t mqtt_slot_untold(const struct mqtt_slot *slot)
{
	return slot->count - slot->done - slot->live - slot->asked;
}

/* Returns a slot that is not in use, and not `but`, and whose memory may be written; or -1. */
int mqtt_slots_take(struct mqtt_slots *slots, int but);
/* Empties a slot, in use or taken. Its records will have numbers above first. */
void mqtt_slots_clear(struct mqtt_slots *slots, unsigned slot, uint64_t first);
/* A slot that was taken and cleared is in use from now on, as the newest one. */
void mqtt_slots_use(struct mqtt_slots *slots, unsigned slot);
/*
 * Puts a slot that was taken, cleared and filled into the place of two neighbours (place and place + 1 in order), in
 * one step. They stay reserved.
 */
void mqtt_slots_replace(struct mqtt_slots *slots, unsigned place, unsigned slot);
/* A slot is no longer in use; with release its memory goes back, and that of other free ones. */
void mqtt_slots_drop(struct mqtt_slots *slots, unsigned slot, bool release);

/* A record that is being written. */
struct mqtt_append {
	unsigned slot;
	uint64_t number;
	int64_t stamp_ns;
	uint8_t *data; /* where its contents go ... */
	size_t room;   /* ... up to that many bytes */
};

/* False if there is no room for any. */
bool mqtt_slots_append(struct mqtt_slots *slots, unsigned slot, uint64_t number, int64_t stamp_ns,
		       struct mqtt_append *ret_append);
/* The contents are there: the record exists from now on. */
void mqtt_slots_commit(struct mqtt_slots *slots, const struct mqtt_append *append, size_t length,
		       enum mqtt_record_state state);

#endif
