/* SPDX-License-Identifier: MIT */
/*
 * From top to bottom: who, the state, the bars of the decision, the curves, what stands behind them, who
 * asked, what happened, what is not known; the keys in the last row. A low window leaves out what is
 * missed least (frame.h), a high one is filled up. Nothing moves while numbers change: rows stay where
 * they are, numbers end in one column.
 */
#include "agent/ctl/view.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/curves.h"
#include "agent/ctl/document.h"
#include "agent/ctl/gauges.h"
#include "agent/ctl/incidents.h"
#include "agent/ctl/roster.h"
#include "agent/ctl/status.h"
#include "agent/ctl/status_rows.h"
#include "agent/ctl/unknown.h"

/* What the parts of a frame are missed for, beside those of the rows: the lower, the more. */
enum rank {
	RANK_STATE,
	RANK_WEIGHT,
	RANK_HEADROOM = RANK_WEIGHT,
	RANK_TIME,
	RANK_HEAD = RANK_TIME,
	RANK_USE = 4,
	RANK_BLANK = 16,
};

/* Beside everything else; all of them are on a page of their own. */
#define EVENTS_SHOWN 5
/* In lines; more is no easier to read. */
#define CURVE_HIGHEST 3

static const char *const span_titles[] = {
	[VIEW_HOUR] = "last hour",
	[VIEW_DAY] = "last day",
};

static const char *const help_lines[] = {
	"  keys",
	"    q       quit; so does Ctrl-C",
	"    space   pause, and go on",
	"    h  d    curves of the last hour, of the last day",
	"    e       the last events, and back",
	"    ?       this page, and back",
	"",
	"  pictures",
	"    weight      share of the usual traffic that the load balancers are asked for",
	"    headroom    memory before the kernel starts to swap, of all memory; the mark",
	"                is the reserve: below it less is asked for",
	"    at work     requests at work, of those that are let in by all balancers",
	"    curves      each sign is the worst of its time; behind them least and most",
	"",
	"  states",
};

static void put_head(FILE *out, const struct view *view, size_t columns)
{
	const char *id = document_text(view->status, "id"),
		   *version = document_text(view->status, "version");
	char *left = NULL, right[TEXT_NUMBER_SIZE] = "";
	size_t size;
	FILE *line = open_memstream(&left, &size);
	double ts;

	if (line == NULL)
		return;
	tone_start(line, &view->style, TONE_STRONG);
	text_put(line, &view->style, id != NULL ? id : "hostingpi");
	tone_end(line, &view->style, TONE_STRONG);
	if (version != NULL) {
		tone_start(line, &view->style, TONE_FAINT);
		fputs("  hostingpid ", line);
		text_put(line, &view->style, version);
		tone_end(line, &view->style, TONE_FAINT);
	}
	if (document_flag(view->status, "dry_run")) {
		tone_start(line, &view->style, TONE_WARNING);
		fputs("  dry run: balancers are not told", line);
		tone_end(line, &view->style, TONE_WARNING);
	}
	fclose(line);
	if (document_number(view->status, "ts", &ts))
		text_day_and_time(right, ts);
	keys_pair(out, &view->style, columns, left, right);
	fputc('\n', out);
	free(left);
}

/* A word on a ground of its colour: " ▼ SHED ". */
static void put_badge(FILE *out, const struct style *style, enum tone tone, const char *sign,
		      const char *word)
{
	tone_start(out, style, tone);
	fputs(style->colour ? "\033[7m" : "", out);
	fprintf(out, " %s ", sign);
	for (; *word != '\0'; word++)
		fputc(*word >= 'a' && *word <= 'z' ? *word - 'a' + 'A' : *word, out);
	fputc(' ', out);
	tone_end(out, style, tone);
	fputs("  ", out);
}

static void put_state_words(FILE *line, const struct view *view, size_t columns)
{
	const char *word = document_text(view->status, "decision.state");
	const struct status_state *state = status_state_find(word);
	const char *reason = status_reason(view->status);
	char text[TEXT_NUMBER_SIZE];
	double until;

	if (state == NULL) {
		text_put(line, &view->style, word != NULL ? word : "the state is not known");
		return;
	}
	put_badge(line, &view->style, state->tone,
		  view->style.utf8 ? state->sign : state->ascii_sign, word);
	/* The reason says more than what the word means, if there is no room for both. */
	if (reason == NULL || strlen(state->text) + strlen(reason) + 40 <= columns)
		fputs(state->text, line);
	if (reason != NULL && strlen(state->text) + strlen(reason) + 40 <= columns)
		fputs(": ", line);
	if (reason != NULL)
		text_put(line, &view->style, reason);
	if (document_number(view->status, "decision.hold_until", &until) && text_time(text, until))
		fprintf(line, ", until %s", text);
}

