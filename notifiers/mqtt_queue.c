/* SPDX-License-Identifier: MIT */
/*
 * Documents are overwritten in place, because only the newest counts. While one is in flight a newer
 * one waits for the PUBACK, so two of one topic never overtake each other and a storm of decisions
 * costs one message at a time. Only the state never waits: it is sent with QoS 0, and what is told
 * live must be of this second.
 *
 * Nobody acknowledges QoS 0, and yet a sample may only be forgotten when it has arrived. So one state in
 * ten seconds goes out with QoS 1, and its PUBACK, like that of any other message, stands for all that
 * was sent before it. TCP keeps them in order, and brokers take the packets of one connection as they
 * come: section 4.6 of MQTT 3.1.1 asks for that within a topic and a QoS, and mosquitto, which has one
 * thread for all, does it across both. Should a broker not do so, a sample that it lost is not missed;
 * that is what QoS 0 means everywhere else.
 *
 * History is what no state told, or what no PUBACK followed. The sample in the state's document is on
 * its way already; all with smaller numbers that were not told will never be live any more.
 */
#include "notifiers/mqtt_queue.h"

#include <errno.h>
#include <string.h>

#include "agent/units.h"

/* Ten samples at 1 Hz: what a crash makes us tell twice. */
#define CONFIRM_NS (10 * NS_PER_S)
/* Home Assistant is at work on a document for so long, and drops another one (mqtt_discovery.h). */
#define DISCOVERY_NS (5 * NS_PER_S)

const struct mqtt_topic_kind mqtt_topic_kinds[MQTT_TOPICS] = {
	[MQTT_AVAILABILITY] = {"availability", 1, true},
	[MQTT_WEIGHT] = {"weight", 1, true},
	[MQTT_ABOUT] = {"about", 1, true},
	[MQTT_STATE] = {"state", 0, false},
	[MQTT_EVENT] = {"event", 1, false},
	[MQTT_DISCOVERY] = {NULL, 1, true},
	[MQTT_HISTORY] = {"history", 1, false},
};

/* Events come before the long documents: they must get through to a broker that refuses those. */
static const enum mqtt_topic sending_order[MQTT_TOPICS] = {
	MQTT_AVAILABILITY, MQTT_WEIGHT,	   MQTT_EVENT,	 MQTT_ABOUT,
	MQTT_STATE,	   MQTT_DISCOVERY, MQTT_HISTORY,
};

static void put_document(struct mqtt_document *document, const char *data, size_t length)
{
	document->length = (int)length;
	document->fresh = true;
	memcpy(document->data, data, length);
}

int mqtt_queue_put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *data, size_t length)
{
	if (length > (topic == MQTT_EVENT ? MQTT_EVENT_SIZE : MQTT_DOCUMENT_SIZE))
		return -EMSGSIZE;
	if (topic == MQTT_EVENT)
		return mqtt_ring_put_event(queue->ring, data, length);
	put_document(&queue->documents[topic], data, length);
	return 0;
}

int mqtt_queue_put_sample(struct mqtt_queue *queue, int64_t stamp_ns, const char *data,
			  size_t length)
{
	uint64_t number = 0;

	if (length > MQTT_DOCUMENT_SIZE)
		return -EMSGSIZE;
	if (mqtt_ring_put(queue->ring, stamp_ns, data, length, &number) < 0)
		queue->untaken++;
	put_document(&queue->documents[MQTT_STATE], data, length);
	queue->live = number;
	return 0;
}

static unsigned count_flights(const struct mqtt_queue *queue, enum mqtt_topic topic)
{
	unsigned count = 0;

	for (unsigned i = 0; i < queue->flying; i++)
		count += queue->flights[i].message.topic == topic;
	return count;
}

/* For history and discovery. */
static bool has_background(const struct mqtt_queue *queue)
{
	return count_flights(queue, MQTT_HISTORY) + count_flights(queue, MQTT_DISCOVERY) <
	       MQTT_IN_BACKGROUND;
}

static bool wants_discovery(const struct mqtt_queue *queue)
{
	return queue->discovery_next < queue->discovery_count;
}

void mqtt_queue_delay_discovery(struct mqtt_queue *queue, int64_t now_ns)
{
	queue->discovery_due_ns = now_ns + DISCOVERY_NS;
}

static bool next_document(struct mqtt_queue *queue, int64_t now_ns, struct mqtt_message *message,
			  char *buffer)
{
	struct mqtt_document *document = &queue->documents[message->topic];
	bool free = queue->flying < MQTT_IN_FLIGHT && !count_flights(queue, message->topic);

	if (!document->fresh || (message->qos && !free))
		return false;
	if (message->topic == MQTT_STATE) {
		message->item = queue->live;
		if (free && now_ns - queue->confirm_ns >= CONFIRM_NS) {
			message->qos = 1;
			queue->confirm_ns = now_ns;
		}
	}
	document->fresh = false;
	message->length = document->length;
	memcpy(buffer, document->data, (size_t)document->length);
	return true;
}

