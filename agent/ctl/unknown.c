/* SPDX-License-Identifier: MIT */
/*
 * A line belongs to the first reading with its reason. Before it stand the readings of one group as
 * "web.* (5)", a lone one by its whole name, and what would not fit as "3 more"; all names are in the
 * JSON form of the status. What this machine cannot have is not listed.
 */
#include "agent/ctl/unknown.h"

#include <string.h>

#include "agent/ctl/document.h"
#include "agent/sample.h"

/* No further name is added that would end beyond; names of readings have at most 30 characters. */
#define NAMES_WIDTH 30
/* Reasons start here at the latest; what is longer pushes its reason aside. */
#define NAMES_WIDTH_MAX 40
/* Of a foreign name; room for two of them and a count. */
#define NAME_MAX_SHOWN 60
#define LABEL_SIZE (2 * NAME_MAX_SHOWN + 40)

/* In a frame: the last that is missed; their list may be long. */
#define UNKNOWN_RANK 40
#define UNKNOWN_RANK_BLANK 41

static const char *reason_of(const cJSON *item)
{
	return cJSON_IsString(item) ? item->valuestring : "(no reason was given)";
}

static bool in_list(const cJSON *item)
{
	return strcmp(item->string, UNKNOWN_IN_ITS_ROW) != 0 &&
	       strncmp(reason_of(item), NOT_APPLICABLE, sizeof(NOT_APPLICABLE) - 1) != 0;
}

static bool same_reason(const cJSON *a, const cJSON *b)
{
	return in_list(a) && in_list(b) && strcmp(reason_of(a), reason_of(b)) == 0;
}

static bool same_group(const cJSON *a, const cJSON *b)
{
	size_t length = strcspn(a->string, ".");

	return length == strcspn(b->string, ".") && strncmp(a->string, b->string, length) == 0;
}

/* True if nothing from start up to item has its reason (and its group, if group is set). */
static bool first_of(const cJSON *start, const cJSON *item, bool group)
{
	for (const cJSON *other = start; other != item; other = other->next)
		if (same_reason(other, item) && (!group || same_group(other, item)))
			return false;
	return true;
}

/* How many from item on have its reason (and its group, if group is set). */
static int count_from(const cJSON *item, bool group)
{
	int count = 0;

	for (const cJSON *other = item; other != NULL; other = other->next)
		count += same_reason(other, item) && (!group || same_group(other, item));
	return count;
}

/* The label of the line of which first is the first reading. */
static void label_make(char label[static LABEL_SIZE], const cJSON *first)
{
	int left = count_from(first, false);
	size_t used = 0;

	for (const cJSON *item = first; item != NULL; item = item->next) {
		const char *comma = used > 0 ? ", " : "";
		char name[NAME_MAX_SHOWN + 20];
		int count, length;

		if (!same_reason(first, item) || !first_of(first, item, true))
			continue;
		count = count_from(item, true);
		if (count > 1)
			length = snprintf(name, sizeof(name), "%.*s.* (%d)",
					  (int)strcspn(item->string, "."), item->string, count);
		else
			length = snprintf(name, sizeof(name), "%s", item->string);
		if (length >= (int)sizeof(name))
			length = snprintf(name, sizeof(name), "%.*s...", NAME_MAX_SHOWN,
					  item->string);
		if (used > 0 && used + 2 + (size_t)length > NAMES_WIDTH) {
			snprintf(label + used, LABEL_SIZE - used, "%s%d more", comma, left);
			return;
		}
		used += (size_t)snprintf(label + used, LABEL_SIZE - used, "%s%s", comma, name);
		left -= count;
	}
}

/* The width of the longest label, within reason. */
static int labels_width(const cJSON *unknown)
{
	char label[LABEL_SIZE];
	const cJSON *item;
	int width = 0;

	cJSON_ArrayForEach(item, unknown)
	{
		int length;

		if (!in_list(item) || !first_of(unknown->child, item, false))
			continue;
		label_make(label, item);
		length = (int)strnlen(label, NAMES_WIDTH_MAX);
		width = length > width ? length : width;
	}
	return width;
}

static void put_title_line(const struct row *row)
{
	if (row->frame != NULL)
		frame_rank(row->frame, UNKNOWN_RANK_BLANK);
	fputc('\n', row->out);
	if (row->frame != NULL)
		frame_title(row->frame, UNKNOWN_RANK);
	row_title(row, "not known");
	if (row->frame != NULL)
		frame_rank(row->frame, UNKNOWN_RANK);
}

void unknown_print(const struct row *row)
{
	const cJSON *unknown = document_find(row->document, "state.unknown"), *item;
	char label[LABEL_SIZE];
	bool any = false;
	int width;

	if (!cJSON_IsObject(unknown))
		return;
	width = labels_width(unknown);
	cJSON_ArrayForEach(item, unknown)
	{
		if (!in_list(item) || !first_of(unknown->child, item, false))
			continue;
		if (!any)
			put_title_line(row);
		any = true;
		label_make(label, item);
		fputs("  ", row->out);
		text_put(row->out, row->style, label);
		fprintf(row->out, "%*s", width - (int)strnlen(label, NAMES_WIDTH_MAX) + 2, "");
		text_put(row->out, row->style, reason_of(item));
		fputc('\n', row->out);
	}
}
