/* SPDX-License-Identifier: MIT */
/* Texts from templates: placeholders, refusals, numbers for people, nothing that becomes a link; and days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "agent/utf8.h"
#include "notifiers/post_daily.h"
#include "notifiers/post_template.h"
#include "notifiers/post_words.h"

#define SHORT_LIST "{id}, {time}, {state}"

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static const char *rendered(const char *text, const struct post_values *values)
{
	static char buffer[POST_RENDERED_SIZE];

	post_template_render(text, values, buffer, sizeof(buffer));
	return buffer;
}

static void test_values(void **state)
{
	const struct decision decision = {.state = CONTROL_SHED,
					  .reason = "memory shrinks 12 MB/s",
					  .weight_pct = 60,
					  .maxconn = 8,
					  .maxconn_known = true,
					  .headroom_known = true,
					  .headroom_bytes = 412000000};
	const struct post_values values = {
		.id = "pi3",
		.wall_ms = INT64_C(1795255213043),
		.decision = &decision,
		.event = "mmcblk0: gone",
		.duration_s = {true, 754},
		.uptime_s = {true, 93784},
		.temp = {true, 61249},
		.requests = {true, 12345},
		.day_s = {true, 86400},
		.day_requests = {true, 1512345},
		.day_temp_max = {true, 70000},
		.day_headroom_min = {true, 98765432},
	};

	(void)state;
	set_zone("UTC");
	assert_string_equal(rendered("{id} {time}", &values), "pi3 21 Nov 10:00:13 UTC");
	assert_string_equal(rendered("{state}: {reason}, {weight} %, {maxconn}", &values),
			    "shed: memory shrinks 12 MB/s, 60 %, 8");
	assert_string_equal(rendered("{headroom} {temp} {requests_s} {uptime}", &values),
			    "412 MB 61.2 \u00b0C 12.3 1 day 2 h");
	assert_string_equal(rendered("{duration} {event}", &values), "12 min mmcblk0: gone");
	assert_string_equal(rendered("{day_requests} {day_temp_max} {day_headroom_min}", &values),
			    "1.5 million 70.0 \u00b0C 98 MB");
	assert_string_equal(rendered("{{{id}}} }}{{", &values), "{pi3} }{");
	assert_string_equal(rendered("", &values), "");
}

/* Never 0, never empty. */
static void test_unknown(void **state)
{
	static const char *const names[] = {"state",	       "reason",       "weight",
					    "maxconn",	       "headroom",     "temp",
					    "uptime",	       "requests_s",   "duration",
					    "event",	       "day_requests", "day_temp_max",
					    "day_headroom_min"};
	const struct decision empty = {.maxconn = 3};
	const struct post_values nothing = {.id = "pi"}, blank = {.id = "pi", .decision = &empty};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "{%s}", names[i]);
		assert_string_equal(rendered(text, &nothing), "unknown");
	}
	assert_string_equal(rendered("{reason} {maxconn} {headroom}", &blank),
			    "unknown unknown unknown");
}

static void test_part_of_a_day(void **state)
{
	struct post_values values = {
		.id = "pi", .day_s = {true, 5 * 3600}, .day_requests = {true, 1234}};

	(void)state;
	assert_string_equal(rendered("{day_requests}", &values), "1,234 (of 5 h 0 min)");
	values.day_s.value = 23 * 3600;
	assert_string_equal(rendered("{day_requests}", &values), "1,234");
}

static void test_defused(void **state)
{
	static const char *const rows[][2] = {
		{"pi1.example.net", "pi1\u00b7example\u00b7net"},
		{"https://example.org/x", "https example\u00b7org/x"},
		{"@pi #3 $5", "_pi _3 _5"},
		{"error -110. 1.5 s, v2.0.", "error -110. 1.5 s, v2.0."},
		{"a.b.c..d", "a\u00b7b\u00b7c.\u00b7d"},
		{"\x1b[2J\n\xc3\xbc\xef\xbc\xa0x", "?[2J??????x"}, /* U+FF20 is an @, too */
		{"", ""},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		post_words_defuse(text, sizeof(text), rows[i][0]);
		assert_string_equal(text, rows[i][1]);
	}
	/* Cut, not in the middle of a character. */
	for (size_t size = 3; size < 12; size++) {
		post_words_defuse(text, size, "a.b.c.d");
		assert_true(strlen(text) < size && utf8_valid(text));
	}
}

