/* SPDX-License-Identifier: MIT */
/*
 * Asks once a second for the status, for one of the curves and for the events, and hands it
 * all to view.c. A failure to reach the daemon is shown like anything else (it may be
 * restarting), with what was known before, but the first one ends the program: nothing was there to be
 * watched. What an older daemon does not answer is left out.
 */
#include "agent/ctl/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/curves.h"
#include "agent/ctl/keys.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"
#include "agent/ctl/view.h"

#define PERIOD_MS 1000
/* A few, unless there is nothing else to be seen: the agent keeps many. */
#define EVENTS_REQUEST "{\"command\":\"events\",\"count\":8}"
#define ALL_EVENTS_REQUEST "{\"command\":\"events\"}"
#define STATUS_REQUEST "{\"command\":\"status\"}"

static const char *const span_words[] = {
	[VIEW_HOUR] = "hour",
	[VIEW_DAY] = "day",
};

struct watch {
	struct client *client;
	struct style style;
	bool json;
	enum ctl_exit result; /* of the last question for the status */
	bool any;	      /* one was ever answered */
	int64_t away_ms;      /* since when they are not */
	char trouble[sizeof(((struct client *)NULL)->error)];
	cJSON *status, *events;
	cJSON *courses[VIEW_SPANS][CURVES];
	bool full[VIEW_SPANS]; /* all curves were asked for */
	size_t turn;	       /* the curve that is asked for next */
	enum view_span span;
	bool all_events;
};

static void replace(cJSON **document, cJSON *other)
{
	cJSON_Delete(*document);
	*document = other;
}

/* What cannot be answered is not known; the connection is looked after by the next question. */
static enum ctl_exit ask_beside(struct watch *watch, const char *request, cJSON **document)
{
	cJSON *answer = NULL;
	enum ctl_exit result = client_ask(watch->client, request, &answer);

	if (result == CTL_FINE)
		replace(document, answer);
	return result;
}

static enum ctl_exit ask_course(struct watch *watch, size_t curve)
{
	char request[128];

	snprintf(request, sizeof(request),
		 "{\"command\":\"history\",\"series\":\"%s\",\"span\":\"%s\"}",
		 curves_series(curve), span_words[watch->span]);
	return ask_beside(watch, request, &watch->courses[watch->span][curve]);
}

/* All of them for a start, then one each second. */
static enum ctl_exit ask_courses(struct watch *watch)
{
	enum ctl_exit result = CTL_FINE;

	if (watch->full[watch->span]) {
		watch->turn = (watch->turn + 1) % CURVES;
		return ask_course(watch, watch->turn);
	}
	for (size_t i = 0; i < CURVES && result != CTL_INTERRUPTED; i++)
		result = ask_course(watch, i);
	watch->full[watch->span] = result != CTL_INTERRUPTED;
	return result;
}

static enum ctl_exit ask_events(struct watch *watch)
{
	return ask_beside(watch, watch->all_events ? ALL_EVENTS_REQUEST : EVENTS_REQUEST,
			  &watch->events);
}

static enum ctl_exit ask(struct watch *watch)
{
	cJSON *answer = NULL;
	enum ctl_exit result = client_ask(watch->client, STATUS_REQUEST, &answer);

	if (result != CTL_FINE)
		return result;
	replace(&watch->status, answer);
	if (ask_courses(watch) == CTL_INTERRUPTED || ask_events(watch) == CTL_INTERRUPTED)
		return CTL_INTERRUPTED;
	return CTL_FINE;
}

static void error_show(const struct watch *watch)
{
	ctl_fail(watch->result, watch->client->error);
}

static enum keys_look watch_look(void *context)
{
	struct watch *watch = context;
	enum ctl_exit result = ask(watch);

