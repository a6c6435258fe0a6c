/* SPDX-License-Identifier: MIT */
/* What the status page is made of: escaping, numbers and times for people, scales. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "markup.h"

#include "agent/units.h"
#include "notifiers/page_course.h"
#include "notifiers/page_html.h"
#include "notifiers/page_units.h"

static const char *escape(const char *text)
{
	static char buffer[256];
	struct html html;

	html_start(&html, buffer, sizeof(buffer) - 1);
	html_text(&html, text);
	int length = html_finish(&html);
	assert_true(length >= 0);
	buffer[length] = '\0';
	return buffer;
}

static void test_escape(void **state)
{
	(void)state;
	assert_string_equal(escape("a<b>&\"c'"), "a&lt;b&gt;&amp;&#34;c&#39;");
	assert_string_equal(escape("Gr\u00fc\u00dfe \u65e5"), "Gr\u00fc\u00dfe \u65e5");
	assert_string_equal(escape("a\x01\x7f\xc2\x85z"), "a\ufffd\ufffd\ufffdz");
	assert_string_equal(escape("a\xff\xc3(z"), "a\ufffd\ufffd(z");
	/* What turns the direction of writing, and what does not. */
	assert_string_equal(escape("a\u202ez\u2066\u200f\u061c"), "a\ufffdz\ufffd\ufffd\ufffd");
	assert_string_equal(escape("\u2026\u05d0"), "\u2026\u05d0");
}

/* Random bytes, in a text and in an attribute, never become markup. */
static void test_random(void **state)
{
	static const char letters[] = "<>&\"'=/ abc-\xe2\x80\xae\xc2\xff\x01\n";
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
	char text[64], buffer[1024];

	(void)state;
	print_message("[          ] SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		struct html html;
		size_t length = (size_t)rand() % sizeof(text);
		for (size_t j = 0; j < length; j++)
			text[j] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		text[length < sizeof(text) ? length : sizeof(text) - 1] = '\0';
		html_start(&html, buffer, sizeof(buffer) - 1);
		html_put(&html, "<p title=\"");
		html_text(&html, text);
		html_put(&html, "\">");
		html_text(&html, text);
		html_put(&html, "</p>");
		int written = html_finish(&html);
		assert_true(written > 0);
		buffer[written] = '\0';
		assert_int_equal(markup_check(buffer), 1);
	}
}

static void test_full(void **state)
{
	char buffer[8] = "xxxxxxx";
	struct html html;

	(void)state;
	html_start(&html, buffer, 4);
	html_put(&html, "abc");
	size_t mark = html_mark(&html);
	html_text(&html, "&");
	assert_int_equal(html_finish(&html), -ENOSPC);
	html_put(&html, "d"); /* what fits behind a hole would be a silent cut */
	assert_int_equal(html_finish(&html), -ENOSPC);
	html_back(&html, mark);
	html_int(&html, -7);
	assert_int_equal(html_finish(&html), -ENOSPC);
	html_back(&html, mark);
	html_int(&html, 7);
	assert_int_equal(html_finish(&html), 4);
	assert_string_equal(buffer, "abc7xxx");
	html_start(&html, buffer, sizeof(buffer));
	html_format(&html, "%0600d", 1);
	assert_int_equal(html_finish(&html), -ENOSPC);
}

static void test_numbers(void **state)
{
	char text[UNITS_SIZE];

	(void)state;
	assert_string_equal(units_bytes(text, 0), "0\u00a0B");
	assert_string_equal(units_bytes(text, 999), "999\u00a0B");
	assert_string_equal(units_bytes(text, 1000), "0.98\u00a0KiB");
	assert_string_equal(units_bytes(text, 128 << 20), "128\u00a0MiB");
	assert_string_equal(units_bytes(text, INT64_C(1342177280)), "1.25\u00a0GiB");
	assert_string_equal(units_bytes(text, -(INT64_C(20) << 20)), "-20\u00a0MiB");
	assert_string_equal(units_bytes(text, INT64_MAX), "8\u00a0EiB");
	assert_string_equal(units_bytes(text, INT64_MIN), "-8\u00a0EiB");
	assert_string_equal(units_count(text, 1204331), "1,204,331");
	assert_string_equal(units_count(text, -999), "-999");
	assert_string_equal(units_count(text, INT64_MIN), "-9,223,372,036,854,775,808");
	assert_string_equal(units_milli(text, 61234, 1), "61.2");
	assert_string_equal(units_milli(text, 61000, 2), "61");
	assert_string_equal(units_milli(text, -50, 2), "-0.05");
	assert_string_equal(units_milli(text, -4, 1), "0");
	assert_string_equal(units_milli(text, 999950, 1), "1,000");
	assert_string_equal(units_milli(text, INT64_MIN, 3), "-9,223,372,036,854,775.808");
	assert_string_equal(units_span(text, -5), "0\u00a0s");
	assert_string_equal(units_span(text, 59), "59\u00a0s");
	assert_string_equal(units_span(text, 61), "1\u00a0min\u00a01\u00a0s");
	assert_string_equal(units_span(text, 8040), "2\u00a0h\u00a014\u00a0min");
	assert_string_equal(units_span(text, 90000), "1\u00a0day\u00a01\u00a0h");
	units_span(text, INT64_MAX);
	assert_string_equal(units_ago(text, -1), "just now");
	assert_string_equal(units_ago(text, 61000), "1\u00a0min ago");
	units_ago(text, INT64_MAX);
}

