/* SPDX-License-Identifier: MIT */
/*
 * Nothing here depends on the locale, which the daemon does not set: month names are English, a comma
 * parts thousands. The local time zone is that of localtime_r().
 */
#include "notifiers/post_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* One decimal place below ten, none above: "1.2 GB", "412 MB". value >= 0. */
static void put_scaled(char text[static POST_WORDS_SIZE], int64_t value, int64_t scale,
		       const char *unit)
{
	int64_t tenths = value / (scale / 10);

	if (tenths < 100 && tenths % 10)
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 ".%d %s", tenths / 10,
			 (int)(tenths % 10), unit);
	else
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 " %s", tenths / 10, unit);
}

void post_words_bytes(char text[static POST_WORDS_SIZE], int64_t bytes)
{
	if (bytes <= 0)
		snprintf(text, POST_WORDS_SIZE, "nothing");
	else if (bytes < 1000000)
		put_scaled(text, bytes, 1000, "kB");
	else if (bytes < 1000000000)
		put_scaled(text, bytes, 1000000, "MB");
	else
		put_scaled(text, bytes, 1000000000, "GB");
}

void post_words_count(char text[static POST_WORDS_SIZE], int64_t count)
{
	if (count >= 1000000000)
		put_scaled(text, count, 1000000000, "billion");
	else if (count >= 1000000)
		put_scaled(text, count, 1000000, "million");
	else if (count >= 1000)
		snprintf(text, POST_WORDS_SIZE, "%d,%03d", (int)(count / 1000),
			 (int)(count % 1000));
	else
		snprintf(text, POST_WORDS_SIZE, "%" PRId64, count);
}

/* Rounded to tenths, with the sign of values between -1 and 0. */
void post_words_milli(char text[static POST_WORDS_SIZE], int64_t milli)
{
	uint64_t tenths = ((milli < 0 ? -(uint64_t)milli : (uint64_t)milli) + 50) / 100;

	snprintf(text, POST_WORDS_SIZE, "%s%" PRIu64 ".%d", milli < 0 && tenths ? "-" : "",
		 tenths / 10, (int)(tenths % 10));
}

void post_words_celsius(char text[static POST_WORDS_SIZE], int64_t milli)
{
	char number[POST_WORDS_SIZE];

	post_words_milli(number, milli);
	snprintf(text, POST_WORDS_SIZE, "%.40s \u00b0C", number);
}

void post_words_span(char text[static POST_WORDS_SIZE], int64_t seconds)
{
	int64_t days = seconds / DAY, hours = seconds % DAY / HOUR;
	int64_t minutes = seconds % HOUR / MINUTE;

	if (days)
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 " day%s %" PRId64 " h", days,
			 days == 1 ? "" : "s", hours);
	else if (hours)
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 " h %" PRId64 " min", hours, minutes);
	else if (minutes)
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 " min", minutes);
	else
		snprintf(text, POST_WORDS_SIZE, "%" PRId64 " s", seconds > 0 ? seconds : 0);
}

void post_words_time(char text[static POST_WORDS_SIZE], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local;

	if (!localtime_r(&seconds, &local) ||
	    !strftime(text, POST_WORDS_SIZE, "%-d %b %H:%M:%S %Z", &local))
		snprintf(text, POST_WORDS_SIZE, "unknown");
}

void post_words_defuse(char *ret_text, size_t size, const char *text)
{
	static const char dot[] = "\u00b7";
	size_t used = 0;

	/* The dot is the widest, two bytes. */
	for (; *text && used + sizeof(dot) <= size; text++) {
		if (*text < ' ' || *text > '~') {
			ret_text[used++] = '?';
		} else if (strchr("@#$", *text)) {
			ret_text[used++] = '_';
		} else if (strncmp(text, "://", 3) == 0) {
			ret_text[used++] = ' ';
			text += 2;
		} else if (*text == '.' && isalpha((unsigned char)text[1])) {
			memcpy(ret_text + used, dot, sizeof(dot) - 1);
			used += sizeof(dot) - 1;
		} else {
			ret_text[used++] = *text;
		}
	}
	ret_text[used] = '\0';
}
