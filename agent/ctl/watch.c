/* SPDX-License-Identifier: MIT */
/*
 * One frame a second: ask, remember headroom and weight for the two curves, draw. A frame is made in
 * memory first, so that the screen can be drawn anew after a resize without asking, and cut to its size.
 * What is not known comes last: its list may be long, and a window of 24 rows must show the curves.
 * A failure to reach the daemon is a frame like any other (it may be restarting), but the first one ends
 * the program: nothing was there to be watched.
 */
#include "agent/ctl/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/screen.h"
#include "agent/ctl/spark.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"

#define PERIOD_MS 1000
/* Four minutes: more than the columns of a wide terminal. */
#define HISTORY 240
/* Where the curves begin. */
#define CURVE_COLUMN 16

struct view {
	struct client *client;
	struct style style;
	bool json;
	size_t count; /* of the curves */
	double headroom[HISTORY], weight[HISTORY];
	char *frame; /* the newest one */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void remember(struct view *view, const cJSON *document)
{
	if (view->count == HISTORY) {
		view->count--;
		memmove(view->headroom, view->headroom + 1, view->count * sizeof(double));
		memmove(view->weight, view->weight + 1, view->count * sizeof(double));
	}
	view->headroom[view->count] = status_headroom_share(document);
	view->weight[view->count] = status_weight_share(document);
	view->count++;
}

static void draw_curve(FILE *out, const struct view *view, const char *label, const double *shares)
{
	size_t columns, rows;

	screen_size(&columns, &rows);
	fprintf(out, "  %-*s", CURVE_COLUMN - 2, label);
	spark_last(out, &view->style, shares, view->count,
		   columns > CURVE_COLUMN ? columns - CURVE_COLUMN : 1);
	fputc('\n', out);
}

/* Makes the frame of a screen; document is NULL if the daemon could not be asked. */
static void frame_make(struct view *view, const cJSON *document)
{
	size_t size;
	FILE *out;

	free(view->frame);
	view->frame = NULL;
	out = open_memstream(&view->frame, &size);
	if (out == NULL)
		return;
	if (document == NULL) {
		tone_start(out, &view->style, TONE_BAD);
		text_put(out, &view->style, view->client->error);
		tone_end(out, &view->style, TONE_BAD);
		fputs("\n\ntrying again every second; q ends\n\n", out);
	} else {
		status_print_rows(out, &view->style, document);
		fputc('\n', out);
	}
	draw_curve(out, view, "headroom", view->headroom);
	draw_curve(out, view, "weight", view->weight);
	if (document != NULL)
		status_print_unknown(out, &view->style, document);
	fclose(out);
}

static void error_show(const struct view *view)
{
	struct style style = style_detect(stderr);

	fputs("hostingpictl: ", stderr);
	text_put(stderr, &style, view->client->error);
	fputc('\n', stderr);
}

/* Asks and shows once, as a line. */
static enum ctl_exit line_show(struct view *view)
{
	cJSON *document = NULL;
	enum ctl_exit result = client_ask(view->client, "{\"command\":\"status\"}", &document);

	if (result != CTL_FINE) {
		error_show(view);
	} else if (view->json) {
		char *text = cJSON_PrintUnformatted(document);

		printf("%s\n", text != NULL ? text : "{}");
		free(text);
	} else {
		status_print_line(stdout, &view->style, document);
	}
	cJSON_Delete(document);
	/* Whoever reads the pipe wants it now. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "hostingpictl: standard output: %m\n");
		return CTL_USAGE;
	}
	return result;
}

static enum ctl_exit lines_run(struct view *view, long count)
{
	int64_t due_ms = now_ms();
	enum ctl_exit result;

	for (long i = 1;; i++) {
		int64_t left_ms;

		result = line_show(view);
		if (result == CTL_USAGE)
			return CTL_FAILED;
		if ((i == 1 && result == CTL_ABSENT) || i == count)
			return result;
		due_ms += PERIOD_MS;
		left_ms = due_ms - now_ms();
		if (left_ms > 0)
			nanosleep(&(struct timespec){.tv_sec = left_ms / 1000,
						     .tv_nsec = left_ms % 1000 * 1000000},
				  NULL);
		else
			due_ms = now_ms();
	}
}

/* Shows the frame until it is time for the next one. False: to end. */
static bool frame_show(struct view *view, struct screen *screen, int64_t deadline_ms)
{
	for (;;) {
		if (view->frame != NULL)
			screen_draw(view->frame);
		switch (screen_wait(screen, deadline_ms)) {
		case SCREEN_TIME:
			return true;
		case SCREEN_REDRAW:
			break;
		case SCREEN_QUIT:
			return false;
		}
	}
}

static enum ctl_exit frames_run(struct view *view, struct screen *screen, long count)
{
	enum ctl_exit result = CTL_FINE;
	int64_t due_ms = now_ms();

	for (long i = 1;; i++) {
		cJSON *document = NULL;

		result = client_ask(view->client, "{\"command\":\"status\"}", &document);
		if (result == CTL_FINE)
			remember(view, document);
		if (result != CTL_INTERRUPTED)
			frame_make(view, document);
		cJSON_Delete(document);
		if (i == 1 && result != CTL_FINE && result != CTL_INTERRUPTED)
			return result;
		if (i == count)
			return result;
		due_ms += PERIOD_MS;
		/* Not to catch up after having been suspended. */
		if (due_ms < now_ms())
			due_ms = now_ms() + (result == CTL_INTERRUPTED ? 0 : PERIOD_MS);
		if (!frame_show(view, screen, due_ms))
			return CTL_FINE;
	}
}

static enum ctl_exit screen_run(struct view *view, long count)
{
	struct screen screen;
	enum ctl_exit result;
	int r = screen_open(&screen);

	if (r < 0) {
		fprintf(stderr, "hostingpictl: the terminal: %s\n", strerror(-r));
		return CTL_FAILED;
	}
	view->client->interrupt_fd = screen.signal_fd;
	result = frames_run(view, &screen, count);
	screen_close(&screen);
	/* What stood on the alternate screen is gone: say it again where it stays. */
	if (result != CTL_FINE && result != CTL_INTERRUPTED)
		error_show(view);
	else if (count > 0 && view->frame != NULL)
		fputs(view->frame, stdout);
	return result == CTL_INTERRUPTED ? CTL_FINE : result;
}

enum ctl_exit watch_run(struct client *client, long count, bool json)
{
	struct view *view = calloc(1, sizeof(*view));
	enum ctl_exit result;

	if (view == NULL)
		return CTL_FAILED;
	view->client = client;
	view->style = style_detect(stdout);
	view->json = json;
	if (text_terminal(stdout) && !json)
		result = screen_run(view, count);
	else
		result = lines_run(view, count);
	free(view->frame);
	free(view);
	return result;
}
