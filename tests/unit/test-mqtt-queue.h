/* SPDX-License-Identifier: MIT */
/* A queue over a ring of its own, and time as a number. To be included once by a test program. */
#ifndef HOSTINGPI_TEST_MQTT_QUEUE_H
#define HOSTINGPI_TEST_MQTT_QUEUE_H

#include "tests/unit/test-mqtt-memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/mqtt_queue.h"

static char buffer[MQTT_DOCUMENT_SIZE];
/* Far from 0, as on a machine that is up for an hour. */
static int64_t now_ns;

static inline struct mqtt_queue *queue_new(void)
{
	struct mqtt_queue *queue = calloc(1, sizeof(*queue));

	assert_non_null(queue);
	queue->ring = make_ring(true);
	queue->history_gap_ns = NS_PER_S / 10;
	now_ns = 3600 * NS_PER_S;
	return queue;
}

static inline void queue_free(struct mqtt_queue *queue)
{
	mqtt_ring_free(queue->ring);
	free(queue);
}

static inline void put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *text)
{
	assert_int_equal(mqtt_queue_put(queue, topic, text, strlen(text)), 0);
}

/* The ring takes JSON objects. */
static inline const char *sample_text(uint64_t seq)
{
	static char text[64];

	snprintf(text, sizeof(text), "{\"seq\":%llu}", (unsigned long long)seq);
	return text;
}

static inline void put_sample(struct mqtt_queue *queue, uint64_t seq)
{
	const char *text = sample_text(seq);

	assert_int_equal(mqtt_queue_put_sample(queue, now_ns, text, strlen(text)), 0);
}

#endif
