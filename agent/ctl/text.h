/* SPDX-License-Identifier: MIT */
/* Text for people: colours, bars, units, and foreign text made harmless for a terminal. */
#ifndef HOSTINGPI_CTL_TEXT_H
#define HOSTINGPI_CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct style {
	bool colour; /* escape sequences are welcome */
	bool utf8;   /* so are characters outside ASCII */
};

enum tone {
	TONE_NORMAL,
	TONE_STRONG,
	TONE_FAINT,
	TONE_GOOD,
	TONE_WARNING,
	TONE_BAD,
	TONE_CURVE,
};

/* Room for any number of the functions below. */
#define TEXT_NUMBER_SIZE 32

/* A terminal that understands escape sequences. */
bool text_terminal(FILE *out);

/* Columns of the window of out; 80 if it is none, or does not tell. */
size_t text_columns(FILE *out);

/*
 * Colours only on a terminal that knows them and not with NO_COLOR; UTF-8 by the locale, which must
 * have been set.
 */
struct style style_detect(FILE *out);

/* Everything until tone_end() is in that tone. */
void tone_start(FILE *out, const struct style *style, enum tone tone);
void tone_end(FILE *out, const struct style *style, enum tone tone);

/*
 * Writes foreign text: what could steer a terminal, is not UTF-8 or cannot be shown becomes '?'.
 */
void text_put(FILE *out, const struct style *style, const char *text);

/*
 * Columns that this text of our own takes; colours in it take none. And writes the part of it that fits
 * into columns: what is cut is marked, and a colour that is cut ends.
 */
size_t text_width(const struct style *style, const char *text, size_t length);
void text_cut(FILE *out, const struct style *style, const char *text, size_t length,
	      size_t columns);

/* "112.0 MiB"; "3 min 20 s". Both return text. */
const char *text_bytes(char text[static TEXT_NUMBER_SIZE], double bytes);
const char *text_duration(char text[static TEXT_NUMBER_SIZE], double seconds);

/*
 * A Unix time in milliseconds on the wall clock of this machine, "14:05:09" or with the day before it.
 * False, with an empty text, if the number is no time.
 */
bool text_time(char text[static TEXT_NUMBER_SIZE], double ms);
bool text_day_and_time(char text[static TEXT_NUMBER_SIZE], double ms);

/* A bar for a share of 0..1, which is clamped, with a mark at another one (NAN: none). */
struct text_bar {
	double share, mark;
	size_t width; /* in columns, brackets included where they are needed */
};

void text_bar(FILE *out, const struct style *style, enum tone tone, const struct text_bar *bar);
#endif
