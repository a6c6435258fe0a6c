/* SPDX-License-Identifier: MIT */
/*
 * One row of the status: a label, then what is known, with commas between. A row of which nothing is
 * known says so; its reasons stand in the list of unknown readings.
 */
#ifndef HOSTINGPI_CTL_ROW_H
#define HOSTINGPI_CTL_ROW_H

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/text.h"

struct row {
	FILE *out;
	const struct style *style;
	const cJSON *document;
	bool any; /* something stands in it */
};

void row_start(struct row *row, const char *label);
/* Adds a part; what is foreign in it is made harmless, what is too long (255 bytes) is cut. */
void row_part(struct row *row, enum tone tone, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void row_end(struct row *row);

/* Adds the number of bytes at path, if it is there, between two words: "out " 1.2 MiB "/s". */
void row_bytes(struct row *row, const char *path, const char *before, const char *after);
/* Adds a counter of what should not happen, if it is above zero: 3 "write errors". */
void row_trouble(struct row *row, const char *path, const char *what);
/* Adds text if the reading is there and true. */
void row_flag(struct row *row, const char *path, enum tone tone, const char *text);

#endif
