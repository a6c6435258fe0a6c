/* SPDX-License-Identifier: MIT */
/*
 * A document that the HTTP endpoint serves to people, written anew for each caller. The table of them
 * is in http_pages.c; /health, /status.json and /metrics are not in it.
 */
#ifndef HOSTINGPI_HTTP_PAGE_H
#define HOSTINGPI_HTTP_PAGE_H

#include <stddef.h>

#include "agent/report.h"

/* 96 KiB: plots of a day in SVG, the incidents, the readings. Memory that is not used costs nothing. */
#define HTTP_PAGE_SIZE 98304

struct http_page {
	const char *path; /* "/"; NULL ends the table */
	const char *content_type;
	/* Content-Security-Policy; NULL: nothing may be loaded, run or framed. */
	const char *policy;
	/*
	 * Writes the document (no NUL needed). Returns its length, or -ENOSPC if it does not fit:
	 * then the caller gets a 500 that says so. size is HTTP_PAGE_SIZE.
	 */
	int (*write)(const struct overview *overview, const struct about *about, char *buffer,
		     size_t size);
};

extern const struct http_page http_pages[];

#endif
