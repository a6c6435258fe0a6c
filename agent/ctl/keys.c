/* SPDX-License-Identifier: MIT */
/*
 * One frame a second: look, draw, wait for a key or for the second to pass. A frame is made in memory
 * first, so that it can be made anew for another size without looking. While paused nothing is looked
 * at, so what is on the screen can be read in peace.
 */
#include "agent/ctl/keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/screen.h"

#define PERIOD_MS 1000
#define FOREVER_MS INT64_MAX

struct loop {
	const struct keys_view *view;
	struct screen screen;
	bool paused, help, endless;
	char *frame; /* the newest one */
};

int64_t keys_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void frame_make(struct loop *loop)
{
	struct keys_window window = {.paused = loop->paused, .help = loop->help};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	screen_size(&window.columns, &window.rows);
	if (loop->endless)
		window.rows = 0;
	loop->view->draw(loop->view->context, out, &window);
	if (fclose(out) != 0)
		return;
	free(loop->frame);
	loop->frame = text;
}

/* False: to end. */
static bool key_press(struct loop *loop, char key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case ' ':
		loop->paused = !loop->paused;
		break;
	case '?':
		loop->help = !loop->help;
		break;
	default:
		loop->help = false;
		if (loop->view->key != NULL)
			loop->view->key(loop->view->context, key);
		break;
	}
	return true;
}

/* Shows the frame, also for another size and after a key, until it is time to look again. False: to end. */
static bool frame_show(struct loop *loop, int64_t due_ms)
{
	char key = 0;

	for (;;) {
		bool paused = loop->paused;

		if (loop->frame != NULL)
			screen_draw(&loop->view->style, loop->frame);
		switch (screen_wait(&loop->screen, paused ? FOREVER_MS : due_ms, &key)) {
		case SCREEN_TIME:
			if (!paused)
				return true;
			break;
		case SCREEN_QUIT:
			return false;
		case SCREEN_KEY:
			if (!key_press(loop, key))
				return false;
			break;
		case SCREEN_REDRAW:
			break;
		}
		frame_make(loop);
	}
}

static enum keys_end frames_run(struct loop *loop, long count)
{
	int64_t due_ms = keys_now_ms();

	for (long shown = 0;;) {
		enum keys_look look = loop->view->look(loop->view->context);

		if (look == KEYS_ENDS)
			return KEYS_ENDED;
		frame_make(loop);
		shown += look == KEYS_COUNTS;
		if (count > 0 && shown >= count)
			return KEYS_SHOWN;
		due_ms += PERIOD_MS;
		/* Not to catch up after having been suspended. */
		if (look == KEYS_INTERRUPTED || due_ms < keys_now_ms())
			due_ms = keys_now_ms() + (look == KEYS_INTERRUPTED ? 0 : PERIOD_MS);
		if (!frame_show(loop, due_ms))
			return KEYS_QUIT;
	}
}

enum ctl_exit keys_run(const struct keys_view *view, long count, enum keys_end *ret_end)
{
	struct loop loop = {.view = view};
	int r = screen_open(&loop.screen);

	*ret_end = KEYS_QUIT;
	if (r < 0) {
		fprintf(stderr, "hostingpictl: the terminal: %s\n", strerror(-r));
		return CTL_FAILED;
	}
	if (view->interrupt_fd != NULL)
		*view->interrupt_fd = loop.screen.signal_fd;
	*ret_end = frames_run(&loop, count);
	screen_close(&loop.screen);
	if (view->interrupt_fd != NULL)
		*view->interrupt_fd = -1;
	/* What stood on the alternate screen is gone; here it may have any height. */
	loop.endless = true;
	if (*ret_end == KEYS_SHOWN) {
		frame_make(&loop);
		fputs(loop.frame != NULL ? loop.frame : "", stdout);
	}
	free(loop.frame);
	return ctl_output_end();
}

void keys_pair(FILE *out, const struct style *style, size_t columns, const char *left,
	       const char *right)
{
	size_t left_width = text_width(style, left, strlen(left));
	size_t right_width = text_width(style, right, strlen(right));

	fputs(left, out);
	if (right_width > 0 && left_width + right_width + 2 <= columns)
		fprintf(out, "%*s%s", (int)(columns - left_width - right_width), "", right);
}

static void put_keys(FILE *out, const struct style *style, const struct keys_window *window,
		     const char *more, size_t left_out)
{
	char left[160], right[64] = "";

	/* In the narrowest windows those that one would not guess. */
	if (window->columns < 60 && !window->paused && !window->help)
		snprintf(left, sizeof(left), "q quit  %s%s? help", more != NULL ? more : "",
			 more != NULL ? "  " : "");
	else if (window->paused)
		snprintf(left, sizeof(left), "paused: space goes on   q quit");
	else if (window->help)
		snprintf(left, sizeof(left), "? back   q quit");
	else
		snprintf(left, sizeof(left), "q quit   space pause   %s%s? help",
			 more != NULL ? more : "", more != NULL ? "   " : "");
	if (left_out > 0)
		snprintf(right, sizeof(right), "%zu more line%s in a taller window", left_out,
			 left_out > 1 ? "s" : "");
	tone_start(out, style, window->paused ? TONE_WARNING : TONE_FAINT);
	keys_pair(out, style, window->columns, left, right);
	tone_end(out, style, window->paused ? TONE_WARNING : TONE_FAINT);
	fputc('\n', out);
}

void keys_write(FILE *out, const struct style *style, const struct keys_window *window,
		struct frame *frame, const char *more)
{
	/* A window of one row has no place for keys, one without end no last row. */
	size_t rows = window->rows > 1 ? window->rows - 1 : window->rows, written = 0, left_out;

	left_out = frame_write(frame, out, window->rows > 0 ? rows : FRAME_LINES, &written);
	if (window->rows == 0)
		return;
	for (; written < rows; written++)
		fputc('\n', out);
	if (rows < window->rows)
		put_keys(out, style, window, more, left_out);
}
