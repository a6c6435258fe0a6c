/* SPDX-License-Identifier: MIT */
/*
 * The metric says in what integer a reading travels; what it is for people, the end of its name says
 * (CONTRIBUTING: the unit is in the name). Bytes are counted in powers of 1024 as hostingpictl does.
 * Between number and unit stands a no-break space.
 *
 * Local time is that of localtime_r(), which reads the zone from the disk once: whoever serves the page
 * calls tzset() when it opens.
 */
#include "notifiers/page_units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NBSP "\u00a0"

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

char *units_count(char text[static UNITS_SIZE], int64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude(count));
	char *at = text;

	if (count < 0)
		*at++ = '-';
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return text;
}

char *units_milli(char text[static UNITS_SIZE], int64_t milli, unsigned decimals)
{
	static const unsigned steps[] = {1000, 100, 10, 1};
	unsigned step = steps[decimals];
	uint64_t scaled = (magnitude(milli) + step / 2) / step;
	unsigned parts = 1000 / step;
	unsigned fraction = (unsigned)(scaled % parts);

	units_count(text, (int64_t)(scaled / parts));
	if (milli < 0 && scaled > 0) {
		memmove(text + 1, text, strlen(text) + 1);
		text[0] = '-';
	}
	for (; decimals > 0 && fraction % 10 == 0; decimals--)
		fraction /= 10;
	if (decimals > 0)
		snprintf(text + strlen(text), 8, ".%0*u", (int)decimals, fraction);
	return text;
}

/* Three digits that count: 1.25, 12.5, 125. */
static unsigned choose_decimals(int64_t milli)
{
	uint64_t size = magnitude(milli);

	return size < 9995 ? 2 : size < 99950 ? 1 : 0;
}

char *units_bytes(char text[static UNITS_SIZE], int64_t bytes)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;
	uint64_t size = magnitude(bytes);

	while (size >> (10 * unit) >= 1000 && unit + 1 < sizeof(names) / sizeof(names[0]))
		unit++;
	/* Of the next smaller unit there are less than a million, which can be multiplied. */
	int64_t milli =
		unit == 0 ? bytes * 1000 : bytes / (INT64_C(1) << (10 * (unit - 1))) * 1000 / 1024;
	units_milli(text, milli, unit == 0 ? 0 : choose_decimals(milli));
	snprintf(text + strlen(text), 8, NBSP "%s", names[unit]);
	return text;
}

char *units_span(char text[static UNITS_SIZE], int64_t seconds)
{
	int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

	if (days >= 1000)
		snprintf(text, UNITS_SIZE, "%" PRId64 NBSP "days", days);
	else if (days > 0)
		snprintf(text, UNITS_SIZE, "%d" NBSP "day%s" NBSP "%d" NBSP "h", (int)days,
			 days == 1 ? "" : "s", (int)hours);
	else if (hours > 0)
		snprintf(text, UNITS_SIZE, "%d" NBSP "h" NBSP "%d" NBSP "min", (int)hours,
			 (int)minutes);
	else if (minutes >= 10 || (minutes > 0 && seconds % 60 == 0))
		snprintf(text, UNITS_SIZE, "%d" NBSP "min", (int)minutes);
	else if (minutes > 0)
		snprintf(text, UNITS_SIZE, "%d" NBSP "min" NBSP "%d" NBSP "s", (int)minutes,
			 (int)(seconds % 60));
	else
		snprintf(text, UNITS_SIZE, "%d" NBSP "s", seconds > 0 ? (int)seconds : 0);
	return text;
}

char *units_ago(char text[static UNITS_SIZE], int64_t ms)
{
	int64_t seconds = ms / 1000;

	if (seconds < 2)
		snprintf(text, UNITS_SIZE, "just now");
	else
		strcat(units_span(text, seconds < 60 ? seconds : seconds - seconds % 60), " ago");
	return text;
}

static bool break_down(int64_t wall_ms, struct tm *ret_local)
{
	time_t seconds = (time_t)(wall_ms / 1000);

	return localtime_r(&seconds, ret_local) != NULL;
}

static char *unknown_time(char text[static UNITS_SIZE])
{
	snprintf(text, UNITS_SIZE, "at an unknown time");
	return text;
}

char *units_clock(char text[static UNITS_SIZE], int64_t wall_ms, int64_t now_ms)
{
	struct tm at, now;

	if (!break_down(wall_ms, &at) || !break_down(now_ms, &now))
		return unknown_time(text);
	bool today = at.tm_yday == now.tm_yday && at.tm_year == now.tm_year;
	if (strftime(text, UNITS_SIZE, today ? "%T" : "%-d" NBSP "%b, %T", &at) == 0)
		return unknown_time(text);
	return text;
}

char *units_hour(char text[static UNITS_SIZE], int64_t wall_ms)
{
	struct tm at;

	if (!break_down(wall_ms, &at) || strftime(text, UNITS_SIZE, "%H:%M", &at) == 0)
		return unknown_time(text);
	return text;
}

char *units_date(char text[static UNITS_SIZE], int64_t wall_ms)
{
	struct tm at;

	if (!break_down(wall_ms, &at) ||
	    strftime(text, UNITS_SIZE, "%-d" NBSP "%b" NBSP "%Y, %T" NBSP "%Z", &at) == 0)
		return unknown_time(text);
	if (at.tm_gmtoff != 0) {
		long minutes = (at.tm_gmtoff < 0 ? -at.tm_gmtoff : at.tm_gmtoff) / 60;
		size_t used = strlen(text);

		snprintf(text + used, UNITS_SIZE - used, " (UTC%c%02ld:%02ld)",
			 at.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
	}
	return text;
}

char *units_stamp(char text[static UNITS_SIZE], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm at;

	/* A time element without a valid time is an error: then the beginning of time. */
	if (!gmtime_r(&seconds, &at) || at.tm_year < -1900 || at.tm_year > 8099 ||
	    strftime(text, UNITS_SIZE, "%Y-%m-%dT%H:%M:%SZ", &at) == 0)
		snprintf(text, UNITS_SIZE, "1970-01-01T00:00:00Z");
	return text;
}

int64_t units_zone_s(int64_t wall_ms)
{
	struct tm at;

	return break_down(wall_ms, &at) ? at.tm_gmtoff : 0;
}
