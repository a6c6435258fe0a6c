/* SPDX-License-Identifier: MIT */
/*
 * Each column is as wide as what stands in it. If that is too much, columns go, those first that say
 * least about trouble; the last event takes the room that is left. Colours only repeat what the words
 * say. A reading that is not known is a dash.
 */
#include "notifiers/ctl_fleet_show.h"

#include <string.h>

#include "agent/env.h"
#include "agent/json.h"

enum column {
	COLUMN_ID,
	COLUMN_LINK,
	COLUMN_STATE,
	COLUMN_WEIGHT,
	COLUMN_MAXCONN,
	COLUMN_HEADROOM,
	COLUMN_SWAP,
	COLUMN_TEMPERATURE,
	COLUMN_REQUESTS,
	COLUMN_SD,
	COLUMN_EVENT,
	COLUMNS,
};

#define GAP 2
/* Longer ids are cut, and that is marked. */
#define ID_WIDEST 24
/* "12m sd-stall" is worth its place; in this much more the text of it is. */
#define EVENT_LEAST 12
#define EVENT_TEXT_LEAST 40
/* An age and a text. */
#define CELL_SIZE (FLEET_TEXT_SIZE + 16)

static const struct {
	const char *title;
	bool right;
	int drop; /* the higher, the sooner it goes; 0: never */
} columns_of[COLUMNS] = {
	[COLUMN_ID] = {"ID", false, 0},
	[COLUMN_LINK] = {"LINK", false, 9},
	[COLUMN_STATE] = {"STATE", false, 0},
	[COLUMN_WEIGHT] = {"WGHT", true, 1},
	[COLUMN_MAXCONN] = {"CONN", true, 8},
	[COLUMN_HEADROOM] = {"HEADRM", true, 2},
	[COLUMN_SWAP] = {"SWAP", true, 6},
	[COLUMN_TEMPERATURE] = {"TEMP", true, 5},
	[COLUMN_REQUESTS] = {"REQ/S", true, 7},
	[COLUMN_SD] = {"SD", false, 4},
	[COLUMN_EVENT] = {"LAST EVENT", false, 3},
};

static const char *const presence_words[] = {
	[FLEET_ONLINE] = "online",
	[FLEET_STALE] = "stale",
	[FLEET_OFFLINE] = "offline",
};

/* "45s", "3m", "12h", "9d" */
static const char *short_duration(char text[static TEXT_NUMBER_SIZE], int64_t seconds)
{
	if (seconds < 120)
		snprintf(text, TEXT_NUMBER_SIZE, "%llds", (long long)seconds);
	else if (seconds < 120 * 60)
		snprintf(text, TEXT_NUMBER_SIZE, "%lldm", (long long)(seconds / 60));
	else if (seconds < INT64_C(48) * 3600)
		snprintf(text, TEXT_NUMBER_SIZE, "%lldh", (long long)(seconds / 3600));
	else if (seconds < INT64_C(1000) * 86400)
		snprintf(text, TEXT_NUMBER_SIZE, "%lldd", (long long)(seconds / 86400));
	else
		snprintf(text, TEXT_NUMBER_SIZE, "years");
	return text;
}

/* "512M", "1.2G" */
static const char *short_bytes(char text[static TEXT_NUMBER_SIZE], int64_t bytes)
{
	static const char units[] = "BKMGTP";
	double number = (double)bytes;
	size_t unit = 0;
	int digits;

	while ((number >= 1000 || number <= -1000) && unit < sizeof(units) - 2) {
		number /= 1024;
		unit++;
	}
	digits = unit > 0 && number > -10 && number < 10 ? 1 : 0;
	snprintf(text, TEXT_NUMBER_SIZE, "%.*f%c", digits, number, units[unit]);
	return text;
}

