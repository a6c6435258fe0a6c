/* SPDX-License-Identifier: MIT */
/*
 * Nothing is assumed to be there: a reading that is missing is left out of its row (row.h), and the
 * reasons stand in the list at the end (unknown.c). The rows below those of the decision stand in
 * status_rows.c.
 */
#include "agent/ctl/status.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/document.h"
#include "agent/ctl/row.h"
#include "agent/ctl/status_rows.h"
#include "agent/ctl/unknown.h"

#define BAR_WIDTH 30
/* "112.0 MiB of 921.0 MiB" */
#define BAR_COLUMN 22

/* The words are those of the daemon and of MQTT; the reason that only repeats the word is not shown. */
static const struct {
	const char *word, *text, *plain_reason;
	enum tone tone;
} states[] = {
	{"normal", "everything fits", "ok", TONE_GOOD},
	{"shed", "asks for less traffic", "", TONE_WARNING},
	{"recover", "takes traffic back slowly", "", TONE_WARNING},
	{"hard", "as little traffic as possible", "", TONE_BAD},
	{"hold", "drained by an operator, until 'hostingpictl ready'", "operator", TONE_WARNING},
	{"blind", "its own readings are missing or stale", "", TONE_BAD},
};

#define STATES (sizeof(states) / sizeof(states[0]))

static double clamp_share(double share)
{
	return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* The decision's headroom is the one that was acted on; the reading is the same or newer. */
static bool headroom_bytes(const cJSON *document, double *ret_bytes)
{
	return document_number(document, "decision.headroom_bytes", ret_bytes) ||
	       document_number(document, "state.mem.headroom_bytes", ret_bytes);
}

/* Names of readings have dots of their own: not for document_find(). */
static const cJSON *unknown_find(const cJSON *document, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(document_find(document, "state.unknown"), name);
}

double status_headroom_share(const cJSON *document)
{
	double headroom, total;

	if (!headroom_bytes(document, &headroom) ||
	    !document_number(document, "state.mem.total_bytes", &total) || total <= 0)
		return (double)NAN;
	return clamp_share(headroom / total);
}

double status_weight_share(const cJSON *document)
{
	double weight;

	if (!document_number(document, "decision.weight", &weight))
		return (double)NAN;
	return clamp_share(weight / 100);
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
	const char *reason = document_text(row->document, "decision.reason");
	char text[TEXT_NUMBER_SIZE], ago[TEXT_NUMBER_SIZE];
	double since, ts;
	size_t i = 0;

	row_start(row, "state");
	while (i < STATES && (word == NULL || strcmp(states[i].word, word) != 0))
		i++;
	if (i < STATES)
		row_part(row, states[i].tone, "%s: %s", word,
			 document_find(row->document, "decision.hold_until") != NULL
				 ? "drained by an operator, for a time"
				 : states[i].text);
	else if (word != NULL)
		row_part(row, TONE_NORMAL, "%s", word);
	row_end(row);
	if (reason != NULL && reason[0] != '\0' &&
	    (i == STATES || strcmp(reason, states[i].plain_reason) != 0)) {
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

static void print_bar(const struct row *row, double share, enum tone tone)
{
	fputs("  ", row->out);
	tone_start(row->out, row->style, tone);
	text_bar(row->out, row->style, share, BAR_WIDTH);
	tone_end(row->out, row->style, tone);
}

static void print_weight(struct row *row)
{
	double share = status_weight_share(row->document), maxconn, capacity, nominal;
	char text[TEXT_NUMBER_SIZE];

	row_start(row, "weight");
	if (!isnan(share)) {
		snprintf(text, sizeof(text), "%.0f %%", share * 100);
		row_part(row, TONE_STRONG, "%-*s", BAR_COLUMN, text);
		print_bar(row, share, share < 1 ? TONE_WARNING : TONE_GOOD);
	}
	row_flag(row, "decision.drain", TONE_WARNING, "balancers are told to drain");
	row_end(row);

	row_start(row, "cap");
	if (document_number(row->document, "decision.maxconn", &maxconn))
		row_part(row, TONE_NORMAL, "%.0f concurrent requests from each balancer", maxconn);
	if (document_number(row->document, "decision.capacity", &capacity) &&
	    document_number(row->document, "decision.nominal", &nominal))
		row_part(row, TONE_NORMAL, "%.0f of %.0f in all", capacity, nominal);
	row_end(row);
}

static enum tone headroom_tone(double share)
{
	return share < 0.1 ? TONE_BAD : share < 0.25 ? TONE_WARNING : TONE_GOOD;
}

static void print_headroom(struct row *row)
{
	double share = status_headroom_share(row->document), headroom, total;
	char text[TEXT_NUMBER_SIZE], all[TEXT_NUMBER_SIZE], both[2 * TEXT_NUMBER_SIZE + 4];

	row_start(row, "headroom");
	if (headroom_bytes(row->document, &headroom)) {
		text_bytes(text, headroom);
		if (document_number(row->document, "state.mem.total_bytes", &total))
			snprintf(both, sizeof(both), "%s of %s", text, text_bytes(all, total));
		else
			snprintf(both, sizeof(both), "%s", text);
		row_part(row, TONE_STRONG, "%-*s", BAR_COLUMN, both);
	}
	if (!isnan(share))
		print_bar(row, share, headroom_tone(share));
	row_end(row);
}

/* Without swap the kernel has nothing but killing left when headroom is used up. */
static bool without_swap(const cJSON *document)
{
	const char *kind = document_text(document, "state.swap.kind");

	return kind != NULL && strcmp(kind, "none") == 0;
}

/* That headroom is not falling is good news, and comes as the reason why there is no number. */
static void print_time_to_swap(struct row *row)
{
	const cJSON *reason = unknown_find(row->document, UNKNOWN_IN_ITS_ROW);
	bool runs_out = without_swap(row->document);
	char text[TEXT_NUMBER_SIZE];
	double seconds;

	row_start(row, runs_out ? "memory" : "time to swap");
	if (document_number(row->document, "decision.time_to_swap_s", &seconds) ||
	    document_number(row->document, "state." UNKNOWN_IN_ITS_ROW, &seconds))
		row_part(row, seconds < 60 ? TONE_WARNING : TONE_NORMAL, "%s%s",
			 runs_out ? "runs out in " : "", text_duration(text, seconds));
	else if (cJSON_IsString(reason))
		row_part(row, TONE_NORMAL, "%s", reason->valuestring);
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

void status_print_rows(FILE *out, const struct style *style, const cJSON *document)
{
	struct row row = {.out = out, .style = style, .document = document};

	print_title(out, style, document);
	print_state(&row);
	print_weight(&row);
	print_headroom(&row);
	print_time_to_swap(&row);
	status_rows_print(&row);
}

void status_print_unknown(FILE *out, const struct style *style, const cJSON *document)
{
	unknown_print(&(struct row){.out = out, .style = style, .document = document});
}

void status_print(FILE *out, const struct style *style, const cJSON *document)
{
	status_print_rows(out, style, document);
	status_print_unknown(out, style, document);
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
	if (headroom_bytes(document, &number))
		fprintf(out, "  headroom %s", text_bytes(text, number));
	if (document_number(document, "decision.time_to_swap_s", &number))
		fprintf(out, "  %s in %s", without_swap(document) ? "memory runs out" : "swap",
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
