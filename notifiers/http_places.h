/* SPDX-License-Identifier: MIT */
/*
 * Connections of the HTTP endpoint in a fixed number of places: their requests are read, answered by
 * somebody else, and the answers written, each step with a deadline.
 */
#ifndef HOSTINGPI_HTTP_PLACES_H
#define HOSTINGPI_HTTP_PLACES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"
#include "agent/units.h"
#include "notifiers/http_page.h"
#include "notifiers/http_proxy.h"
#include "notifiers/http_reply.h"
#include "notifiers/http_request.h"

/* 32: sixteen balancers that keep a connection each, Prometheus, the own web server, people. */
#define HTTP_PLACES 32
/* Answers that are written at the same time, where one write is not enough for them. */
#define HTTP_OUTPUTS 4

/* A head must be there within this time from its first byte (from the connection, if none comes). */
#define HTTP_HEAD_NS (10 * NS_PER_S)
/* Between two requests: more than Prometheus' longest sensible interval, and nginx's own default of 60 s. */
#define HTTP_IDLE_NS (65 * NS_PER_S)
/* An answer must be taken within this time ... */
#define HTTP_TAKE_NS (10 * NS_PER_S)
/* ... and within this one while others wait for room to write. */
#define HTTP_TAKE_CROWDED_NS (2 * NS_PER_S)
/* Who waits for that longer than this is told to come back. */
#define HTTP_WAIT_NS (5 * NS_PER_S)
/* After its last answer a caller may have this much more to say; closing at once could destroy the answer. */
#define HTTP_LINGER_NS (2 * NS_PER_S)
#define HTTP_LINGER_BYTES HTTP_BODY_SIZE
/* Who connects to ask has asked after that time; the others keep a connection for later. */
#define HTTP_ASKS_NS (100 * NS_PER_MS)

enum http_proxy_mode {
	HTTP_PROXY_OFF,
	HTTP_PROXY_OPTIONAL,
	HTTP_PROXY_REQUIRED,
};

/* A request that is to be answered. */
struct http_call {
	const struct http_request *request;
	struct in6_addr host; /* who asks; IPv4 in mapped form, "::" for a Unix socket */
};

enum {
	HTTP_NEEDS_BUFFER = 1, /* ask again with one */
};

/*
 * Fills the reply. Large bodies go into buffer, of HTTP_PAGE_SIZE bytes; NULL: there is none yet.
 * Returns 0 or HTTP_NEEDS_BUFFER.
 */
typedef int http_answer_fn(void *context, const struct http_call *call, char *buffer,
			   struct http_reply *ret_reply);

enum http_client_state {
	HTTP_FREE,
	HTTP_READING,	/* a request, or waiting for one */
	HTTP_WAITING,	/* has asked, and needs room for the answer */
	HTTP_WRITING,	/* takes its answer */
	HTTP_LINGERING, /* has its answer; what it still says is thrown away */
};

struct http_places;

struct http_output {
	bool used;
	size_t sent, end; /* in bytes */
	char bytes[HTTP_REPLY_HEAD_SIZE + HTTP_PAGE_SIZE];
};

struct http_client {
	struct http_places *places;
	enum http_client_state state;
	int fd;
	struct watch *watch; /* NULL: not needed so far */
	int64_t deadline_ns;
	int64_t quiet_ns; /* since then: it came, or made its last request */
	int64_t write_ns; /* since then it takes its answer */
	bool begun;	  /* the first byte of the request has come */
	bool introduced;  /* no PROXY header can come any more */
	bool rest;	  /* behind the request there is more, which is not read */
	size_t drained;
	struct in6_addr peer, host; /* who connected, who asks */
	struct http_proxy proxy;
	struct http_request request;
	struct http_output *output;
};

struct http_places {
	const struct env *env;
	enum http_proxy_mode proxy_mode;
	http_answer_fn *answer;
	void *context;
	struct timer *timer;
	int64_t answers[HTTP_REPLY_CODES]; /* by their code */
	int64_t displaced, late; /* connections that were ended: for another one, by a deadline */
	int64_t bad_headers;	 /* of the PROXY protocol */
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

/* A client's side of it (http_client.c). */
void http_client_begin(struct http_client *client, int fd, const struct in6_addr *peer);
void http_client_close(struct http_client *client);
/* Answers a client that waits, now that there is an output, or tells it to come back. */
void http_client_serve(struct http_client *client, struct http_output *output);
/* For clients: an output, or NULL; and what must be done after each change. */
struct http_output *http_places_output(struct http_places *places);
void http_places_settle(struct http_places *places);

#endif