	if (result == CTL_INTERRUPTED)
		return KEYS_INTERRUPTED;
	if (result != CTL_FINE && !watch->any) {
		watch->result = result;
		return KEYS_ENDS;
	}
	if (result == CTL_FINE)
		watch->any = true;
	else
		memcpy(watch->trouble, watch->client->error, sizeof(watch->trouble));
	if (result != CTL_FINE && watch->result == CTL_FINE)
		watch->away_ms = keys_now_ms();
	watch->result = result;
	return KEYS_COUNTS;
}

static void watch_draw(void *context, FILE *out, const struct keys_window *window)
{
	const struct watch *watch = context;
	const cJSON *courses[CURVES];
	struct view view = {
		.style = watch->style,
		.status = watch->status,
		.courses = courses,
		.events = watch->events,
		.span = watch->span,
		.all_events = watch->all_events,
	};

	for (size_t i = 0; i < CURVES; i++)
		courses[i] = watch->courses[watch->span][i];
	if (watch->result != CTL_FINE) {
		view.trouble = watch->trouble;
		view.away_s = (double)(keys_now_ms() - watch->away_ms) / 1000;
	}
	view_draw(out, &view, window);
}

static void watch_key(void *context, char key)
{
	struct watch *watch = context;

	switch (key) {
	case 'h':
		watch->span = VIEW_HOUR;
		break;
	case 'd':
		watch->span = VIEW_DAY;
		break;
	case 'e':
		watch->all_events = !watch->all_events;
		ask_events(watch);
		return;
	default:
		return;
	}
	watch->all_events = false;
	if (!watch->full[watch->span])
		ask_courses(watch);
}

static enum ctl_exit screen_run(struct watch *watch, long count)
{
	const struct keys_view view = {
		.context = watch,
		.style = watch->style,
		.look = watch_look,
		.draw = watch_draw,
		.key = watch_key,
		.interrupt_fd = &watch->client->interrupt_fd,
	};
	enum keys_end end;
	enum ctl_exit result = keys_run(&view, count, &end);

	if (result != CTL_FINE || end == KEYS_QUIT)
		return result;
	if (watch->result != CTL_FINE)
		error_show(watch);
	return watch->result;
}

/* Asks and shows once, as a line. False if nobody takes it. */
static bool line_show(struct watch *watch)
{
	cJSON *document = NULL;

	watch->result = client_ask(watch->client, STATUS_REQUEST, &document);
	if (watch->result != CTL_FINE) {
		error_show(watch);
	} else if (watch->json) {
		char *text = cJSON_PrintUnformatted(document);

		printf("%s\n", text != NULL ? text : "{}");
		free(text);
	} else {
		status_print_line(stdout, &watch->style, document);
	}
	cJSON_Delete(document);
	/* Whoever reads the pipe wants it now. */
	return ctl_output_end() == CTL_FINE;
}

static enum ctl_exit lines_run(struct watch *watch, long count)
{
	int64_t due_ms = keys_now_ms();

	for (long i = 1;; i++) {
		int64_t left_ms;

		if (!line_show(watch))
			return CTL_FAILED;
		if ((i == 1 && watch->result == CTL_ABSENT) || i == count)
			return watch->result;
		due_ms += PERIOD_MS;
		left_ms = due_ms - keys_now_ms();
		if (left_ms > 0)
			nanosleep(&(struct timespec){.tv_sec = left_ms / 1000,
						     .tv_nsec = (long)(left_ms % 1000) * 1000000},
				  NULL);
		else
			due_ms = keys_now_ms();
	}
}

enum ctl_exit watch_run(struct client *client, long count, bool json)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	enum ctl_exit result;

	if (watch == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	watch->client = client;
	watch->style = style_detect(stdout);
	watch->json = json;
	if (text_terminal(stdout) && !json)
		result = screen_run(watch, count);
	else
		result = lines_run(watch, count);
	for (size_t i = 0; i < VIEW_SPANS; i++)
		for (size_t j = 0; j < CURVES; j++)
			cJSON_Delete(watch->courses[i][j]);
	cJSON_Delete(watch->status);
	cJSON_Delete(watch->events);
	free(watch);
	return result;
}