static bool next_of(struct mqtt_queue *queue, int64_t now_ns, struct mqtt_message *message,
		    char *buffer)
{
	bool some, room = queue->flying < MQTT_IN_FLIGHT;
	uint64_t below = queue->live ? queue->live : UINT64_MAX;
	size_t length = 0;

	switch (message->topic) {
	case MQTT_AVAILABILITY:
	case MQTT_WEIGHT:
	case MQTT_ABOUT:
	case MQTT_STATE:
		return next_document(queue, now_ns, message, buffer);
	case MQTT_EVENT:
		some = room && mqtt_ring_next_event(queue->ring, buffer, MQTT_DOCUMENT_SIZE,
						    &message->item, &length);
		message->length = (int)length;
		return some;
	case MQTT_DISCOVERY:
		some = room && has_background(queue) && wants_discovery(queue) &&
		       now_ns >= queue->discovery_due_ns;
		if (some)
			message->item = queue->discovery_next++;
		if (some && !wants_discovery(queue))
			mqtt_queue_delay_discovery(queue, now_ns);
		return some;
	case MQTT_HISTORY:
		some = room && has_background(queue) && now_ns >= queue->history_due_ns &&
		       mqtt_ring_next(queue->ring, below, buffer, MQTT_DOCUMENT_SIZE,
				      &message->item, &length);
		if (some)
			queue->history_due_ns = now_ns + queue->history_gap_ns;
		message->length = (int)length;
		return some;
	case MQTT_TOPICS:
		break;
	}
	return false;
}

bool mqtt_queue_next(struct mqtt_queue *queue, int64_t now_ns, struct mqtt_message *ret_message,
		     char *buffer)
{
	for (size_t i = 0; queue->ring && i < MQTT_TOPICS; i++) {
		struct mqtt_message message = {
			.topic = sending_order[i],
			.qos = mqtt_topic_kinds[sending_order[i]].qos,
		};

		if (queue->leaving && message.topic != MQTT_AVAILABILITY)
			continue;
		if (next_of(queue, now_ns, &message, buffer)) {
			*ret_message = message;
			return true;
		}
	}
	return false;
}

int64_t mqtt_queue_due_ns(const struct mqtt_queue *queue)
{
	/* The sample of the state's document is not one for history, whether it waits or is withheld. */
	size_t live = queue->live && queue->told < queue->live;
	int64_t due_ns = INT64_MAX;

	/* Where there is no place, a PUBACK comes first. */
	if (!queue->ring || queue->leaving || queue->flying == MQTT_IN_FLIGHT ||
	    !has_background(queue))
		return INT64_MAX;
	if (mqtt_ring_counts(queue->ring).untold > live)
		due_ns = queue->history_due_ns;
	if (wants_discovery(queue) && queue->discovery_due_ns < due_ns)
		due_ns = queue->discovery_due_ns;
	return due_ns;
}

void mqtt_queue_sent(struct mqtt_queue *queue, const struct mqtt_message *message, int number)
{
	if (!queue->ring)
		return;
	if (message->topic == MQTT_STATE && message->item) {
		mqtt_ring_told(queue->ring, message->item);
		queue->told = message->item;
	}
	queue->history_sent += message->topic == MQTT_HISTORY;
	if (message->qos > 0 && queue->flying < MQTT_IN_FLIGHT)
		queue->flights[queue->flying++] = (struct mqtt_flight){
			.message = *message,
			.number = number,
			.told = queue->told,
		};
}

bool mqtt_queue_acknowledged(struct mqtt_queue *queue, int number)
{
	for (unsigned i = 0; queue->ring && i < queue->flying; i++) {
		struct mqtt_flight flight = queue->flights[i];

		if (flight.number != number)
			continue;
		queue->flights[i] = queue->flights[--queue->flying];
		mqtt_ring_confirm(queue->ring, flight.told);
		if (flight.message.topic == MQTT_EVENT)
			mqtt_ring_done_event(queue->ring, flight.message.item);
		if (flight.message.topic == MQTT_HISTORY)
			mqtt_ring_done(queue->ring, flight.message.item);
		return true;
	}
	return false;
}

void mqtt_queue_repeat(struct mqtt_queue *queue)
{
	for (enum mqtt_topic topic = 0; topic < MQTT_DOCUMENTS; topic++)
		queue->documents[topic].fresh = queue->documents[topic].length > 0;
	queue->discovery_next = 0;
}

void mqtt_queue_restart(struct mqtt_queue *queue)
{
	mqtt_queue_repeat(queue);
	queue->flying = 0;
	queue->told = 0;
	queue->skipped = 0;
	queue->confirm_ns = 0;
	queue->history_due_ns = 0;
	if (queue->ring)
		mqtt_ring_restart(queue->ring);
}

struct mqtt_waiting mqtt_queue_waiting(const struct mqtt_queue *queue)
{
	struct mqtt_ring_counts counts = mqtt_ring_counts(queue->ring);
	struct mqtt_waiting waiting = {
		.events = counts.events,
		.samples = counts.untold + count_flights(queue, MQTT_HISTORY) + queue->skipped,
	};

	if (waiting.samples > counts.samples) /* some that were skipped were thinned out */
		waiting.samples = counts.samples;

	for (enum mqtt_topic topic = 0; topic < MQTT_STATE; topic++)
		waiting.documents +=
			queue->documents[topic].fresh || count_flights(queue, topic) > 0;
	return waiting;
}
