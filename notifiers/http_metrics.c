/* SPDX-License-Identifier: MIT */
/*
 * The two formats differ in little: OpenMetrics has types of its own for words ("stateset") and texts ("info"),
 * names a counter's family without "_total", says units, and ends with a line that proves it is whole.
 * The older one gets gauges with the same names and labels, so that a query works with both. The names are
 * those of the state document, as the contract has it; a unit is said where a name ends in it, which is the
 * only place where OpenMetrics permits it.
 *
 * What is unknown has no series, because any number would be a lie; that it is unknown, and why, is a
 * series of its own. Each different label makes a new series in the database for ever, so numbers within
 * reasons are replaced: "memory shrinks # MB/s" is one series, not a hundred.
 */
#include "notifiers/http_metrics.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/utf8.h"
#include "notifiers/http_reading.h"

/* The longest: a sentence of 190 bytes, each escaped. */
#define LABEL_SIZE 512
/* "hostingpi_", a group and a name, of which the longest have 4 and 24 bytes. */
#define FAMILY_SIZE 64

struct document {
	struct http_writer writer;
	bool openmetrics;
};

/* Writes a text as the value of a label, in quotes. */
static void write_label(struct document *document, const char *text, bool numbers)
{
	char value[LABEL_SIZE];
	size_t used = 0;

	while (*text && used < sizeof(value) - 5) {
		size_t length = utf8_length(text);

		if (length == 0 || (unsigned char)*text < ' ') {
			value[used++] = '?';
			text++;
		} else if (*text == '"' || *text == '\\') {
			value[used++] = '\\';
			value[used++] = *text++;
		} else if (!numbers && isdigit((unsigned char)*text)) {
			value[used++] = '#';
			text += strspn(text, "0123456789.");
		} else {
			memcpy(value + used, text, length);
			used += length;
			text += length;
		}
	}
	value[used] = '\0';
	http_write(&document->writer, "\"%s\"", value);
}

/* The last word of the name, where it is a unit that both sides call the same. */
static const char *find_unit(const char *family)
{
	static const char *const units[] = {"bytes", "ratio"};
	const char *last = strrchr(family, '_');

	for (size_t i = 0; last && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(last + 1, units[i]) == 0)
			return units[i];
	}
	return NULL;
}

/* suffix: what samples have and the family's name has not, in OpenMetrics. */
static void begin_family(struct document *document, const char *family, const char *suffix,
			 const char *type, const char *help)
{
	bool openmetrics = document->openmetrics;
	const char *unit = find_unit(family), *end = openmetrics ? "" : suffix;

	http_write(&document->writer, "# TYPE %s%s %s\n", family, end,
		   openmetrics || strcmp(type, "counter") == 0 ? type : "gauge");
	if (openmetrics && unit)
		http_write(&document->writer, "# UNIT %s %s\n", family, unit);
	/* Our own sentences: none has a character that had to be escaped. */
	http_write(&document->writer, "# HELP %s%s %s\n", family, end, help);
}

/* "hostingpi_GROUP_NAME", of a counter without the "_total" that its samples have in any case. */
static void write_family(const struct http_reading *reading, char ret_family[FAMILY_SIZE])
{
	static const char total[] = "_total";
	int length = snprintf(ret_family, FAMILY_SIZE, "hostingpi_%s_%s", reading->metric->group,
			      reading->name);
	size_t bare = (size_t)length - (sizeof(total) - 1);

	if (reading->metric->kind == METRIC_COUNTER && !reading->rate &&
	    strcmp(ret_family + bare, total) == 0)
		ret_family[bare] = '\0';
}

static void write_words(struct document *document, const char *family,
			const struct http_reading *reading)
{
	begin_family(document, family, "", "stateset", reading->metric->help);
	for (int64_t i = 0; reading->metric->words[i]; i++)
		http_write(&document->writer, "%s{%s=\"%s\"} %d\n", family, family,
			   reading->metric->words[i], reading->value == i);
}

static void write_text(struct document *document, const char *family,
		       const struct http_reading *reading)
{
	begin_family(document, family, "_info", "info", reading->metric->help);
	http_write(&document->writer, "%s_info{%s=", family, reading->name);
	write_label(document, reading->text, !strstr(reading->name, "reason"));
	http_write(&document->writer, "} 1\n");
}

static void write_rate(struct document *document, const char *family,
		       const struct http_reading *reading)
{
	char help[160];

	snprintf(help, sizeof(help), "%s, per second", reading->metric->help);
	begin_family(document, family, "", "gauge", help);
	http_write(&document->writer, "%s %s\n", family, reading->number);
}

static void write_reading(struct document *document, const struct http_reading *reading)
{
	const struct metric *metric = reading->metric;
	char family[FAMILY_SIZE];

	write_family(reading, family);
	if (reading->rate) {
		write_rate(document, family, reading);
	} else if (metric->unit == UNIT_WORD) {
		write_words(document, family, reading);
	} else if (metric->unit == UNIT_TEXT) {
		write_text(document, family, reading);
	} else if (metric->kind == METRIC_COUNTER) {
		begin_family(document, family, "_total", "counter", metric->help);
		http_write(&document->writer, "%s_total %s\n", family, reading->number);
	} else {
		begin_family(document, family, "", "gauge", metric->help);
		http_write(&document->writer, "%s %s\n", family, reading->number);
	}
}

static void write_fact(struct document *document, const char *separator, const char *name,
		       const char *text)
{
	if (!text)
		return;
	http_write(&document->writer, "%s%s=", separator, name);
	write_label(document, text, true);
}

static void write_about(struct document *document, const struct about *about)
{
	begin_family(document, "hostingpi", "_info", "info", "what this Pi and its agent are");
	http_write(&document->writer, "hostingpi_info{");
	write_fact(document, "", "id", about->id);
	write_fact(document, ",", "version", about->version);
	write_fact(document, ",", "model", about->model);
	write_fact(document, ",", "kernel", about->kernel);
	write_fact(document, ",", "firmware", about->firmware);
	http_write(&document->writer, "} 1\n");
}

static void write_unknown(struct document *document, const struct snapshot *snapshot)
{
	struct http_reading reading;

	begin_family(document, "hostingpi_unknown", "", "gauge",
		     "readings without a value now, and why");
	for (size_t i = 0; i < http_reading_positions(snapshot); i++) {
		if (!http_reading_get(snapshot, i, &reading) || !reading.unknown)
			continue;
		http_write(&document->writer,
			   "hostingpi_unknown{reading=\"%s.%s\",reason=", reading.metric->group,
			   reading.name);
		write_label(document, reading.unknown, false);
		http_write(&document->writer, "} 1\n");
	}
}

int http_metrics_write(const struct snapshot *snapshot, const struct about *about, bool openmetrics,
		       char *buffer, size_t size)
{
	struct document document = {.writer = {.buffer = buffer, .size = size},
				    .openmetrics = openmetrics};
	struct http_reading reading;

	write_about(&document, about);
	for (size_t i = 0; i < http_reading_positions(snapshot); i++) {
		if (http_reading_get(snapshot, i, &reading) && !reading.unknown)
			write_reading(&document, &reading);
	}
	write_unknown(&document, snapshot);
	if (openmetrics)
		http_write(&document.writer, "# EOF\n");
	return http_writer_end(&document.writer);
}
