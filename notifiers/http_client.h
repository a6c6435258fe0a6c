/* SPDX-License-Identifier: MIT */
/*
 * One connection of the HTTP endpoint: its requests are read, answered by somebody else, and the answers
 * written. Each step has a deadline, which is for the owner to watch.
 */
#ifndef HOSTINGPI_HTTP_CLIENT_H
#define HOSTINGPI_HTTP_CLIENT_H

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

/* A head must be there within this time from its first byte (from the connection, if none comes). */
#define HTTP_HEAD_NS (10 * NS_PER_S)
/* Between two requests: more than Prometheus' longest sensible interval, and nginx's own default of 60 s. */
#define HTTP_IDLE_NS (65 * NS_PER_S)
/* An answer must be taken within this time. */
#define HTTP_TAKE_NS (10 * NS_PER_S)
/* Who waits for room to write longer than this is told to come back. */
#define HTTP_WAIT_NS (5 * NS_PER_S)
/* After its last answer a caller may have this much more to say; closing at once could destroy the answer. */
#define HTTP_LINGER_NS (2 * NS_PER_S)
#define HTTP_LINGER_BYTES HTTP_BODY_SIZE

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

/* What all connections have in common. */
struct http_endpoint {
	const struct env *env;
	enum http_proxy_mode proxy_mode;
	http_answer_fn *answer;
	void *context; /* for answer */
	/* Called when a client that the loop woke has moved on: what it left may be waited for. */
	void (*settle)(void *owner);
	void *owner;
	int64_t answers[HTTP_REPLY_CODES]; /* by their code */
	int64_t bad_headers;		   /* of the PROXY protocol */
};

struct http_output {
	bool used;
	size_t sent, end; /* in bytes */
	char bytes[HTTP_REPLY_HEAD_SIZE + HTTP_PAGE_SIZE];
};

struct http_client {
	struct http_endpoint *endpoint;
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

/* The first step of a client that is free; fd is non-blocking and the client's from now on. */
void http_client_begin(struct http_client *client, struct http_endpoint *endpoint, int fd,
		       const struct in6_addr *peer);
void http_client_close(struct http_client *client);
/* Answers a client that waits, now that there is an output; NULL: tells it to come back. */
void http_client_serve(struct http_client *client, struct http_output *output);

#endif
