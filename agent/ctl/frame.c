/* SPDX-License-Identifier: MIT */
/*
 * All text is in one piece of memory; marks say where a rank begins. Which lines stay is decided at the
 * end, when their number is known.
 */
#include "agent/ctl/frame.h"

#include <stdlib.h>
#include <string.h>

struct line {
	const char *text;
	size_t length; /* with its end */
	int rank;
	bool title, left_out;
};

bool frame_open(struct frame *frame)
{
	frame->text = NULL;
	frame->count = 0;
	frame->out = open_memstream(&frame->text, &frame->size);
	return frame->out != NULL;
}

void frame_rank(struct frame *frame, int rank)
{
	fflush(frame->out);
	if (frame->count == FRAME_LINES)
		return;
	frame->marks[frame->count].start = frame->size;
	frame->marks[frame->count].title = false;
	frame->marks[frame->count++].rank = rank;
}

void frame_title(struct frame *frame, int rank)
{
	frame_rank(frame, rank);
	frame->marks[frame->count - 1].title = frame->count < FRAME_LINES;
}

void frame_rerank(struct frame *frame, int rank)
{
	if (frame->count > 0 && frame->count < FRAME_LINES)
		frame->marks[frame->count - 1].rank = rank;
}

/* Returns how many there are. */
static size_t split(const struct frame *frame, struct line lines[static FRAME_LINES])
{
	size_t count = 0, mark = 0, start = 0;
	int rank = 0;
	bool title = false;

	while (start < frame->size && count < FRAME_LINES) {
		const char *text = frame->text + start;

		for (; mark < frame->count && frame->marks[mark].start <= start; mark++) {
			rank = frame->marks[mark].rank;
			title = frame->marks[mark].title;
		}
		lines[count] = (struct line){.text = text,
					     .length = strcspn(text, "\n") + 1,
					     .rank = rank,
					     .title = title};
		title = false;
		start += lines[count++].length;
	}
	return count;
}

static void leave_out_one(struct line *lines, size_t count)
{
	struct line *worst = NULL;

	for (size_t i = 0; i < count; i++)
		if (!lines[i].left_out && (worst == NULL || lines[i].rank >= worst->rank))
			worst = &lines[i];
	if (worst != NULL)
		worst->left_out = true;
}

/* A title that has lost what it stands above; returns how many. */
static size_t leave_out_titles(struct line *lines, size_t count)
{
	size_t titles = 0;

	for (size_t i = count; i-- > 0;) {
		bool alone = i + 1 == count || lines[i + 1].left_out;

		if (lines[i].title && !lines[i].left_out && alone) {
			lines[i].left_out = true;
			titles++;
		}
	}
	return titles;
}

size_t frame_lines(struct frame *frame)
{
	size_t lines = 0;

	if (fflush(frame->out) != 0 || frame->text == NULL)
		return 0;
	for (const char *at = frame->text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

size_t frame_write(struct frame *frame, FILE *out, size_t rows, size_t *ret_written)
{
	struct line *lines = calloc(FRAME_LINES, sizeof(*lines));
	size_t count, over;

	*ret_written = 0;
	if (lines == NULL || fflush(frame->out) != 0) {
		free(lines);
		return 0;
	}
	count = split(frame, lines);
	over = count > rows ? count - rows : 0;
	for (size_t i = 0; i < over; i++)
		leave_out_one(lines, count);
	if (over > 0)
		over += leave_out_titles(lines, count);
	for (size_t i = 0; i < count; i++)
		if (!lines[i].left_out)
			fwrite(lines[i].text, 1, lines[i].length, out);
	free(lines);
	*ret_written = count - over;
	return over;
}

void frame_close(struct frame *frame)
{
	if (frame->out != NULL)
		fclose(frame->out);
	free(frame->text);
}
