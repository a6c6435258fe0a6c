/* SPDX-License-Identifier: MIT */
/* What the sections of the status page share: moments, and readings by their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "agent/sample.h"
#include "agent/units.h"
#include "notifiers/page_parts.h"

#define NOW_MS INT64_C(1795000000000) /* 2026-11-18T11:06:40Z */
#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * 60 * MINUTE_MS)

static const char *moment(int64_t wall_ms)
{
	static char text[256];
	struct page page = {.snapshot.ts_ms = NOW_MS};

	html_start(&page.html, text, sizeof(text) - 1);
	page_put_moment(&page, wall_ms);
	int length = html_finish(&page.html);
	assert_true(length > 0);
	text[length] = '\0';
	return text;
}

static void test_moment(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(moment(NOW_MS - 40000),
			    "<time datetime=\"2026-11-18T11:06:00Z\">11:06:00</time>, "
			    "40\u00a0s ago");
	assert_string_equal(moment(NOW_MS),
			    "<time datetime=\"2026-11-18T11:06:40Z\">11:06:40</time>, "
			    "just now");
	/* Of another day, the day as well. */
	assert_string_equal(moment(NOW_MS - 2 * DAY_MS - 61 * MINUTE_MS),
			    "<time datetime=\"2026-11-16T10:05:40Z\">16\u00a0Nov, 10:05:40</time>, "
			    "2\u00a0days\u00a01\u00a0h ago");
}

/* The same names in two groups, a counter with both names, and one that only the judge looks at. */
enum { MEM_USED, SWAP_USED, SWAP_IN, ROLE_ALONE, NET_RX, SLOTS };

static const struct metric metrics[SLOTS] = {
	[MEM_USED] = {.group = "mem", .name = "used_bytes", .unit = UNIT_BYTES},
	[SWAP_USED] = {.group = "swap", .name = "used_bytes", .unit = UNIT_BYTES},
	[SWAP_IN] = {.group = "swap",
		     .name = "in_bytes",
		     .rate_name = "in_bytes_s",
		     .kind = METRIC_COUNTER,
		     .unit = UNIT_BYTES},
	[ROLE_ALONE] = {.group = "net", .unit = UNIT_BYTES},
	[NET_RX] = {.group = "net", .rate_name = "rx_bytes_s", .kind = METRIC_COUNTER},
};

static void test_readings_by_name(void **state)
{
	static const struct {
		const char *group, *name;
		int slot;
		bool rate;
	} rows[] = {
		{"mem", "used_bytes", MEM_USED, false}, {"swap", "used_bytes", SWAP_USED, false},
		{"swap", "in_bytes", SWAP_IN, false},	{"swap", "in_bytes_s", SWAP_IN, true},
		{"net", "rx_bytes_s", NET_RX, true},	{"net", "used_bytes", -1, false},
		{"mem", "in_bytes_s", -1, false},	{"none", "used_bytes", -1, false},
	};
	struct page page = {.snapshot.now_ns = 2 * NS_PER_S};
	struct state *readings = state_new(SLOTS);
	struct state_source source;
	static struct batch batch;
	int64_t value;

	(void)state;
	assert_non_null(readings);
	page.snapshot.state = readings;
	assert_int_equal(state_add(readings, metrics, SLOTS, 10 * NS_PER_S, &source), 0);
	for (int64_t second = 1; second <= 2; second++) {
		batch_reset(&batch);
		for (unsigned slot = 0; slot < SLOTS; slot++)
			if (slot != SWAP_USED)
				batch_value(&batch, slot, slot * 1000 + second * 7);
		state_update(readings, source, &batch, second * NS_PER_S);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool rate = false;

		assert_int_equal(page_find(&page, rows[i].group, rows[i].name, &rate),
				 rows[i].slot);
		assert_int_equal(rate, rows[i].rate);
		value = -1;
		/* What is not known is no number, and what is not there neither. */
		bool known = rows[i].slot >= 0 && rows[i].slot != SWAP_USED;
		assert_int_equal(page_value(&page, rows[i].group, rows[i].name, &value), known);
		assert_int_equal(value, !known	       ? -1
					: rows[i].rate ? 7000
						       : rows[i].slot * 1000 + 14);
	}
	/* Stale is not known. */
	page.snapshot.now_ns = 60 * NS_PER_S;
	assert_false(page_value(&page, "mem", "used_bytes", &value));
	state_free(readings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moment),
		cmocka_unit_test(test_readings_by_name),
	};

	return cmocka_run_group_tests_name("what the page's sections share", tests, NULL, NULL);
}
