/* SPDX-License-Identifier: MIT */
/*
 * What the ends of connections tell, where the broker does not: that a message was too large for it,
 * or that somebody else has our name. Pure.
 */
#ifndef HOSTINGPI_MQTT_SUSPECT_H
#define HOSTINGPI_MQTT_SUSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_queue.h"

/* Sizes are those of topic and text together. Zeroed is a valid start. */
struct mqtt_suspect {
	size_t proven; /* the broker took one of this size */
	size_t probe;  /* a larger one is out, not acknowledged yet; 0: none */
	enum mqtt_topic probe_topic;
	size_t blamed; /* a connection ended with one of this size out; 0: none did */
	enum mqtt_topic blamed_topic;
	size_t limit;	 /* nothing of this size is sent; 0: no limit */
	bool limit_told; /* the broker said so: it holds for this connection */
	int64_t limit_until_ns;
	unsigned thrown_out; /* connections in a row that the broker ended soon */
};

/* True if nobody knows yet whether the broker takes that size: to be sent alone, with QoS 1. */
bool mqtt_suspect_unproven(const struct mqtt_suspect *suspect, size_t size);
bool mqtt_suspect_withholds(const struct mqtt_suspect *suspect, size_t size);

/* One of unknown size left; the broker took it. */
void mqtt_suspect_probe(struct mqtt_suspect *suspect, enum mqtt_topic topic, size_t size);
void mqtt_suspect_taken(struct mqtt_suspect *suspect);
/* The library refused it, because the broker said how large a message may be. */
void mqtt_suspect_refused(struct mqtt_suspect *suspect, size_t size, int64_t now_ns);

/*
 * A connection that stood came to an end that we did not want. Returns true if that gave a limit: then
 * limit and blamed_topic say what it was.
 */
bool mqtt_suspect_ended(struct mqtt_suspect *suspect, bool hung_up, int64_t stood_ns,
			int64_t now_ns);
/*
 * A connection begins. A limit that the broker itself told is over: it tells anew. Returns true if there
 * was one.
 */
bool mqtt_suspect_began(struct mqtt_suspect *suspect);
/* No connection came up at all, or we ended one for what the broker sent: our messages are not the reason. */
void mqtt_suspect_excuse(struct mqtt_suspect *suspect);

/* The broker threw us out so often, and let us in again, that another client may have our name. */
bool mqtt_suspect_has_double(const struct mqtt_suspect *suspect);

/* Lifts the limit, when its time is over or at once. Returns true if there was one. */
bool mqtt_suspect_lift(struct mqtt_suspect *suspect, int64_t now_ns, bool at_once);

#endif
