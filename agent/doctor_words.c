/* SPDX-License-Identifier: MIT */
/*
 * Readings for people: their names as in the documents, their values with a unit that fits their size. The
 * documents have the base units.
 */
#include "agent/doctor_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define S_PER_DAY (24 * 3600)

void doctor_name(const struct metric *metric, bool rate, char *ret_name, size_t size)
{
	const char *name = rate ? metric->rate_name : metric->name;
	if (name)
		snprintf(ret_name, size, "%s.%s", metric->group, name);
	else
		snprintf(ret_name, size, "%s: %s", metric->group, metric->help);
}

/* Value / scale, as a whole number or with one decimal place. */
static void print_scaled(char *text, size_t size, int64_t value, int64_t scale, const char *unit)
{
	if (value % scale == 0)
		snprintf(text, size, "%" PRId64 "%s", value / scale, unit);
	else
		snprintf(text, size, "%.1f%s", (double)value / (double)scale, unit);
}

static void print_bytes(char *text, size_t size, int64_t value, const char *after)
{
	static const char *const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
	int64_t scale = 1;
	size_t unit = 0;
	char words[16];
	/* Division: the product of the largest scale and 1024 would still fit, a value's might not. */
	while (unit + 1 < sizeof(units) / sizeof(units[0]) && value / scale >= 1024) {
		scale *= 1024;
		unit++;
	}
	snprintf(words, sizeof(words), "%s%s", units[unit], after);
	print_scaled(text, size, value, scale, words);
}

/* Thousandths of which unit it are, only the end of the name says. */
static const char *unit_of_name(const char *name)
{
	static const struct {
		const char *end, *unit;
	} units[] = {{"_ms", " ms"}, {"_s", " s"}, {"_v", " V"}, {"_a", " A"}, {"_w", " W"}};
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t end = strlen(units[i].end);

		if (length > end && strcmp(name + length - end, units[i].end) == 0)
			return units[i].unit;
	}
	return "";
}

/* A rate arrives in thousandths of the unit per second. */
void doctor_value(const struct metric *metric, int64_t value, bool rate, char *text, size_t size)
{
	const char *after = rate ? "/s" : "";
	int64_t scale = rate ? 1000 : 1;

	switch (metric->unit) {
	case UNIT_COUNT:
		print_scaled(text, size, value, scale, after);
		return;
	case UNIT_BYTES:
		print_bytes(text, size, value / scale, after);
		return;
	case UNIT_MS:
		print_scaled(text, size, value, scale, rate ? " ms/s" : " ms");
		return;
	case UNIT_US:
		print_scaled(text, size, value, scale * 1000, rate ? " ms/s" : " ms");
		return;
	case UNIT_S:
		if (!rate && value >= 2 * S_PER_DAY)
			snprintf(text, size, "%" PRId64 " days", value / S_PER_DAY);
		else
			print_scaled(text, size, value, scale, rate ? " s/s" : " s");
		return;
	case UNIT_HZ:
		print_scaled(text, size, value, scale * 1000000, " MHz");
		return;
	case UNIT_MILLI:
		print_scaled(text, size, value, scale * 1000,
			     rate ? after : unit_of_name(metric->name));
		return;
	case UNIT_MILLI_CELSIUS:
		print_scaled(text, size, value, scale * 1000, " C");
		return;
	case UNIT_PPM:
		print_scaled(text, size, value, scale * 10000, " %");
		return;
	case UNIT_BOOL:
		snprintf(text, size, "%s", value ? "yes" : "no");
		return;
	case UNIT_WORD:
		snprintf(text, size, "%s", metric->words[value]);
		return;
	case UNIT_TEXT:
		break; /* travels as text */
	}
}
