/* SPDX-License-Identifier: MIT */
/*
 * Caddy's metrics, in the text format of Prometheus, taken in line by line and bounded: a page of
 * many hosts and methods has hundreds of kilobytes, and a few numbers of it are kept. Pure.
 */
#ifndef HOSTINGPI_STATUS_CADDY_H
#define HOSTINGPI_STATUS_CADDY_H

#include <stdbool.h>
#include <stddef.h>

#include "collectors/status_reading.h"

/* Handlers of all servers. A site has a few, and sites share a server unless their ports differ. */
#define CADDY_HANDLERS 64

enum caddy_sum {
	CADDY_REQUESTS,
	CADDY_IN_FLIGHT,
	CADDY_TIMED,
	CADDY_TIME_US,
	CADDY_ERRORS_5XX,
	CADDY_SUMS,
};

struct caddy_handler {
	uint64_t server, handler; /* hashes of the names */
	int64_t sum[CADDY_SUMS];
};

struct caddy_page {
	bool found;	  /* a line of Caddy's own was seen */
	const char *why;  /* what is wrong with a line; NULL: nothing so far */
	int64_t start_us; /* of the process, since 1970; 0: not said */
	size_t count;
	struct caddy_handler handlers[CADDY_HANDLERS];
};

/* Empties a page; cheap. */
void caddy_start(struct caddy_page *page);
/* Takes a line, without its line end. */
void caddy_line(struct caddy_page *page, const char *line, size_t length);
/* As status_parse(), for all the lines. */
int caddy_finish(const struct caddy_page *page, struct status_reading *ret_reading,
		 const char **ret_why);

#endif
