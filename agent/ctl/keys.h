/* SPDX-License-Identifier: MIT */
/* A view that is drawn anew each second on a screen of its own, and its keys: q, space, ?. */
#ifndef HOSTINGPI_CTL_KEYS_H
#define HOSTINGPI_CTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/ctl/command.h"
#include "agent/ctl/frame.h"
#include "agent/ctl/text.h"

enum keys_look {
	KEYS_COUNTS,	  /* what there is to be seen counts as one of the frames */
	KEYS_EARLY,	  /* to be drawn, but not to be counted */
	KEYS_INTERRUPTED, /* a key or a signal waits: to be looked at first */
	KEYS_ENDS,	  /* there is no point in going on */
};

/* What a frame must fit into, and what its last line should say. */
struct keys_window {
	size_t columns, rows;
	bool paused, help;
};

struct keys_view {
	void *context;
	struct style style;
	/* Once a second: takes what is new. */
	enum keys_look (*look)(void *context);
	/* Writes the frame, lines of any length and number. */
	void (*draw)(void *context, FILE *out, const struct keys_window *window);
	/* A key that is none of this module's. NULL: there are none. */
	void (*key)(void *context, char key);
	/* Where the descriptor is wanted that tells of signals while look() waits; NULL: nowhere. */
	int *interrupt_fd;
};

enum keys_end {
	KEYS_QUIT,  /* somebody wanted it */
	KEYS_SHOWN, /* so many frames were asked for; the last one is printed where it stays */
	KEYS_ENDED, /* the view had it so */
};

/* Runs until one of these; count 0: any number of frames. Other than CTL_FINE: the terminal failed. */
enum ctl_exit keys_run(const struct keys_view *view, long count, enum keys_end *ret_end);

/*
 * Writes the lines of frame that fit into the window, and in its last row the keys: those of this module
 * and more ("e events", NULL: none). A window without rows has all lines and no keys.
 */
void keys_write(FILE *out, const struct style *style, const struct keys_window *window,
		struct frame *frame, const char *more);

/* Writes left, and right at the other end where it does not hide what is on the left; no line end. */
void keys_pair(FILE *out, const struct style *style, size_t columns, const char *left,
	       const char *right);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t keys_now_ms(void);

#endif
