/* SPDX-License-Identifier: MIT */
/* A ring in plain memory, for the tests of those who use one. To be included once by a test program. */
#ifndef HOSTINGPI_TEST_MQTT_MEMORY_H
#define HOSTINGPI_TEST_MQTT_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "notifiers/mqtt_ring.h"

/* Empty, or with what the ring before it left. One at a time. */
static inline struct mqtt_ring *make_ring(bool empty)
{
	static _Alignas(4096) char bytes[MQTT_RING_BYTES];
	static struct mqtt_ring_memory memory = {.bytes = bytes};
	struct mqtt_ring *ring;

	if (empty)
		memset(bytes, 0, sizeof(bytes));
	ring = mqtt_ring_new(&memory);
	assert_non_null(ring);
	return ring;
}

#endif
