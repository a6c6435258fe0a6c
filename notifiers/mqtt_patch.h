/* SPDX-License-Identifier: MIT */
/* One text as pieces of another and of itself (LZ77, the other text being what went before). */
#ifndef HOSTINGPI_MQTT_PATCH_H
#define HOSTINGPI_MQTT_PATCH_H

#include <stddef.h>

#include "notifiers/mqtt_bytes.h"

/* Texts of up to this many bytes. */
#define MQTT_PATCH_TEXT 16384

/* A piece of the new text: literal bytes, then a copy. */
struct mqtt_piece {
	const uint8_t *literal;
	size_t literal_length;
	size_t source; /* below the length of the old text: there; else in the new one, behind that */
	size_t length; /* of the copy; 0 in the last piece only */
};

/* Writes what makes new_text out of old. */
void mqtt_patch_write(struct bytes_out *out, const char *old, size_t old_length,
		      const char *new_text, size_t new_length);
/*
 * Reads one piece; at is how far the new text is, next where the copy before ended (0 at first), which is
 * moved on. False, and in->bad, if it makes no sense.
 */
bool mqtt_patch_read(struct bytes_in *in, size_t old_length, size_t new_length, size_t at,
		     size_t *next, struct mqtt_piece *ret_piece);
/* Makes the new text, new_length bytes. False, and in->bad, if it makes no sense. */
bool mqtt_patch_apply(struct bytes_in *in, const char *old, size_t old_length, char *new_text,
		      size_t new_length);

#endif
