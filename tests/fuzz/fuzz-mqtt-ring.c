/* SPDX-License-Identifier: MIT */
/*
 * Memory in which anything stands: it is taken over, read, used and thinned, and nothing is touched outside. The
 * input is laid over an image of a ring in use: where (4 bytes), how many (1 byte), those bytes, and so on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/mqtt_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND_NS INT64_C(1000000000)
/* What thinning must be seen within a moment: a ring of few slots. */
#define LIMIT (4 * 16384)

static _Alignas(4096) char image[MQTT_RING_BYTES], memory[MQTT_RING_BYTES];
static char buffer[16384];

static void check(int condition)
{
	if (!condition)
		abort();
}

static int reserve(void *context, size_t offset, size_t length)
{
	(void)context;
	check(offset % 4096 == 0 && length % 4096 == 0 && offset + length <= MQTT_RING_BYTES);
	return offset + length <= LIMIT || offset >= 26 * 16384 ? 0 : -1;
}

static const struct mqtt_ring_memory ring_memory = {memory, reserve, NULL, NULL};

static void put(struct mqtt_ring *ring, unsigned i)
{
	uint64_t number;
	int length = snprintf(buffer, sizeof(buffer), "{\"ts\":%u,\"a\":%u.5,\"word\":%s", 1000 * i,
			      i * i % 97, i % 9 ? "true" : "12");

	for (unsigned j = 0; j < 60; j++)
		length += snprintf(buffer + length, sizeof(buffer) - (size_t)length, ",%u",
				   (i + j) * 2654435761u);
	check(mqtt_ring_put(ring, i * SECOND_NS, buffer, (size_t)length, &number) == 0);
	mqtt_ring_told(ring, number - i % 3);
	if (i % 64 == 0)
		mqtt_ring_confirm(ring, number - 20);
	check(mqtt_ring_put_event(ring, buffer, (size_t)length) == 0);
}

static void drain(struct mqtt_ring *ring)
{
	uint64_t number, before = 0;
	size_t length;

	mqtt_ring_restart(ring);
	while (mqtt_ring_next(ring, UINT64_MAX, buffer, sizeof(buffer), &number, &length)) {
		check(number > before && length <= sizeof(buffer));
		before = number;
		if (number % 2)
			mqtt_ring_done(ring, number);
	}
	while (mqtt_ring_next_event(ring, buffer, sizeof(buffer), &number, &length))
		mqtt_ring_done_event(ring, number);
	check(mqtt_ring_counts(ring).untold == 0);
}

static void make_image(void)
{
	struct mqtt_ring *ring = mqtt_ring_new(&ring_memory);

	for (unsigned i = 1; i < 200; i++)
		put(ring, i);
	mqtt_ring_free(ring);
	memcpy(image, memory, sizeof(image));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mqtt_ring *ring;

	if (!image[0])
		make_image();
	memcpy(memory, image, sizeof(memory));
	while (size > 5) {
		size_t at =
			(data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % MQTT_RING_BYTES;
		size_t length = data[4] < size - 5 ? data[4] : size - 5;
		/* Heads and the records that follow them are what matters most. */
		if (data[3] % 2)
			at = at / 4096 * 4096 + at % 128;
		if (length > MQTT_RING_BYTES - at)
			length = MQTT_RING_BYTES - at;
		memcpy(memory + at, data + 5, length);
		data += 5 + length;
		size -= 5 + length;
	}
	ring = mqtt_ring_new(&ring_memory);
	check(ring != NULL);
	drain(ring);
	for (unsigned i = 200; i < 250; i++)
		put(ring, i);
	drain(ring);
	mqtt_ring_free(ring);
	return 0;
}
