/* SPDX-License-Identifier: MIT */
/*
 * What is to be sent next: of each topic that only tells the present the newest document, and from the
 * ring the events and the samples of the past. Pure: no lock, no clock, no descriptor; the worker
 * guards it.
 */
#ifndef HOSTINGPI_MQTT_QUEUE_H
#define HOSTINGPI_MQTT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/render.h"
#include "notifiers/mqtt_ring.h"

enum mqtt_topic {
	MQTT_AVAILABILITY,
	MQTT_WEIGHT,
	MQTT_ABOUT,
	MQTT_STATE,
	MQTT_EVENT, /* of those before only the newest counts */
	MQTT_DISCOVERY,
	MQTT_HISTORY,
	MQTT_TOPICS,
};

#define MQTT_DOCUMENTS MQTT_EVENT

struct mqtt_topic_kind {
	const char *leaf; /* last level of the topic; NULL: the topic comes from elsewhere */
	int qos;	  /* the least */
	bool retain;
};

extern const struct mqtt_topic_kind mqtt_topic_kinds[MQTT_TOPICS];

#define MQTT_ONLINE "online"
#define MQTT_OFFLINE "offline"

/* Messages that wait for their PUBACK at one time. Less than libmosquitto's own window of 20, so that
 * its queue behind that window stays empty. */
#define MQTT_IN_FLIGHT 8
/* Of these history and discovery together: a slow broker always has places for what is new. */
#define MQTT_IN_BACKGROUND 4
/*
 * The longest event document: text and kind with every byte escaped as six (1150 + 190), six values
 * of 56, and 140 for the rest.
 */
#define MQTT_EVENT_SIZE 2048
#define MQTT_DOCUMENT_SIZE RENDER_SIZE

struct mqtt_document {
	int length; /* 0: there never was one */
	bool fresh; /* not sent yet on this connection */
	char data[MQTT_DOCUMENT_SIZE];
};

/* A message that was taken out to be sent. */
struct mqtt_message {
	enum mqtt_topic topic;
	int qos;
	uint64_t item; /* event or sample: its number in the ring; discovery: which document */
	int length;    /* of the text; discovery has none, it is made by who sends it */
};

struct mqtt_flight {
	struct mqtt_message message;
	int number;    /* the library's */
	uint64_t told; /* the newest sample that went out live before it, or in it */
};

/* Zeroed is a valid start, with a ring. */
struct mqtt_queue {
	struct mqtt_ring *ring; /* NULL: taken away, nothing is sent any more */
	struct mqtt_document documents[MQTT_DOCUMENTS];
	uint64_t live; /* the number of the sample in documents[MQTT_STATE]; 0: it has none */
	uint64_t told; /* the newest one told live on this connection */
	struct mqtt_flight flights[MQTT_IN_FLIGHT];
	unsigned flying;
	int64_t confirm_ns; /* when a state with QoS 1 was last sent */
	int64_t history_gap_ns, history_due_ns;
	size_t discovery_count, discovery_next; /* documents in all, the next one to be sent */
	int64_t discovery_due_ns;		/* not before */
	bool leaving;				/* only availability is sent any more */
	size_t skipped;				/* samples that this broker does not take now */
	uint64_t history_sent;
	uint64_t untaken; /* samples that the ring did not take: only told live, if at all */
};

/*
 * Takes a document over. It replaces the one before it; an event goes into the ring. -EMSGSIZE if it
 * is too long.
 */
int mqtt_queue_put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *data,
		   size_t length);
/* Takes a sample of this moment (CLOCK_MONOTONIC) into the ring, and as the newest state. */
int mqtt_queue_put_sample(struct mqtt_queue *queue, int64_t stamp_ns, const char *data,
			  size_t length);

/*
 * Copies what is to be sent next to buffer (MQTT_DOCUMENT_SIZE). Returns false if nothing is, or if
 * too much is in flight. It counts as out until the next restart; mqtt_queue_sent() follows when it
 * really went.
 */
bool mqtt_queue_next(struct mqtt_queue *queue, int64_t now_ns, struct mqtt_message *ret_message,
		     char *buffer);
/* When mqtt_queue_next() is to be asked again though nothing else happened; INT64_MAX: never. */
int64_t mqtt_queue_due_ns(const struct mqtt_queue *queue);
/* It left, with the number that the library gave it; QoS 0 needs none. */
void mqtt_queue_sent(struct mqtt_queue *queue, const struct mqtt_message *message, int number);
/* A PUBACK came. Returns false if nobody waited for it. */
bool mqtt_queue_acknowledged(struct mqtt_queue *queue, int number);

/* Somebody who forgot all asks for it: documents and discovery are sent again. */
void mqtt_queue_repeat(struct mqtt_queue *queue);
/* Home Assistant needs time before discovery is sent: from now on 5 s. */
void mqtt_queue_delay_discovery(struct mqtt_queue *queue, int64_t now_ns);
/* A connection ended: everything that is not confirmed counts as not sent yet. */
void mqtt_queue_restart(struct mqtt_queue *queue);

struct mqtt_waiting {
	size_t documents;	/* availability, weight, about: not sent or not acknowledged */
	size_t events, samples; /* likewise; that a sample was told live is enough for the moment */
};

struct mqtt_waiting mqtt_queue_waiting(const struct mqtt_queue *queue);

#endif
