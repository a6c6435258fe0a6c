/* SPDX-License-Identifier: MIT */
/*
 * Balancers ask; nobody calls them. So what one knows is what it was told at its last question: the
 * decision of then, which is the one of now for all that ask once a second or so, or a word that
 * matters for longer. One that fell silent is marked. Columns are as wide as what stands in them, and
 * what changes with each frame comes last.
 */
#include "agent/ctl/roster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/document.h"

/* Longer names and addresses are cut: an IPv6 address has 39 characters. */
#define NAME_WIDEST 24
#define ADDRESS_WIDEST 39
#define TOLD_WIDTH 18
/* In a frame; each further one is missed less. */
#define ROSTER_RANK_TITLE 9
#define ROSTER_RANK 10
/* Who did not ask for this many of its intervals, and a second, is silent. */
#define SILENT_INTERVALS 3

static bool take_entry(const cJSON *item, struct roster_entry *ret_entry)
{
	double number;

	if (!cJSON_IsObject(item))
		return false;
	*ret_entry = (struct roster_entry){
		.by = document_text(item, "by"),
		.name = document_text(item, "name"),
		.address = document_text(item, "address"),
		.told = document_text(item, "told"),
		.seen_s = (double)NAN,
		.interval_s = (double)NAN,
	};
	if (document_number(item, "seen_s", &number))
		ret_entry->seen_s = number;
	if (document_number(item, "interval_ms", &number) && number > 0)
		ret_entry->interval_s = number / 1000;
	return ret_entry->name != NULL || ret_entry->address != NULL;
}

size_t roster_read(const cJSON *document, struct roster_entry ret_entries[static ROSTER_MOST])
{
	const cJSON *item;
	size_t count = 0;

	cJSON_ArrayForEach(item, document_find(document, "balancers"))
	{
		if (count < ROSTER_MOST && take_entry(item, &ret_entries[count]))
			count++;
	}
	return count;
}

const char *roster_name(const struct roster_entry *entry)
{
	return entry->name != NULL ? entry->name : entry->address;
}

static void put_column(const struct row *row, enum tone tone, const char *text, size_t width)
{
	char *clean = NULL;
	size_t size, used;
	FILE *out = open_memstream(&clean, &size);

	if (out == NULL)
		return;
	text_put(out, row->style, text);
	fclose(out);
	used = text_width(row->style, clean, size);
	tone_start(row->out, row->style, tone);
	text_cut(row->out, row->style, clean, size, width);
	tone_end(row->out, row->style, tone);
	fprintf(row->out, "%*s", used < width ? (int)(width - used) : 0, "");
	free(clean);
}

/* Without a window nothing is cut. */
static size_t widest(const struct row *row, const char *text, size_t width, size_t most)
{
	size_t own = text != NULL ? text_width(row->style, text, strlen(text)) : 1;

	if (own > most && !row->whole)
		own = most;
	return own > width ? own : width;
}

/* What it hears, in a few words. */
static enum tone told_text(const struct row *row, const struct roster_entry *entry,
			   char text[static TEXT_NUMBER_SIZE])
{
	bool drained = entry->told != NULL && strcmp(entry->told, "drain") == 0;
	double weight, cap;

	if (document_flag(row->document, "dry_run")) {
		snprintf(text, TEXT_NUMBER_SIZE, "nothing: dry run");
		return TONE_WARNING;
	}
	if (document_flag(row->document, "decision.drain")) {
		snprintf(text, TEXT_NUMBER_SIZE, drained ? "drain" : "not yet: drain");
		return TONE_WARNING;
	}
	if (drained) {
		snprintf(text, TEXT_NUMBER_SIZE, "not yet: ready");
		return TONE_WARNING;
	}
	if (!document_number(row->document, "decision.weight", &weight))
		snprintf(text, TEXT_NUMBER_SIZE, "-");
	else if (document_number(row->document, "decision.maxconn", &cap))
		snprintf(text, TEXT_NUMBER_SIZE, "%3.0f %%, cap %.6g", weight, cap);
	else
		snprintf(text, TEXT_NUMBER_SIZE, "%3.0f %%", weight);
	return TONE_NORMAL;
}

static void print_entry(const struct row *row, const struct roster_entry *entry, size_t name_width,
			size_t address_width)
{
	char text[TEXT_NUMBER_SIZE];
	enum tone tone = told_text(row, entry, text);
	bool silent = entry->seen_s > SILENT_INTERVALS * entry->interval_s + 1;

	fputs("  ", row->out);
	put_column(row, TONE_NORMAL, entry->name != NULL ? entry->name : "-", name_width);
	fputs("  ", row->out);
	put_column(row, TONE_NORMAL, entry->address != NULL ? entry->address : "-", address_width);
	fputs("  ", row->out);
	put_column(row, tone, text, TOLD_WIDTH);
	if (!isnan(entry->interval_s))
		fprintf(row->out, "  every %4.1f s", entry->interval_s);
	else
		fprintf(row->out, "  %12s", "");
	if (!isnan(entry->seen_s) && silent) {
		tone_start(row->out, row->style, TONE_BAD);
		fprintf(row->out, "  silent for %.0f s", entry->seen_s);
		tone_end(row->out, row->style, TONE_BAD);
	} else if (!isnan(entry->seen_s)) {
		fprintf(row->out, "  %4.1f s ago", entry->seen_s);
	}
	fputc('\n', row->out);
}

void roster_print(struct row *row)
{
	struct roster_entry entries[ROSTER_MOST];
	size_t count = roster_read(row->document, entries), names = 1, addresses = 1;

	if (row->frame != NULL)
		frame_title(row->frame, ROSTER_RANK_TITLE);
	row_title(row, "balancers");
	if (row->frame != NULL)
		frame_rank(row->frame, ROSTER_RANK);
	for (size_t i = 0; i < count; i++) {
		names = widest(row, entries[i].name, names, NAME_WIDEST);
		addresses = widest(row, entries[i].address, addresses, ADDRESS_WIDEST);
	}
	for (size_t i = 0; i < count; i++)
		print_entry(row, &entries[i], names, addresses);
	if (count == 0)
		fputs("  none has asked lately\n", row->out);
}