static void test_refused(void **state)
{
	static const struct {
		enum post_kind kind;
		const char *text, *error;
	} rows[] = {
		{POST_START, "{host}", "{host} is unknown here; there are " SHORT_LIST},
		{POST_START, "{}", "{} is unknown"},
		{POST_START, "{ID}", "{ID} is unknown"},
		{POST_START, "{id", "'{' without its other half"},
		{POST_START, "{", "'{' without its other half"},
		{POST_START, "a } b", "'}' without its other half; write }}"},
		{POST_START, "{id}}", "'}' without"},
		{POST_START, "{{id}", "'}' without"},
		{POST_START, "{id{time}}", "'{' without"},
		{POST_SHED, "{event}", "{event} is unknown here"},
		{POST_INCIDENT, "{duration}", "{duration} is unknown here"},
		{POST_NORMAL, "{day_requests}", "unknown here"},
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(post_template_check("text_x", rows[i].kind, rows[i].text, error,
						     sizeof(error)),
				 -22);
		if (strncmp(error, "text_x: ", 8) != 0 || !strstr(error, rows[i].error))
			fail_msg("%s: %s", rows[i].text, error);
	}
	assert_int_equal(post_template_check("k", POST_NORMAL, "{{}} {duration}", error, 99), 0);
	assert_int_equal(post_template_check("k", POST_DAILY, "{day_temp_max}", error, 99), 0);
	assert_int_equal(post_template_check("k", POST_INCIDENT, "{event}", error, 99), 0);
}

/* As many of the longest values as a line of the file can hold. */
static void test_longest(void **state)
{
	char event[EVENT_TEXT_SIZE], text[POST_TEMPLATE_SIZE] = "";
	const struct post_values values = {.id = "pi", .event = event};

	(void)state;
	memset(event, 'x', sizeof(event));
	for (size_t i = 0; i + 2 < sizeof(event); i += 2)
		event[i] = '.';
	event[sizeof(event) - 1] = '\0';
	while (strlen(text) + 8 < sizeof(text))
		strcat(text, "{event}");
	assert_int_equal(strlen(rendered(text, &values)) >= POST_RENDERED_SIZE - 5, 1);
	assert_true(utf8_valid(rendered(text, &values)));
}

static void test_numbers(void **state)
{
	static const struct {
		void (*fn)(char text[static POST_WORDS_SIZE], int64_t value);
		int64_t value;
		const char *text;
	} rows[] = {
		{post_words_bytes, -5, "nothing"},
		{post_words_bytes, 0, "nothing"},
		{post_words_bytes, 999, "0.9 kB"},
		{post_words_bytes, 9999999, "9.9 MB"},
		{post_words_bytes, 999999999, "999 MB"},
		{post_words_bytes, 1200000000, "1.2 GB"},
		{post_words_bytes, INT64_MAX, "9223372036 GB"},
		{post_words_count, 0, "0"},
		{post_words_count, 999, "999"},
		{post_words_count, 1000, "1,000"},
		{post_words_count, 999999, "999,999"},
		{post_words_count, 2000000, "2 million"},
		{post_words_count, 1500000000, "1.5 billion"},
		{post_words_celsius, -40, "0.0 \u00b0C"},
		{post_words_celsius, -950, "-1.0 \u00b0C"},
		{post_words_celsius, -60, "-0.1 \u00b0C"},
		{post_words_milli, 999960, "1000.0"},
		{post_words_milli, INT64_MIN, "-9223372036854775.8"},
		{post_words_span, -1, "0 s"},
		{post_words_span, 59, "59 s"},
		{post_words_span, 3599, "59 min"},
		{post_words_span, 12000, "3 h 20 min"},
		{post_words_span, 2 * 86400 + 3 * 3600, "2 days 3 h"},
	};
	char text[POST_WORDS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].fn(text, rows[i].value);
		assert_string_equal(text, rows[i].text);
	}
}