static const char *reading_cell(const struct fleet_pi *pi, enum fleet_reading reading,
				char text[static TEXT_NUMBER_SIZE])
{
	int64_t value = pi->readings[reading];

	if (!pi->known[reading])
		return "-";
	switch (reading) {
	case FLEET_WEIGHT:
		snprintf(text, TEXT_NUMBER_SIZE, "%lld%%", (long long)value);
		break;
	case FLEET_MAXCONN:
		snprintf(text, TEXT_NUMBER_SIZE, "%lld", (long long)value);
		break;
	case FLEET_HEADROOM:
		return short_bytes(text, value);
	case FLEET_TIME_TO_SWAP:
		return short_duration(text, value / 1000);
	case FLEET_TEMPERATURE:
		snprintf(text, TEXT_NUMBER_SIZE, "%.0fC", (double)value / 1000);
		break;
	case FLEET_REQUESTS:
		snprintf(text, TEXT_NUMBER_SIZE, value < 100000 ? "%.1f" : "%.0f",
			 (double)value / 1000);
		break;
	case FLEET_READINGS:
		break;
	}
	return text;
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void event_cell(const struct fleet_pi *pi, int64_t now_ns, size_t width, char *text)
{
	char age[TEXT_NUMBER_SIZE];

	if (pi->event_ns == 0)
		snprintf(text, CELL_SIZE, "-");
	else
		snprintf(text, CELL_SIZE, "%s %s",
			 short_duration(age, (now_ns - pi->event_ns) / NS_PER_S),
			 width >= EVENT_TEXT_LEAST && pi->event_text[0] ? pi->event_text
									: or_dash(pi->event_kind));
}

/* What the table is made of while it is printed. */
struct table {
	const struct style *style;
	int64_t now_ns;
	size_t widths[COLUMNS]; /* 0: left out */
};

static void cell(const struct table *table, const struct fleet_pi *pi, enum column column,
		 char *text)
{
	static const enum fleet_reading readings[COLUMNS] = {
		[COLUMN_WEIGHT] = FLEET_WEIGHT,		  [COLUMN_MAXCONN] = FLEET_MAXCONN,
		[COLUMN_HEADROOM] = FLEET_HEADROOM,	  [COLUMN_SWAP] = FLEET_TIME_TO_SWAP,
		[COLUMN_TEMPERATURE] = FLEET_TEMPERATURE, [COLUMN_REQUESTS] = FLEET_REQUESTS,
	};
	char number[TEXT_NUMBER_SIZE];
	const char *shown = "";

	switch (column) {
	case COLUMN_ID:
		shown = pi->id;
		break;
	case COLUMN_LINK:
		shown = presence_words[pi->presence];
		break;
	case COLUMN_STATE:
		/* Without a column of its own, the absence is what matters. */
		shown = table->widths[COLUMN_LINK] == 0 && pi->presence != FLEET_ONLINE
				? presence_words[pi->presence]
				: or_dash(pi->state);
		break;
	case COLUMN_WEIGHT:
	case COLUMN_MAXCONN:
	case COLUMN_HEADROOM:
	case COLUMN_SWAP:
	case COLUMN_TEMPERATURE:
	case COLUMN_REQUESTS:
		shown = reading_cell(pi, readings[column], number);
		break;
	case COLUMN_SD:
		shown = or_dash(pi->sd_health);
		break;
	case COLUMN_EVENT:
		event_cell(pi, table->now_ns, table->widths[column], text);
		return;
	case COLUMNS:
		break;
	}
	snprintf(text, CELL_SIZE, "%s", shown);
}

static enum tone tone_of(const struct fleet_pi *pi, enum column column, const char *text)
{
	static const struct {
		const char *word;
		enum tone tone;
	} words[] = {
		{"online", TONE_GOOD}, {"stale", TONE_BAD},    {"offline", TONE_BAD},
		{"normal", TONE_GOOD}, {"shed", TONE_WARNING}, {"recover", TONE_WARNING},
		{"hard", TONE_BAD},    {"hold", TONE_WARNING}, {"blind", TONE_BAD},
		{"good", TONE_GOOD},   {"worn", TONE_WARNING}, {"failing", TONE_BAD},
		{"dead", TONE_BAD},
	};

	if (column == COLUMN_ID)
		return TONE_STRONG;
	/* What an absent one said last is old. */
	if (pi->presence != FLEET_ONLINE && strcmp(text, presence_words[pi->presence]) != 0)
		return TONE_FAINT;
	if (column != COLUMN_LINK && column != COLUMN_STATE && column != COLUMN_SD)
		return TONE_NORMAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, text) == 0)
			return words[i].tone;
	return TONE_NORMAL;
}

static size_t width_of(const struct table *table)
{
	size_t width = 0;

	for (enum column column = 0; column < COLUMNS; column++)
		if (table->widths[column] > 0)
			width += table->widths[column] + (width > 0 ? GAP : 0);
	return width;
}

/* Measures what would stand there, then leaves columns out until it fits. */
static void fit(struct table *table, struct fleet_pi *const *order, size_t count, size_t columns)
{
	char text[CELL_SIZE];

	for (enum column column = 0; column < COLUMNS; column++) {
		table->widths[column] = strlen(columns_of[column].title);
		for (size_t i = 0; i < count && column != COLUMN_EVENT; i++) {
			cell(table, order[i], column, text);
			if (strlen(text) > table->widths[column])
				table->widths[column] = strlen(text);
		}
	}
	/* What the column of its own would say comes into this one. */
	if (table->widths[COLUMN_STATE] < strlen(presence_words[FLEET_OFFLINE]))
		table->widths[COLUMN_STATE] = strlen(presence_words[FLEET_OFFLINE]);
	if (table->widths[COLUMN_ID] > ID_WIDEST)
		table->widths[COLUMN_ID] = ID_WIDEST;
	table->widths[COLUMN_EVENT] = EVENT_LEAST;
	while (width_of(table) > columns) {
		enum column worst = 0;

		for (enum column column = 0; column < COLUMNS; column++)
			if (table->widths[column] > 0 &&
			    columns_of[column].drop > columns_of[worst].drop)
				worst = column;
		if (columns_of[worst].drop == 0)
			break;
		table->widths[worst] = 0;
	}
	if (table->widths[COLUMN_EVENT] > 0)
		table->widths[COLUMN_EVENT] += columns - width_of(table);
}

