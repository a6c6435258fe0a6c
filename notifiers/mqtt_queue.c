/* SPDX-License-Identifier: MIT */
/*
 * Documents are overwritten in place, because only the newest counts. While one is in flight a newer
 * one waits for the PUBACK, so two of one topic never overtake each other and a storm of decisions
 * costs one message at a time. Events stay in the ring until their PUBACK; the ring starts over at its
 * first place whenever it runs empty, so that in quiet times only that memory is ever touched.
 */
#include "notifiers/mqtt_queue.h"

#include <errno.h>
#include <string.h>

const struct mqtt_topic_kind mqtt_topic_kinds[MQTT_TOPICS] = {
	[MQTT_AVAILABILITY] = {"availability", 1, true},
	[MQTT_ABOUT] = {"about", 1, true},
	[MQTT_WEIGHT] = {"weight", 1, true},
	[MQTT_STATE] = {"state", 0, false},
	[MQTT_EVENT] = {"event", 1, false},
};

static struct mqtt_event *event_at(struct mqtt_queue *queue, size_t position)
{
	return &queue->events[(queue->first + position) % MQTT_EVENTS];
}

/* Forgets the oldest event. If it is in flight its PUBACK will find nobody. */
static void drop_first(struct mqtt_queue *queue)
{
	if (event_at(queue, 0)->flying)
		queue->flying--;
	queue->first = (queue->first + 1) % MQTT_EVENTS;
	queue->first_number++;
	queue->count--;
	if (!queue->count)
		queue->first = 0;
}

/* Acknowledgements may come out of order; the ring ends at the first event that still waits. */
static void drop_done(struct mqtt_queue *queue)
{
	while (queue->count && event_at(queue, 0)->length == 0)
		drop_first(queue);
}

static void put_event(struct mqtt_queue *queue, const char *data, size_t length)
{
	struct mqtt_event *event;

	if (queue->count == MQTT_EVENTS) {
		drop_first(queue);
		queue->dropped++;
		drop_done(queue);
	}
	event = event_at(queue, queue->count++);
	event->length = (int)length;
	event->sent = false;
	event->flying = 0;
	memcpy(event->data, data, length);
}

int mqtt_queue_put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *data, size_t length)
{
	struct mqtt_document *document;

	if (length > (topic == MQTT_EVENT ? MQTT_EVENT_SIZE : MQTT_DOCUMENT_SIZE))
		return -EMSGSIZE;
	if (topic == MQTT_EVENT) {
		put_event(queue, data, length);
		return 0;
	}
	document = &queue->documents[topic];
	if (topic == MQTT_STATE && document->fresh)
		queue->overwritten++;
	document->length = (int)length;
	document->fresh = true;
	memcpy(document->data, data, length);
	return 0;
}

static bool next_event(struct mqtt_queue *queue, struct mqtt_message *ret_message, char *buffer)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct mqtt_event *event = event_at(queue, i);
		if (event->sent)
			continue;
		event->sent = true;
		memcpy(buffer, event->data, (size_t)event->length);
		*ret_message = (struct mqtt_message){
			.topic = MQTT_EVENT,
			.number = queue->first_number + i,
			.length = event->length,
		};
		return true;
	}
	return false;
}

bool mqtt_queue_next(struct mqtt_queue *queue, struct mqtt_message *ret_message, char *buffer)
{
	bool room = queue->flying < MQTT_IN_FLIGHT;

	for (enum mqtt_topic topic = 0; topic < MQTT_EVENT; topic++) {
		struct mqtt_document *document = &queue->documents[topic];
		if (!document->fresh || document->flying ||
		    (mqtt_topic_kinds[topic].qos > 0 && !room))
			continue;
		document->fresh = false;
		memcpy(buffer, document->data, (size_t)document->length);
		*ret_message = (struct mqtt_message){.topic = topic, .length = document->length};
		return true;
	}
	return room && next_event(queue, ret_message, buffer);
}

void mqtt_queue_sent(struct mqtt_queue *queue, const struct mqtt_message *message, int number)
{
	if (mqtt_topic_kinds[message->topic].qos == 0)
		return;
	if (message->topic != MQTT_EVENT) {
		queue->documents[message->topic].flying = number;
	} else {
		if (message->number < queue->first_number)
			return; /* displaced meanwhile */
		event_at(queue, message->number - queue->first_number)->flying = number;
	}
	queue->flying++;
}

bool mqtt_queue_acknowledged(struct mqtt_queue *queue, int number)
{
	for (enum mqtt_topic topic = 0; topic < MQTT_EVENT; topic++) {
		if (number && queue->documents[topic].flying == number) {
			queue->documents[topic].flying = 0;
			queue->flying--;
			return true;
		}
	}
	for (size_t i = 0; i < queue->count; i++) {
		struct mqtt_event *event = event_at(queue, i);
		if (!number || event->flying != number)
			continue;
		event->flying = 0;
		event->length = 0;
		queue->flying--;
		drop_done(queue);
		return true;
	}
	return false;
}

void mqtt_queue_restart(struct mqtt_queue *queue)
{
	for (enum mqtt_topic topic = 0; topic < MQTT_EVENT; topic++) {
		struct mqtt_document *document = &queue->documents[topic];
		document->fresh = document->length > 0;
		document->flying = 0;
	}
	for (size_t i = 0; i < queue->count; i++) {
		struct mqtt_event *event = event_at(queue, i);
		event->sent = event->length == 0;
		event->flying = 0;
	}
	queue->flying = 0;
}

unsigned mqtt_queue_waiting(const struct mqtt_queue *queue)
{
	unsigned waiting = 0;

	for (enum mqtt_topic topic = 0; topic < MQTT_EVENT; topic++) {
		const struct mqtt_document *document = &queue->documents[topic];
		waiting += document->fresh || document->flying;
	}
	for (size_t i = 0; i < queue->count; i++)
		waiting += queue->events[(queue->first + i) % MQTT_EVENTS].length > 0;
	return waiting;
}