static void put_state(FILE *out, const struct view *view, size_t columns)
{
	char *left = NULL, right[TEXT_NUMBER_SIZE + 8] = "", text[TEXT_NUMBER_SIZE];
	double since, ts, for_s = -1;
	size_t size;
	FILE *line = open_memstream(&left, &size);

	if (line == NULL)
		return;
	if (view->trouble != NULL) {
		put_badge(line, &view->style, TONE_BAD, view->style.utf8 ? "✖" : "X", "no agent");
		text_put(line, &view->style, view->trouble);
		for_s = view->away_s;
	} else {
		put_state_words(line, view, columns);
		if (document_number(view->status, "decision.since", &since) &&
		    document_number(view->status, "ts", &ts))
			for_s = (ts - since) / 1000;
	}
	fclose(line);
	if (for_s >= 0)
		snprintf(right, sizeof(right), "for %s", text_duration(text, for_s));
	keys_pair(out, &view->style, columns, left, right);
	fputc('\n', out);
	free(left);
}

static void put_blank(struct frame *frame)
{
	frame_rank(frame, RANK_BLANK);
	fputc('\n', frame->out);
}

static void put_parts(struct frame *frame, const struct view *view, size_t columns, size_t height)
{
	struct row row = {.out = frame->out,
			  .style = &view->style,
			  .document = view->status,
			  .columns = columns,
			  .frame = frame};

	put_blank(frame);
	frame_rank(frame, RANK_WEIGHT);
	gauges_weight(&row);
	gauges_headroom_row(&row);
	frame_rank(frame, RANK_USE);
	gauges_use(&row);
	frame_rank(frame, RANK_TIME);
	gauges_time_to_swap(&row);
	put_blank(frame);
	curves_print(&row, view->courses, span_titles[view->span], height);
	put_blank(frame);
	roster_print(&row);
	put_blank(frame);
	incidents_print(&row, view->events, EVENTS_SHOWN);
	put_blank(frame);
	status_rows_print(&row);
	unknown_print(&row);
}

static void put_help(struct frame *frame, const struct view *view)
{
	static const char *const words[] = {"normal", "shed", "recover", "hard", "hold", "blind"};

	for (size_t i = 0; i < sizeof(help_lines) / sizeof(help_lines[0]); i++)
		fprintf(frame->out, "%s\n", help_lines[i]);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct status_state *state = status_state_find(words[i]);

		fputs("    ", frame->out);
		tone_start(frame->out, &view->style, state->tone);
		fprintf(frame->out, "%s %-8s", view->style.utf8 ? state->sign : state->ascii_sign,
			state->word);
		tone_end(frame->out, &view->style, state->tone);
		fprintf(frame->out, "  %s\n", state->text);
	}
}

/* Draws with curves of that height. False without memory. */
static bool put_page(struct frame *frame, const struct view *view, const struct keys_window *window,
		     size_t height)
{
	struct row row = {.style = &view->style,
			  .document = view->status,
			  .columns = window->columns,
			  .frame = frame};

	if (!frame_open(frame))
		return false;
	frame_rank(frame, RANK_HEAD);
	row.out = frame->out;
	put_head(frame->out, view, window->columns);
	frame_rank(frame, RANK_STATE);
	put_state(frame->out, view, window->columns);
	if (window->help)
		put_help(frame, view);
	else if (view->all_events)
		incidents_print(&row, view->events, FRAME_LINES);
	else
		put_parts(frame, view, window->columns, height);
	return true;
}

void view_draw(FILE *out, const struct view *view, const struct keys_window *window)
{
	const char *more = view->span == VIEW_HOUR ? "d day   e events" : "h hour   e events";
	struct frame frame;

	/* What fits with higher curves is drawn with them. */
	for (size_t height = CURVE_HIGHEST; height > 0; height--) {
		if (!put_page(&frame, view, window, height))
			return;
		if (height == 1 || frame_lines(&frame) < window->rows)
			break;
		frame_close(&frame);
	}
	keys_write(out, &view->style, window, &frame, view->all_events ? "e back" : more);
	frame_close(&frame);
}
