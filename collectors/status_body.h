/* SPDX-License-Identifier: MIT */
/*
 * The body of an answer, as it comes in. Metrics for Prometheus are handed on line by line, so that
 * their length does not matter; everything else is kept. Pure, bounded, without allocation.
 */
#ifndef HOSTINGPI_STATUS_BODY_H
#define HOSTINGPI_STATUS_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "collectors/status_caddy.h"

/*
 * What is kept. Apache's page is 2 KiB plus one byte for each worker slot (ServerLimit x ThreadLimit,
 * at most 20000 x 64 by its documentation, 400 as Debian sets it); 64 KiB holds every server that a
 * Pi can run, 100 proxies of HAProxy, and a line of metrics.
 */
#define STATUS_BODY_MAX 65536

/*
 * Metrics in all: 14 lines of 130 bytes for each of 5 histograms, and 400 combinations of server,
 * handler, method and code. More would cost a Pi too much at each poll.
 */
#define STATUS_METRICS_MAX (4 * 1024 * 1024)

struct status_body {
	char *text; /* the owner's STATUS_BODY_MAX + 1 bytes */
	size_t length;
	bool metrics; /* text holds only the line that is not complete yet */
	struct caddy_page caddy;
};

/* Empties a body; text must be set. */
void status_body_start(struct status_body *body);
/* Takes the next bytes. Returns 0, or -EFBIG if there is no room. */
int status_body_add(struct status_body *body, const char *data, size_t length);
/* Ends the text with NUL. */
void status_body_end(struct status_body *body);

/* As status_parse(), for a whole body. */
int status_body_parse(const struct status_body *body, struct status_reading *ret_reading,
		      const char **ret_why);

#endif
