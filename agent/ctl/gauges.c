/* SPDX-License-Identifier: MIT */
/*
 * Each bar has a scale that does not move: all of the weight, all memory, all requests that are let in.
 * The mark in the bar of headroom is the reserve, so that one sees how far away the trouble is, also
 * without colours.
 */
#include "agent/ctl/gauges.h"

#include <math.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/unknown.h"

bool gauges_headroom(const cJSON *document, double *ret_bytes)
{
	return document_number(document, "decision.headroom_bytes", ret_bytes) ||
	       document_number(document, "state.mem.headroom_bytes", ret_bytes);
}

bool gauges_without_swap(const cJSON *document)
{
	const char *kind = document_text(document, "state.swap.kind");

	return kind != NULL && strcmp(kind, "none") == 0;
}

static void put_bar(struct row *row, enum tone tone, double share, double mark)
{
	struct text_bar bar = {.share = share, .mark = mark, .width = row_picture_width(row)};

	row_picture(row);
	text_bar(row->out, row->style, tone, &bar);
}

void gauges_weight(struct row *row)
{
	double weight, cap;
	char text[TEXT_NUMBER_SIZE], note[64] = "";

	row_start(row, "weight");
	if (document_number(row->document, "decision.weight", &weight)) {
		enum tone tone = weight < 100 ? TONE_WARNING : TONE_GOOD;

		snprintf(text, sizeof(text), "%.3g %%", weight);
		row_number(row, TONE_STRONG, text);
		put_bar(row, tone, weight / 100, (double)NAN);
		if (document_flag(row->document, "decision.drain"))
			row_note(row, TONE_WARNING, "told to drain");
		else if (document_number(row->document, "decision.maxconn", &cap)) {
			snprintf(note, sizeof(note), "cap %.6g per balancer", cap);
			row_note(row, TONE_NORMAL, note);
		}
	}
	row_end(row);
}

static enum tone headroom_tone(double headroom, double reserve, double total)
{
	if (headroom < (isnan(reserve) ? total / 10 : reserve / 4))
		return TONE_BAD;
	return headroom < (isnan(reserve) ? total / 4 : reserve) ? TONE_WARNING : TONE_GOOD;
}

void gauges_headroom_row(struct row *row)
{
	char text[TEXT_NUMBER_SIZE], all[TEXT_NUMBER_SIZE], kept[TEXT_NUMBER_SIZE], note[96];
	double headroom, total, reserve = (double)NAN;

	row_start(row, "headroom");
	if (gauges_headroom(row->document, &headroom)) {
		row_number(row, TONE_STRONG, text_bytes(text, headroom));
		if (document_number(row->document, "state.mem.reserve_bytes", &reserve))
			text_bytes(kept, reserve);
		if (document_number(row->document, "state.mem.total_bytes", &total) && total > 0) {
			put_bar(row, headroom_tone(headroom, reserve, total), headroom / total,
				reserve / total);
			snprintf(note, sizeof(note), "of %s%s%s", text_bytes(all, total),
				 isnan(reserve) ? "" : ", reserve ", isnan(reserve) ? "" : kept);
			/* The reserve is marked in the bar: its number may be missing. */
			if (!row->whole &&
			    text_width(row->style, note, strlen(note)) > row_note_width(row))
				snprintf(note, sizeof(note), "of %s", all);
			row_note(row, TONE_NORMAL, note);
		}
	}
	row_end(row);
}

void gauges_use(struct row *row)
{
	double busy, capacity, nominal;
	char text[TEXT_NUMBER_SIZE], note[64];
	bool known = document_number(row->document, "decision.capacity", &capacity) && capacity > 0;

	row_start(row, "at work");
	if (document_number(row->document, "state.web.busy_workers", &busy)) {
		snprintf(text, sizeof(text), "%.6g", busy);
		row_number(row, TONE_STRONG, text);
		if (known)
			put_bar(row, busy > capacity ? TONE_WARNING : TONE_GOOD, busy / capacity,
				(double)NAN);
	} else if (known) {
		row_number(row, TONE_FAINT, "?");
		put_bar(row, TONE_NORMAL, 0, (double)NAN);
	}
	if (known) {
		if (document_number(row->document, "decision.nominal", &nominal) &&
		    nominal != capacity)
			snprintf(note, sizeof(note), "of %.6g, %.6g when calm", capacity, nominal);
		else
			snprintf(note, sizeof(note), "of %.6g requests", capacity);
		row_note(row, TONE_NORMAL, note);
	}
	row_end(row);
}

/* Names of readings have dots of their own: not for document_find(). */
static const cJSON *unknown_find(const cJSON *document, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(document_find(document, "state.unknown"), name);
}

/* That headroom is not falling is good news, and comes as the reason why there is no number. */
void gauges_time_to_swap(struct row *row)
{
	const cJSON *reason = unknown_find(row->document, UNKNOWN_IN_ITS_ROW);
	char text[TEXT_NUMBER_SIZE];
	double seconds;

	row_start(row, gauges_without_swap(row->document) ? "memory out" : "time to swap");
	if (document_number(row->document, "decision.time_to_swap_s", &seconds) ||
	    document_number(row->document, "state." UNKNOWN_IN_ITS_ROW, &seconds))
		row_number(row, seconds < 60 ? TONE_WARNING : TONE_STRONG,
			   text_duration(text, seconds));
	else if (cJSON_IsString(reason))
		row_part(row, TONE_NORMAL, "%s", reason->valuestring);
	row_end(row);
}
