/* SPDX-License-Identifier: MIT */
/*
 * What waits for the broker: for each topic but one the newest document, and a bounded ring of
 * events. Pure: no lock, no clock, no descriptor; the worker guards it.
 */
#ifndef HOSTINGPI_MQTT_QUEUE_H
#define HOSTINGPI_MQTT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/render.h"

/* In the order in which they are sent. */
enum mqtt_topic {
	MQTT_AVAILABILITY,
	MQTT_ABOUT,
	MQTT_WEIGHT,
	MQTT_STATE,
	MQTT_EVENT, /* the only one of which several wait */
	MQTT_TOPICS,
};

struct mqtt_topic_kind {
	const char *leaf; /* last level of the topic */
	int qos;
	bool retain;
};

extern const struct mqtt_topic_kind mqtt_topic_kinds[MQTT_TOPICS];

#define MQTT_ONLINE "online"
#define MQTT_OFFLINE "offline"

#define MQTT_EVENTS 64
/* Messages that wait for their PUBACK at one time. Less than libmosquitto's own window of 20, so that
 * its queue behind that window stays empty. */
#define MQTT_IN_FLIGHT 8
/*
 * The longest event document: text and kind with every byte escaped as six (1150 + 190), six values
 * of 56, and 140 for the rest.
 */
#define MQTT_EVENT_SIZE 2048
#define MQTT_DOCUMENT_SIZE RENDER_SIZE

struct mqtt_document {
	int length; /* 0: there never was one */
	bool fresh; /* not sent yet on this connection */
	int flying; /* message number that waits for its PUBACK; 0: none */
	char data[MQTT_DOCUMENT_SIZE];
};

struct mqtt_event {
	int length;
	bool sent;
	int flying;
	char data[MQTT_EVENT_SIZE];
};

/* Zeroed is a valid start. */
struct mqtt_queue {
	struct mqtt_document documents[MQTT_EVENT];
	struct mqtt_event events[MQTT_EVENTS];
	size_t first, count;
	uint64_t first_number; /* of the event at first, counted since the start */
	unsigned flying;
	uint64_t dropped;     /* events that were displaced by newer ones */
	uint64_t overwritten; /* states that were never sent because a newer one came */
};

/* A message that was taken out to be sent. */
struct mqtt_message {
	enum mqtt_topic topic;
	uint64_t number; /* of an event */
	int length;
};

/*
 * Takes a document over. It replaces the one before it; an event is appended and displaces the oldest
 * when the ring is full. -EMSGSIZE if it is too long.
 */
int mqtt_queue_put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *data,
		   size_t length);

/*
 * Copies what is to be sent next to buffer (MQTT_DOCUMENT_SIZE). Returns false if nothing is, or if
 * too much is in flight. mqtt_queue_sent() must follow, or mqtt_queue_restart() when sending failed.
 */
bool mqtt_queue_next(struct mqtt_queue *queue, struct mqtt_message *ret_message, char *buffer);
/* Notes the number that the library gave to the message; it is ignored for QoS 0. */
void mqtt_queue_sent(struct mqtt_queue *queue, const struct mqtt_message *message, int number);
/* A PUBACK came. Returns false if nobody waited for it. */
bool mqtt_queue_acknowledged(struct mqtt_queue *queue, int number);

/* A connection begins: everything counts as not sent yet. */
void mqtt_queue_restart(struct mqtt_queue *queue);

/* Messages that were not sent yet or not acknowledged. */
unsigned mqtt_queue_waiting(const struct mqtt_queue *queue);

#endif
