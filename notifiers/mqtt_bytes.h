/* SPDX-License-Identifier: MIT */
/* Bytes written and read within bounds; numbers in groups of seven bits, the lowest first (LEB128). */
#ifndef HOSTINGPI_MQTT_BYTES_H
#define HOSTINGPI_MQTT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest number that bytes_number() writes. */
#define BYTES_NUMBER_MAX 10

struct bytes_out {
	uint8_t *at, *end;
	bool full; /* something did not fit */
};

struct bytes_in {
	const uint8_t *at, *end;
	bool bad; /* something was missing or makes no sense; what is read then is 0 */
};

static inline void bytes_put(struct bytes_out *out, const void *bytes, size_t length)
{
	if (out->full || length > (size_t)(out->end - out->at)) {
		out->full = true;
		return;
	}
	memcpy(out->at, bytes, length);
	out->at += length;
}

static inline void bytes_put_number(struct bytes_out *out, uint64_t number)
{
	uint8_t text[BYTES_NUMBER_MAX];
	size_t length = 0;

	for (; number >= 0x80; number >>= 7)
		text[length++] = (uint8_t)(number | 0x80);
	text[length++] = (uint8_t)number;
	bytes_put(out, text, length);
}

/* Small magnitudes of either sign become small numbers. */
static inline void bytes_put_signed(struct bytes_out *out, int64_t number)
{
	bytes_put_number(out, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

/* Returns the next length bytes, NULL if there are not so many. */
static inline const uint8_t *bytes_get(struct bytes_in *in, size_t length)
{
	const uint8_t *bytes = in->at;

	if (in->bad || length > (size_t)(in->end - in->at)) {
		in->bad = true;
		return NULL;
	}
	in->at += length;
	return bytes;
}

static inline uint64_t bytes_get_number(struct bytes_in *in)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *byte = bytes_get(in, 1);
		if (!byte)
			return 0;
		number |= (uint64_t)(*byte & 0x7f) << shift;
		if (*byte < 0x80)
			return number;
	}
	in->bad = true;
	return 0;
}

static inline int64_t bytes_get_signed(struct bytes_in *in)
{
	uint64_t number = bytes_get_number(in);

	return (int64_t)(number >> 1 ^ (number & 1 ? UINT64_MAX : 0));
}

#endif
