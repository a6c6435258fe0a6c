/* SPDX-License-Identifier: MIT */
/*
 * A terminal that is ours for a while: the alternate screen, no cursor, no echo. Signals arrive as
 * events, so that the terminal is put back before the program stops, is suspended or ends.
 */
#ifndef HOSTINGPI_CTL_SCREEN_H
#define HOSTINGPI_CTL_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>

#include "agent/ctl/text.h"

enum screen_event {
	SCREEN_TIME,   /* the deadline has come */
	SCREEN_REDRAW, /* the size may have changed, or we were away */
	SCREEN_KEY,
	SCREEN_QUIT, /* Ctrl-C, or somebody wants us to end */
};

/* Where in an escape sequence (a cursor key, a function key) the last byte was. */
enum screen_escape {
	ESCAPE_NONE,
	ESCAPE_BEGUN,
	ESCAPE_LETTER,	 /* one more byte: ESC O P */
	ESCAPE_SEQUENCE, /* until a final byte: ESC [ 1 ; 5 A */
};

struct screen {
	int signal_fd;
	sigset_t mask;	       /* as it was before */
	bool keys;	       /* standard input is a terminal in the foreground */
	struct termios before; /* of standard input */
	enum screen_escape escape;
};

/* Takes over standard output, which must be a terminal. 0 or negative errno. */
int screen_open(struct screen *screen);
/* Puts everything back. */
void screen_close(struct screen *screen);

/* Columns and rows; 80 x 24 if the terminal does not tell. */
void screen_size(size_t *ret_columns, size_t *ret_rows);

/* Shows text in one write; see screen_compose(). */
void screen_draw(const struct style *style, const char *text);

/*
 * Writes what draws text over the frame before: each line cut to columns, and where there are more than
 * rows, the last row says how many are left. For tests as well.
 */
void screen_compose(FILE *out, const struct style *style, const char *text, size_t columns,
		    size_t rows);

/* Waits until deadline_ms (CLOCK_MONOTONIC) at most. *ret_key is set with SCREEN_KEY. */
enum screen_event screen_wait(struct screen *screen, int64_t deadline_ms, char *ret_key);

/* True if this byte from the keyboard is a key of its own, and no part of an escape sequence. */
bool screen_take_byte(enum screen_escape *escape, unsigned char byte);

#endif