/* The hour that comes twice has two names. */
static void test_time(void **state)
{
	char text[POST_WORDS_SIZE];

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	post_words_time(text, INT64_C(1792888200000)); /* 2026-10-25 00:30 UTC */
	assert_string_equal(text, "25 Oct 02:30:00 CEST");
	post_words_time(text, INT64_C(1792891800000));
	assert_string_equal(text, "25 Oct 02:30:00 CET");
	set_zone("UTC");
}

/* How often a summary is due from start on, looked at each minute. */
static unsigned count_due(const char *at, int64_t start_s, int64_t minutes, int64_t *day)
{
	unsigned count = 0;

	for (int64_t i = 0; i < minutes; i++)
		count += post_daily_due(at, (start_s + 60 * i) * 1000, day);
	return count;
}

#define NOON INT64_C(1790942400) /* 2026-10-02 12:00 UTC */

static void test_daily(void **state)
{
	int64_t day = 0;

	(void)state;
	set_zone("UTC");
	/* First seen at noon: 20:00 is still to come, 08:00 is past. */
	assert_int_equal(count_due("20:00", NOON, 8 * 60, &day), 0);
	assert_int_equal(count_due("20:00", NOON + 8 * 3600, 1, &day), 1);
	assert_int_equal(count_due("20:00", NOON + 8 * 3600, 4 * 60, &day), 0);
	day = 0;
	assert_int_equal(count_due("08:00", NOON, 12 * 60, &day), 0);
	assert_int_equal(count_due("08:00", NOON, 3 * 1440, &day), 3);
	/* Switched off from before the time until after it. */
	assert_int_equal(count_due("08:00", NOON + 4 * 86400, 1, &day), 1);
	assert_int_equal(count_due("00:00", NOON + 5 * 86400, 1, &day), 1);
	assert_int_equal(count_due("23:59", NOON + 6 * 86400, 12 * 60, &day), 1);
}

/* A year of days, each with one summary, also where 02:30 is missing or comes twice. */
static void test_daily_and_summer_time(void **state)
{
	static const char *const zones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0",
					    "<+0530>-5:30", "<+13>-13"};

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		int64_t day = 0;

		set_zone(zones[i]);
		assert_int_equal(count_due("02:30", NOON, 400 * 1440, &day), 400);
	}
	set_zone("UTC");
}

static void test_daily_and_clock_steps(void **state)
{
	int64_t day = 0;

	(void)state;
	set_zone("UTC");
	assert_int_equal(count_due("20:00", NOON, 1440, &day), 1);
	/* Back by an hour, over 20:00; and back over midnight: not again. */
	assert_int_equal(count_due("20:00", NOON + 7 * 3600, 180, &day), 0);
	assert_int_equal(count_due("20:00", NOON - 20 * 3600, 180, &day), 0);
	/* The clock had been ahead by a year: it goes on from there without one. */
	assert_int_equal(count_due("20:00", NOON + 365 * 86400, 1440, &day), 1);
	assert_int_equal(count_due("20:00", NOON + 86400, 60, &day), 0);
	assert_int_equal(count_due("20:00", NOON + 86400, 1440, &day), 1);
	/* And from 1970 to now: that day is past or to come. */
	day = 0;
	assert_int_equal(count_due("20:00", 60, 10, &day), 0);
	assert_int_equal(count_due("20:00", NOON, 60, &day), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_part_of_a_day),
		cmocka_unit_test(test_defused),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_daily),
		cmocka_unit_test(test_daily_and_summer_time),
		cmocka_unit_test(test_daily_and_clock_steps),
	};

	return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
