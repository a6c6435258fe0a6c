/* SPDX-License-Identifier: MIT */
/* The readings one by one, as numbers and words, for documents that are not JSON. Pure. */
#ifndef HOSTINGPI_HTTP_READING_H
#define HOSTINGPI_HTTP_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"

struct http_reading {
	const struct metric *metric;
	const char *name; /* of the value or of the rate */
	bool rate;
	const char *unknown; /* why it is; NULL: it is known */
	const char *text;    /* of UNIT_TEXT */
	int64_t value;	     /* of the others, as it travels */
	char number[32];     /* the same value as in the state document: a boolean is 0 or 1 */
};

/* There are twice as many positions as metrics: each may have a value and a rate. */
size_t http_reading_positions(const struct snapshot *snapshot);
/* False: there is no reading at this position. The texts live until the next sample. */
bool http_reading_get(const struct snapshot *snapshot, size_t position,
		      struct http_reading *ret_reading);

/* A document that grows. What does not fit makes it fail as a whole. */
struct http_writer {
	char *buffer;
	size_t size, used;
	bool full;
};

void http_write(struct http_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Its length, or -ENOSPC. */
int http_writer_end(const struct http_writer *writer);

#endif