static void test_readings(void **state)
{
	static const char *const words[] = {"disk", "zram", NULL};
	static const struct {
		struct metric metric;
		bool rate;
		int64_t value;
		const char *text;
	} cases[] = {
		{{.name = "requests_total", .unit = UNIT_COUNT}, false, 1204331, "1,204,331"},
		{{.name = "requests_total", .unit = UNIT_COUNT}, true, 12400, "12.4/s"},
		{{.name = "weight", .unit = UNIT_COUNT}, false, 60, "60\u00a0%"},
		{{.name = "fan_rpm", .unit = UNIT_COUNT}, false, 2711, "2,711\u00a0rpm"},
		{{.name = NULL, .unit = UNIT_BYTES}, true, 1536000, "1.5\u00a0KiB/s"},
		{{.name = NULL, .unit = UNIT_US}, true, 1900000, "1.9\u00a0ms/s"},
		{{.name = NULL, .unit = UNIT_PPM}, true, 25000000, "2.5\u00a0%"},
		{{.name = "busy_ratio", .unit = UNIT_PPM}, false, 34000, "3.4\u00a0%"},
		{{.name = "nfs_rtt_ms", .unit = UNIT_MS}, false, 7, "7\u00a0ms"},
		{{.name = "latency_ms", .unit = UNIT_MILLI}, false, 1500, "1.5\u00a0ms"},
		{{.name = "supply_v", .unit = UNIT_MILLI}, false, 5092, "5.09\u00a0V"},
		{{.name = "queue", .unit = UNIT_MILLI}, false, 120, "0.12"},
		{{.name = "time_to_swap_s", .unit = UNIT_MILLI},
		 false,
		 61000,
		 "1\u00a0min\u00a01\u00a0s"},
		{{.name = "last_error_age_s", .unit = UNIT_S},
		 false,
		 8040,
		 "2\u00a0h\u00a014\u00a0min"},
		{{.name = "freq_hz", .unit = UNIT_HZ}, false, 1400000000, "1.4\u00a0GHz"},
		{{.name = "freq_hz", .unit = UNIT_HZ}, false, 600000000, "600\u00a0MHz"},
		{{.name = "temp_c", .unit = UNIT_MILLI_CELSIUS}, false, 52900, "52.9\u00a0\u00b0C"},
		{{.name = "stalled", .unit = UNIT_BOOL}, false, 1, "yes"},
		{{.name = "kind", .unit = UNIT_WORD, .words = words}, false, 1, "zram"},
		{{.name = "since", .unit = UNIT_MS},
		 false,
		 1771164187000,
		 "15\u00a0Feb\u00a02026, 14:03:07\u00a0UTC"},
	};
	char text[UNITS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(units_reading(text, &cases[i].metric, cases[i].rate,
						  cases[i].value),
				    cases[i].text);
	assert_true(units_trouble(&(struct metric){.name = "x", .unit = UNIT_BOOL}, 1));
	assert_false(units_trouble(&(struct metric){.name = "x", .unit = UNIT_BOOL}, 0));
	assert_true(units_trouble(&(struct metric){.name = "write_errors"}, 3));
	assert_false(units_trouble(&(struct metric){.name = "balancers"}, 3));
}

static void test_times(void **state)
{
	int64_t now = INT64_C(1771164187000);
	char text[UNITS_SIZE];

	(void)state;
	assert_string_equal(units_clock(text, now, now), "14:03:07");
	assert_string_equal(units_clock(text, now - 86400000, now), "14\u00a0Feb, 14:03:07");
	assert_string_equal(units_stamp(text, now), "2026-02-15T14:03:07Z");
	assert_string_equal(units_stamp(text, INT64_MAX), "1970-01-01T00:00:00Z");
	units_date(text, INT64_MAX);
	units_date(text, INT64_MIN);
	setenv("TZ", "XST-05:30", 1);
	tzset();
	assert_string_equal(units_date(text, now),
			    "15\u00a0Feb\u00a02026, 19:33:07\u00a0XST (UTC+05:30)");
	assert_string_equal(units_hour(text, now), "19:33");
	assert_string_equal(units_stamp(text, now), "2026-02-15T14:03:07Z");
	assert_int_equal(units_zone_s(now), 19800);
	setenv("TZ", "UTC", 1);
	tzset();
}

static int64_t random_value(void)
{
	uint64_t value = ((uint64_t)rand() << 42) ^ ((uint64_t)rand() << 21) ^ (uint64_t)rand();

	return (int64_t)value >> (rand() % 64);
}

/* Whatever the values, they lie on the scale, and its lines are few. */
static void test_scales(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t a = random_value() / 2048, b = random_value() / 2048;
		int64_t least = a < b ? a : b, most = a < b ? b : a;
		int64_t byte = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 1000;
		struct scale scale = scale_choose(least, most, byte);

		assert_true(scale.low <= least && most <= scale.high && scale.low < scale.high);
		assert_int_equal((scale.high - scale.low) % scale.step, 0);
		assert_in_range((scale.high - scale.low) / scale.step, 1, 6);
		assert_int_equal(scale_at(&scale, scale.low, 240), 0);
		assert_int_equal(scale_at(&scale, scale.high, 240), 240);
		assert_in_range(scale_at(&scale, random_value(), 240), 0, 240);
	}
	struct scale extreme = scale_choose(INT64_MIN, INT64_MAX, 0);
	assert_in_range(scale_at(&extreme, INT64_MAX, 240), 0, 240);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	 cmocka_unit_test(test_random),
		cmocka_unit_test(test_full),	 cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_readings), cmocka_unit_test(test_times),
		cmocka_unit_test(test_scales),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
