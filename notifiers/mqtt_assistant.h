/* SPDX-License-Identifier: MIT */
/*
 * What a connection does for Home Assistant: makes the documents of its discovery, hears when it starts,
 * and takes back what another form of discovery has left at the broker. Of the worker's thread.
 */
#ifndef HOSTINGPI_MQTT_ASSISTANT_H
#define HOSTINGPI_MQTT_ASSISTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_discovery.h"
#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_mail.h"

/*
 * What may come in for all that: births from time to time. What is left behind comes in one go
 * (mqtt_guard.c).
 */
#define MQTT_ASSISTANT_BYTES_S 256

/* More than there are components; what is more than that waits for the next connection. */
#define MQTT_LEFTOVERS 128

struct mqtt_assistant {
	enum mqtt_conf_discovery form;
	struct mqtt_discovery discovery; /* without about */
	struct mqtt_mail *mail;
	struct mqtt_link *link;
	uint64_t random;
	bool asked;			   /* for what is left; not before about is known */
	int64_t deaf_ns;		   /* nothing is subscribed to until then; 0: it is */
	int64_t repeat_ns;		   /* when all is said again; INT64_MAX: nobody asked */
	char birth_topic[MQTT_TOPIC_SIZE]; /* empty: not listened to */
	char topic[MQTT_TOPIC_SIZE];	   /* of the document */
	char *document;			   /* mapped; NULL: none */
	/* What is to be emptied, in no order. */
	char leftovers[MQTT_LEFTOVERS][MQTT_TOPIC_SIZE];
	size_t leftover_count;
	bool failure_told;
};

/* discovery without about; its strings, mail and link outlive this. */
void mqtt_assistant_init(struct mqtt_assistant *assistant, enum mqtt_conf_discovery form,
			 const struct mqtt_discovery *discovery, struct mqtt_mail *mail,
			 struct mqtt_link *link, uint64_t seed);

/* A connection stands. Returns 0 or -ECONNABORTED. */
int mqtt_assistant_begin(struct mqtt_assistant *assistant, int64_t now_ns);
/* Whether a message came in that is a reason to do something. */
void mqtt_assistant_received(struct mqtt_assistant *assistant, const char *topic, const char *data,
			     size_t length, bool retained, int64_t now_ns);
/*
 * A connection had to be cut because too much came in. For an hour nothing is subscribed to, so that a
 * message of somebody else there costs us no more than the news of Home Assistant. Told once.
 */
void mqtt_assistant_deafen(struct mqtt_assistant *assistant, int64_t now_ns);
/* Ends that hour at once. */
void mqtt_assistant_hearken(struct mqtt_assistant *assistant);
/* Does what is due. Returns 0 or -ECONNABORTED. */
int mqtt_assistant_attend(struct mqtt_assistant *assistant, int64_t now_ns);

/* Puts the next topic that is to be emptied into assistant->topic; false if there is none. */
bool mqtt_assistant_next_leftover(struct mqtt_assistant *assistant, int64_t now_ns);
/* How many messages discovery takes. */
size_t mqtt_assistant_count(enum mqtt_conf_discovery form, const struct mqtt_discovery *discovery);
/*
 * Makes one of them in assistant->topic and ->document, until mqtt_assistant_drop(). Returns its
 * length or negative errno, which is told once.
 */
int mqtt_assistant_make(struct mqtt_assistant *assistant, uint64_t item);
void mqtt_assistant_drop(struct mqtt_assistant *assistant);

#endif
