/* SPDX-License-Identifier: MIT */
/*
 * The connections of the HTTP endpoint in a fixed number of places: who gets one, who has to go, who may
 * write, and when the time of each is over.
 */
#ifndef HOSTINGPI_HTTP_PLACES_H
#define HOSTINGPI_HTTP_PLACES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"
#include "agent/units.h"
#include "notifiers/http_client.h"

/* 32: sixteen balancers that keep a connection each, Prometheus, the own web server, people. */
#define HTTP_PLACES 32
/* Answers that are written at the same time, where one write is not enough for them. */
#define HTTP_OUTPUTS 4

/* An answer must be taken within this time while others wait for room to write. */
#define HTTP_TAKE_CROWDED_NS (2 * NS_PER_S)
/* Who connects to ask has asked after that time; the others keep a connection for later. */
#define HTTP_ASKS_NS (100 * NS_PER_MS)

struct http_places {
	struct http_endpoint endpoint;
	struct timer *timer;
	int64_t displaced, late; /* connections that were ended: for another one, by a deadline */
	struct http_client clients[HTTP_PLACES];
	struct http_output outputs[HTTP_OUTPUTS];
};

/* Memory of its own that is touched only as far as it is used. NULL without memory or timers. */
struct http_places *http_places_new(const struct env *env, enum http_proxy_mode proxy_mode,
				    http_answer_fn *answer, void *context);
/* Closes all connections. NULL is fine. */
void http_places_free(struct http_places *places);

/* Takes over a connection; fd is non-blocking. */
void http_places_enter(struct http_places *places, int fd, const struct in6_addr *peer);
/* Closes the connection that is missed least. Returns true if there was one. */
bool http_places_make_room(struct http_places *places);
/* How many connections there are; of these, how many wait for room to write. */
size_t http_places_count(const struct http_places *places, size_t *ret_waiting);

/* True while somebody asks, takes an answer, or has only just come and will ask at once. */
bool http_places_busy(const struct http_places *places);

#endif
