/* SPDX-License-Identifier: MIT */
/*
 * Nothing is assumed to be there: a reading that is missing is left out of its row (row.h), and the
 * reasons stand in the list at the end (unknown.c). The heart of it is in gauges.c, the other rows in
 * status_rows.c, who asks in roster.c.
 */
#include "agent/ctl/status.h"

#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/gauges.h"
#include "agent/ctl/roster.h"
#include "agent/ctl/row.h"
#include "agent/ctl/status_rows.h"
#include "agent/ctl/unknown.h"

/* Pictures need some width also where there is no window. */
#define NO_WINDOW_COLUMNS 80

/* The words are those of the daemon and of MQTT. */
static const struct status_state states[] = {
	{"normal", "everything fits", "ok", TONE_GOOD, "●", "*"},
	{"shed", "asks for less traffic", "", TONE_WARNING, "▼", "v"},
	{"recover", "takes traffic back slowly", "", TONE_WARNING, "▲", "^"},
	{"hard", "as little traffic as possible", "", TONE_BAD, "✖", "X"},
	{"hold", "drained by an operator, until 'hostingpictl ready'", "operator", TONE_WARNING,
	 "■", "="},
	{"blind", "its own readings are missing or stale", "", TONE_BAD, "◌", "?"},
};

#define STATES (sizeof(states) / sizeof(states[0]))

const struct status_state *status_state_find(const char *word)
{
	for (size_t i = 0; word != NULL && i < STATES; i++)
		if (strcmp(states[i].word, word) == 0)
			return &states[i];
	return NULL;
}

const char *status_reason(const cJSON *document)
{
	const struct status_state *state =
		status_state_find(document_text(document, "decision.state"));
	const char *reason = document_text(document, "decision.reason");

	if (reason == NULL || reason[0] == '\0' ||
	    (state != NULL && strcmp(reason, state->plain_reason) == 0))
		return NULL;
	return reason;
}

/* When an operator's drain ends by itself, if it does. */
static void print_hold_end(struct row *row)
{
	char text[TEXT_NUMBER_SIZE], left[TEXT_NUMBER_SIZE];
	double until, ts;

	if (!document_number(row->document, "decision.hold_until", &until) ||
	    !document_number(row->document, "ts", &ts) || !text_day_and_time(text, until))
		return;
	row_start(row, "hold until");
	row_part(row, TONE_NORMAL, "%s (in %s), or 'hostingpictl ready'", text,
		 text_duration(left, (until - ts) / 1000));
	row_end(row);
}

static void print_state(struct row *row)
{
	const char *word = document_text(row->document, "decision.state");
	const struct status_state *known = status_state_find(word);
	const char *reason = status_reason(row->document);
	char text[TEXT_NUMBER_SIZE], ago[TEXT_NUMBER_SIZE];
	double since, ts;

	row_start(row, "state");
	if (known != NULL)
		row_part(row, known->tone, "%s %s: %s",
			 row->style->utf8 ? known->sign : known->ascii_sign, word,
			 document_find(row->document, "decision.hold_until") != NULL
				 ? "drained by an operator, for a time"
				 : known->text);
	else if (word != NULL)
		row_part(row, TONE_NORMAL, "%s", word);
	row_end(row);
	if (reason != NULL) {
		row_start(row, "because");
		row_part(row, TONE_NORMAL, "%s", reason);
		row_end(row);
	}
	print_hold_end(row);
	if (!document_number(row->document, "decision.since", &since) ||
	    !text_day_and_time(text, since))
		return;
	row_start(row, "since");
	if (document_number(row->document, "ts", &ts) && ts >= since)
		row_part(row, TONE_NORMAL, "%s (%s)", text,
			 text_duration(ago, (ts - since) / 1000));
	else
		row_part(row, TONE_NORMAL, "%s", text);
	row_end(row);
}

static void print_title(FILE *out, const struct style *style, const cJSON *document)
{
	const char *id = document_text(document, "id"),
		   *version = document_text(document, "version");

	tone_start(out, style, TONE_STRONG);
	text_put(out, style, id != NULL ? id : "(without a name)");
	tone_end(out, style, TONE_STRONG);
	fputs(", hostingpid ", out);
	text_put(out, style, version != NULL ? version : "of unknown version");
	if (document_flag(document, "dry_run")) {
		fputs(", ", out);
		tone_start(out, style, TONE_WARNING);
		fputs("dry run: balancers are not told", out);
		tone_end(out, style, TONE_WARNING);
	}
	fputc('\n', out);
}

void status_print(FILE *out, const struct style *style, const cJSON *document, size_t columns)
{
	struct row row = {
		.out = out,
		.style = style,
		.document = document,
		.columns = columns > 0 ? columns : NO_WINDOW_COLUMNS,
		.whole = columns == 0,
	};

	print_title(out, style, document);
	print_state(&row);
	gauges_weight(&row);
	gauges_headroom_row(&row);
	gauges_use(&row);
	gauges_time_to_swap(&row);
	status_rows_print(&row);
	roster_print(&row);
	unknown_print(&row);
}

void status_print_line(FILE *out, const struct style *style, const cJSON *document)
{
	const char *state = document_text(document, "decision.state");
	const char *reason = document_text(document, "decision.reason");
	char text[TEXT_NUMBER_SIZE];
	double number;

	if (document_number(document, "ts", &number) && text_time(text, number))
		fprintf(out, "%s  ", text);
	text_put(out, style, state != NULL ? state : "unknown");
	if (document_number(document, "decision.weight", &number))
		fprintf(out, "  weight %.0f", number);
	if (document_number(document, "decision.maxconn", &number))
		fprintf(out, "  maxconn %.0f", number);
	if (gauges_headroom(document, &number))
		fprintf(out, "  headroom %s", text_bytes(text, number));
	if (document_number(document, "decision.time_to_swap_s", &number))
		fprintf(out, "  %s in %s",
			gauges_without_swap(document) ? "memory runs out" : "swap",
			text_duration(text, number));
	if (document_number(document, "state.soc.temp_c", &number))
		fprintf(out, "  %.1f C", number);
	if (document_number(document, "state.web.requests_s", &number))
		fprintf(out, "  %.1f requests/s", number);
	if (reason != NULL && reason[0] != '\0') {
		fputs("  ", out);
		text_put(out, style, reason);
	}
	fputc('\n', out);
}
