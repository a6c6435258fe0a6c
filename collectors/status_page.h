/* SPDX-License-Identifier: MIT */
/*
 * One page at a time on the agent's loop, over HTTP, FastCGI or the stats socket of HAProxy: never
 * blocks, ends within its timeout, reads at most status_answer_limit() bytes, allocates nothing. A new connection for each, because a kept one would
 * occupy a worker of the server that is being measured.
 */
#ifndef HOSTINGPI_STATUS_PAGE_H
#define HOSTINGPI_STATUS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"
#include "agent/env.h"
#include "collectors/status_answer.h"

enum page_outcome {
	PAGE_BODY,	 /* 200, where there is a status: answer.body holds it */
	PAGE_STATUS,	 /* another status; detail: which */
	PAGE_NO_CONNECT, /* detail: errno, positive */
	PAGE_LOST,	 /* the connection broke; detail: errno, positive */
	PAGE_CUT_OFF,	 /* closed before the answer was complete */
	PAGE_TIMEOUT,	 /* nothing complete within the timeout */
	PAGE_TOO_LARGE,	 /* detail: more bytes than this */
	PAGE_ALIEN,	 /* something else is spoken there */
};

struct page_result {
	enum page_outcome outcome;
	int detail;
};

/* Told once for each get; a new one may be started from inside. */
typedef void status_page_fn(void *context, struct page_result result);

/* 512: a path of 127 bytes (FastCGI: twice) and a host of 80, and 120 of fixed text. */
#define STATUS_REQUEST_SIZE 512

/* By this name a line of an access log is known as ours (access_log_parse.c). */
#define STATUS_USER_AGENT "hostingpi-agent"

/* Zeroed is closed. */
struct status_page {
	const struct env *env;
	status_page_fn *fn;
	void *context;
	struct timer *timer; /* the timeout of the get under way */
	struct watch *watch; /* of fd; NULL: no get under way */
	int fd;
	bool connected;
	char request[STATUS_REQUEST_SIZE];
	size_t request_length, request_sent;
	struct status_answer answer;
};

/* What to get, and how. */
struct page_target {
	enum status_protocol protocol;
	const struct addr *addr;
	const char *host; /* of the Host header */
	const char *path;
};

/* Takes a timer of the loop and memory for an answer. 0, -ENOSPC without timer, or -ENOMEM. */
int status_page_open(struct status_page *page, const struct env *env, status_page_fn *fn,
		     void *context);

/*
 * Starts a get; none may be under way. 0: fn will be told, not from inside this call. Negative
 * errno: there is no connection, and nothing will be told.
 */
int status_page_get(struct status_page *page, const struct page_target *target, int64_t timeout_ns);

/* True while a get is under way. */
bool status_page_busy(const struct status_page *page);

/*
 * True if the server counts the newest get, which ended so: it has answered, or it hangs and will serve
 * what we no longer wait for.
 */
bool status_page_counts(const struct status_page *page, enum page_outcome outcome);

/* Gives everything back; a get under way is dropped and not told. A zeroed page is fine. */
void status_page_close(struct status_page *page);

#endif
