/* SPDX-License-Identifier: MIT */
/*
 * Takes JSON texts apart into what stays the same from one to the next (the skeleton) and what changes
 * (numbers), and writes one as the difference to the one before it. Byte for byte reversible for any
 * text. Pure: no memory of its own.
 */
#ifndef HOSTINGPI_MQTT_PACK_H
#define HOSTINGPI_MQTT_PACK_H

#include <stddef.h>
#include <stdint.h>

/* The longest text: RENDER_SIZE. */
#define MQTT_PACK_TEXT 16384
/* A state document has about 100 with everything on; further ones stay in the skeleton. */
#define MQTT_PACK_NUMBERS 192

/* One text, taken apart. Zeroed is the empty text. */
struct mqtt_pack {
	uint16_t count;			      /* numbers */
	uint16_t length;		      /* of the skeleton */
	uint16_t places[MQTT_PACK_NUMBERS];   /* where in the skeleton each is missing */
	uint8_t decimals[MQTT_PACK_NUMBERS];  /* the number is mantissa / 10^decimals ... */
	int64_t mantissas[MQTT_PACK_NUMBERS]; /* ... printed without zeros at its end */
	char skeleton[MQTT_PACK_TEXT];
};

/* Takes a text of up to MQTT_PACK_TEXT bytes apart. */
void mqtt_pack_split(struct mqtt_pack *pack, const char *text, size_t length);
/* The text again. Returns its length or -ENOSPC. */
int mqtt_pack_join(const struct mqtt_pack *pack, char *buffer, size_t size);

/*
 * Writes the record that turns *state into the same text as *now, and makes *state what it will be
 * for who decodes the record. A record that follows nothing begins with an empty state. Returns the record's
 * length, or -ENOSPC; then *state is as before.
 */
int mqtt_pack_encode(struct mqtt_pack *state, const struct mqtt_pack *now, uint8_t *record,
		     size_t size);
/*
 * The way back, from bytes nobody vouches for. scratch has no meaning before or after. Returns 0 or
 * -EBADMSG; then *state is good for nothing.
 */
int mqtt_pack_decode(struct mqtt_pack *state, struct mqtt_pack *scratch, const uint8_t *record,
		     size_t length);

#endif
