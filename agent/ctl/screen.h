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
#include <termios.h>

enum screen_event {
	SCREEN_TIME,   /* the deadline has come */
	SCREEN_REDRAW, /* the size may have changed, or we were away */
	SCREEN_QUIT,   /* Ctrl-C, q, or somebody wants us to end */
};

struct screen {
	int signal_fd;
	sigset_t mask;	       /* as it was before */
	bool keys;	       /* standard input is a terminal in the foreground */
	struct termios before; /* of standard input */
};

/* Takes over standard output, which must be a terminal. 0 or negative errno. */
int screen_open(struct screen *screen);
/* Puts everything back. */
void screen_close(struct screen *screen);

/* Columns and rows; 80 x 24 if the terminal does not tell. */
void screen_size(size_t *ret_columns, size_t *ret_rows);

/* Shows text, cut to the window; a cut at the bottom is told in the last row. */
void screen_draw(const char *text);

/* Waits until deadline_ms (CLOCK_MONOTONIC) at most. */
enum screen_event screen_wait(struct screen *screen, int64_t deadline_ms);

#endif
