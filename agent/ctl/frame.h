/* SPDX-License-Identifier: MIT */
/*
 * A frame that fits its window: lines are written with ranks, and where there are too many, those of
 * the highest rank go, the last of them first. Pure.
 */
#ifndef HOSTINGPI_CTL_FRAME_H
#define HOSTINGPI_CTL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* More lines than any window has; what is behind them is left out. */
#define FRAME_LINES 512

struct frame {
	FILE *out; /* lines are written here, each with its end */
	char *text;
	size_t size;
	size_t count;
	struct {
		size_t start;
		int rank;
		bool title;
	} marks[FRAME_LINES];
};

/* False without memory. frame is to be ended with frame_close(). */
bool frame_open(struct frame *frame);
/* What is written from now on has this rank. */
void frame_rank(struct frame *frame, int rank);
/* So has the one line that follows: a title, which goes if the line after it goes. */
void frame_title(struct frame *frame, int rank);
/* What has been written since the last frame_rank() gets this rank instead. */
void frame_rerank(struct frame *frame, int rank);
/* Writes the lines that fit into rows; returns how many do not. */
size_t frame_write(struct frame *frame, FILE *out, size_t rows, size_t *ret_written);
/* How many lines there are. */
size_t frame_lines(struct frame *frame);
void frame_close(struct frame *frame);

#endif
