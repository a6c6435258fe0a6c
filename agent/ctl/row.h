/* SPDX-License-Identifier: MIT */
/*
 * One row of the status: a label, then what is known, with commas between; or a number with a picture
 * of it. A row of which nothing is known says so; its reasons stand in the list of unknown readings.
 */
#ifndef HOSTINGPI_CTL_ROW_H
#define HOSTINGPI_CTL_ROW_H

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/frame.h"
#include "agent/ctl/text.h"

/* The longest label, "time to swap"; it stands two columns from the left. */
#define ROW_LABEL_WIDTH 12
/* "-1023.9 MiB": numbers end in one column, so that nothing moves when they change. */
#define ROW_NUMBER_WIDTH 11
/* Where the pictures begin. */
#define ROW_PICTURE_COLUMN (2 + ROW_LABEL_WIDTH + 2 + ROW_NUMBER_WIDTH + 2)
/* In a window narrower than this, pictures are more worth than the words behind them. */
#define ROW_NOTE_COLUMNS 72

struct row {
	FILE *out;
	const struct style *style;
	const cJSON *document;
	size_t columns;	     /* of the window */
	bool whole;	     /* there is none: notes are not cut */
	struct frame *frame; /* NULL: all rows are shown */
	bool any;	     /* something stands in it */
	bool trouble;	     /* something bad does */
};

void row_start(struct row *row, const char *label);
/* Adds a part; what is foreign in it is made harmless, what is too long (255 bytes) is cut. */
void row_part(struct row *row, enum tone tone, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void row_end(struct row *row);

/* Adds a number, in the column of numbers; nothing but pictures and notes may follow. */
void row_number(struct row *row, enum tone tone, const char *text);
/* What follows, behind a number, is a picture. */
void row_picture(struct row *row);
/* Columns for a picture, and for the note behind it: 0 if there is no room for it. */
size_t row_picture_width(const struct row *row);
size_t row_note_width(const struct row *row);
/* Adds a note behind a picture of that width. */
void row_note(struct row *row, enum tone tone, const char *text);

/* Adds the number of bytes at path, if it is there, between two words: "out " 1.2 MiB "/s". */
void row_bytes(struct row *row, const char *path, const char *before, const char *after);
/* Adds a counter of what should not happen, if it is above zero: 3 "write errors". */
void row_trouble(struct row *row, const char *path, const char *what);
/* Adds text if the reading is there and true. */
void row_flag(struct row *row, const char *path, enum tone tone, const char *text);

/* A line across: the title of what follows. */
void row_title(const struct row *row, const char *title);

#endif