static void print_cell(FILE *out, const struct table *table, enum column column, enum tone tone,
		       char *text)
{
	size_t width = table->widths[column], length = strlen(text);
	int pad;

	if (length > width) {
		text[width - 1] = '~';
		text[width] = '\0';
		length = width;
	}
	pad = (int)(width - length);
	if (columns_of[column].right)
		fprintf(out, "%*s", pad, "");
	tone_start(out, table->style, tone);
	fputs(text, out);
	tone_end(out, table->style, tone);
	/* Nothing follows the last one. */
	if (!columns_of[column].right && column != COLUMN_EVENT)
		fprintf(out, "%*s", pad, "");
}

/* pi is NULL for the titles. */
static void print_row(FILE *out, const struct table *table, const struct fleet_pi *pi)
{
	char text[CELL_SIZE];

	for (enum column column = 0; column < COLUMNS; column++) {
		if (table->widths[column] == 0)
			continue;
		if (column != COLUMN_ID)
			fprintf(out, "%*s", GAP, "");
		if (pi == NULL)
			snprintf(text, sizeof(text), "%s", columns_of[column].title);
		else
			cell(table, pi, column, text);
		print_cell(out, table, column, pi == NULL ? TONE_FAINT : tone_of(pi, column, text),
			   text);
	}
	fputc('\n', out);
}

void fleet_print_table(FILE *out, const struct style *style, struct fleet_pi *const *order,
		       size_t count, int64_t now_ns, size_t columns)
{
	struct table table = {.style = style, .now_ns = now_ns};

	fit(&table, order, count, columns);
	print_row(out, &table, NULL);
	for (size_t i = 0; i < count; i++)
		print_row(out, &table, order[i]);
}

void fleet_print_count(FILE *out, struct fleet_pi *const *order, size_t count)
{
	size_t counts[sizeof(presence_words) / sizeof(presence_words[0])] = {0};

	for (size_t i = 0; i < count; i++)
		counts[order[i]->presence]++;
	fprintf(out, "%zu Pi%s: %zu online, %zu stale, %zu offline", count, count == 1 ? "" : "s",
		counts[FLEET_ONLINE], counts[FLEET_STALE], counts[FLEET_OFFLINE]);
}

void fleet_print_ignored(FILE *out, const struct ctl_fleet *fleet)
{
	if (fleet->ignored > 0)
		fprintf(out, "messages that were not understood: %llu\n",
			(unsigned long long)fleet->ignored);
	if (fleet->crowded > 0)
		fprintf(out, "messages of more than %d Pis: %llu\n", FLEET_PIS,
			(unsigned long long)fleet->crowded);
}

static void json_known(struct json *json, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_text(json, key, text);
}

void fleet_print_json(FILE *out, const struct fleet_pi *pi, int64_t now_ns)
{
	static const struct {
		const char *key;
		unsigned digits;
	} keys[FLEET_READINGS] = {
		[FLEET_WEIGHT] = {"weight", 0},
		[FLEET_MAXCONN] = {"maxconn", 0},
		[FLEET_HEADROOM] = {"headroom_bytes", 0},
		[FLEET_TIME_TO_SWAP] = {"time_to_swap_s", 3},
		[FLEET_TEMPERATURE] = {"temp_c", 3},
		[FLEET_REQUESTS] = {"requests_s", 3},
	};
	/* All texts with every byte escaped as six, 16 numbers of 21 digits, names. */
	char buffer[4096];
	struct json json;

	json_start(&json, buffer, sizeof(buffer));
	json_object(&json, NULL);
	json_text(&json, "id", pi->id);
	json_text(&json, "presence", presence_words[pi->presence]);
	json_known(&json, "state", pi->state);
	json_known(&json, "reason", pi->reason);
	for (size_t i = 0; i < FLEET_READINGS; i++)
		if (pi->known[i])
			json_decimal(&json, keys[i].key, pi->readings[i], keys[i].digits);
	json_known(&json, "sd_health", pi->sd_health);
	if (pi->heard_ns != 0)
		json_int(&json, "age_ms", (now_ns - pi->heard_ns) / NS_PER_MS);
	if (pi->event_ns != 0) {
		json_object(&json, "event");
		json_known(&json, "kind", pi->event_kind);
		json_known(&json, "severity", pi->event_severity);
		json_known(&json, "text", pi->event_text);
		json_int(&json, "age_ms", (now_ns - pi->event_ns) / NS_PER_MS);
		json_object_end(&json);
	}
	json_object_end(&json);
	if (json_finish(&json) > 0)
		fprintf(out, "%s\n", buffer);
}
