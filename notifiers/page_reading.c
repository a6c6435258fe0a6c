/* SPDX-License-Identifier: MIT */
/*
 * One reading for people. The unit of the integer comes from the metric; where that is only a count or
 * thousandths of something, the end of the name tells what it is of.
 */
#include <stdio.h>
#include <string.h>

#include "notifiers/page_units.h"

#define NBSP "\u00a0"

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcmp(name + length - tail, end) == 0;
}

static const char *find_suffix(const char *name)
{
	static const struct {
		const char *end, *unit;
	} units[] = {
		{"_rpm", NBSP "rpm"}, {"_ms", NBSP "ms"}, {"_v", NBSP "V"},
		{"_w", NBSP "W"},     {"_a", NBSP "A"},	  {"weight", NBSP "%"},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ends_with(name, units[i].end))
			return units[i].unit;
	return "";
}

/* Below 100 with one decimal, above without. */
static unsigned choose_decimals(int64_t milli)
{
	return milli > -99950 && milli < 99950;
}

static void append(char text[static UNITS_SIZE], const char *tail)
{
	size_t used = strlen(text);

	snprintf(text + used, UNITS_SIZE - used, "%s", tail);
}

static void put_percent(char text[static UNITS_SIZE], int64_t millionths)
{
	append(units_milli(text, millionths / 10, choose_decimals(millionths / 10)), NBSP "%");
}

static char *put_rate(char text[static UNITS_SIZE], const struct metric *metric, int64_t rate_milli)
{
	switch (metric->unit) {
	case UNIT_BYTES:
		append(units_bytes(text, rate_milli / 1000), "/s");
		return text;
	case UNIT_US: /* milliseconds per second */
		append(units_milli(text, rate_milli / 1000, 2), NBSP "ms/s");
		return text;
	case UNIT_PPM: /* a share */
		put_percent(text, rate_milli / 1000);
		return text;
	case UNIT_COUNT:
	case UNIT_MS:
	case UNIT_S:
	case UNIT_HZ:
	case UNIT_MILLI:
	case UNIT_MILLI_CELSIUS:
	case UNIT_BOOL:
	case UNIT_WORD:
	case UNIT_TEXT:
		break;
	}
	append(units_milli(text, rate_milli, choose_decimals(rate_milli)), "/s");
	return text;
}

static void put_milli(char text[static UNITS_SIZE], const char *name, int64_t value)
{
	if (ends_with(name, "_s")) {
		units_span(text, value / 1000);
		return;
	}
	units_milli(text, value, ends_with(name, "_ms") ? choose_decimals(value) : 2);
	append(text, find_suffix(name));
}

/* A name that does not end in _ms is a moment. */
static void put_ms(char text[static UNITS_SIZE], const char *name, int64_t value)
{
	if (ends_with(name, "_ms"))
		append(units_count(text, value), NBSP "ms");
	else
		units_date(text, value);
}

static void put_hertz(char text[static UNITS_SIZE], int64_t hertz)
{
	if (hertz >= 1000000000)
		append(units_milli(text, hertz / 1000000, 2), NBSP "GHz");
	else
		append(units_count(text, hertz / 1000000), NBSP "MHz");
}

char *units_reading(char text[static UNITS_SIZE], const struct metric *metric, bool rate,
		    int64_t value)
{
	const char *name = metric->name ? metric->name : "";

	if (rate)
		return put_rate(text, metric, value);
	switch (metric->unit) {
	case UNIT_COUNT:
		append(units_count(text, value), find_suffix(name));
		break;
	case UNIT_BYTES:
		units_bytes(text, value);
		break;
	case UNIT_MS:
		put_ms(text, name, value);
		break;
	case UNIT_US:
		append(units_count(text, value), NBSP "us");
		break;
	case UNIT_S:
		units_span(text, value);
		break;
	case UNIT_HZ:
		put_hertz(text, value);
		break;
	case UNIT_MILLI:
		put_milli(text, name, value);
		break;
	case UNIT_MILLI_CELSIUS:
		append(units_milli(text, value, 1), NBSP "\u00b0C");
		break;
	case UNIT_PPM:
		put_percent(text, value);
		break;
	case UNIT_BOOL:
		snprintf(text, UNITS_SIZE, value ? "yes" : "no");
		break;
	case UNIT_WORD:
		snprintf(text, UNITS_SIZE, "%s", metric->words[value]);
		break;
	case UNIT_TEXT:
		text[0] = '\0';
		break;
	}
	return text;
}

bool units_trouble(const struct metric *metric, int64_t value)
{
	static const char *const bad[] = {"errors", "timeouts", "oom_kills"};

	if (metric->unit == UNIT_BOOL)
		return value != 0;
	if (metric->unit != UNIT_COUNT || !metric->name || value == 0)
		return false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ends_with(metric->name, bad[i]))
			return true;
	return false;
}
