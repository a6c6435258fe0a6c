/* SPDX-License-Identifier: MIT */
/* The ring from inside; for mqtt_ring*.c alone. */
#ifndef HOSTINGPI_MQTT_RING_STATE_H
#define HOSTINGPI_MQTT_RING_STATE_H

#include "notifiers/mqtt_pack.h"
#include "notifiers/mqtt_ring.h"
#include "notifiers/mqtt_slots.h"

#define RING_MINUTE_NS (60 * INT64_C(1000000000))

struct mqtt_ring {
	struct mqtt_slots samples, events;
	int active;	  /* the slot that samples are appended to, -1: none */
	int active_event; /* likewise */
	bool dated; /* a sample was put: what an earlier process left lies more than a minute before */
	uint64_t thinned, displaced, lost;
	/* How far mqtt_ring_next() is: record is the last one of slot that reading has decoded. */
	int reading_slot; /* -1: nowhere */
	struct mqtt_record reading_record;
	/* Each is written only when it is needed: in calm that is the first two. */
	struct mqtt_pack written; /* the last record of the active slot */
	struct mqtt_pack parsed;  /* the text that is being put */
	struct mqtt_pack reading;
	struct mqtt_pack scratch;
	struct mqtt_pack thinning_from, thinning_to;
};

static inline void ring_forget(struct mqtt_pack *pack)
{
	pack->count = pack->length = 0;
}

/* The oldest slot with records to tell, -1 if there is none. */
int ring_oldest_untold(const struct mqtt_slots *slots);

/*
 * Makes one of two neighbouring slots of samples, in the slot spare, which was taken. None is active. The two are free
 * then. Must not be called with less than two slots in use.
 */
void ring_thin(struct mqtt_ring *ring, unsigned spare, int64_t now_ns);

#endif
