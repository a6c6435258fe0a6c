/* SPDX-License-Identifier: MIT */
/* Names of web servers, lines of /proc/PID, and the size of a worker as it is remembered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/units.h"
#include "collectors/workers_parse.h"
#include "collectors/workers_size.h"

#define MIB (INT64_C(1) << 20)

static struct workers_names parsed(const char *text)
{
	struct workers_names names;
	char error[256] = "";

	if (workers_names_parse(text, &names, error, sizeof(error)) < 0)
		fail_msg("%s: %s", text, error);
	return names;
}

static void test_names(void **context)
{
	struct workers_names names = parsed(" apache2,php-fpm*  , nginx,");

	(void)context;
	assert_int_equal(names.count, 3);
	assert_true(workers_names_match(&names, "apache2"));
	assert_true(workers_names_match(&names, "php-fpm"));
	assert_true(workers_names_match(&names, "php-fpm8.2"));
	assert_true(workers_names_match(&names, "nginx"));
	assert_false(workers_names_match(&names, "nginx-extra"));
	assert_false(workers_names_match(&names, "apache"));
	assert_false(workers_names_match(&names, "php-fp"));
	assert_false(workers_names_match(&names, ""));
	assert_int_equal(parsed("").count, 0);
	assert_int_equal(parsed(" , ").count, 0);
	assert_int_equal(parsed("123456789012345").count, 1);
	assert_int_equal(parsed("123456789012345*").count, 1);
}

static void test_names_that_are_none(void **context)
{
	static const char *const texts[] = {
		"*",
		"php*fpm",
		"apache2, *",
		"/usr/sbin/apache2",
		"1234567890123456",
		"a*, b**c*",
		"a b c d e f g h i j k l m n o p q r s t u",
	};

	(void)context;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct workers_names names = {.count = 77};
		char error[256] = "";

		assert_int_equal(workers_names_parse(texts[i], &names, error, sizeof(error)),
				 -EINVAL);
		assert_int_equal(names.count, 77);
		assert_ptr_equal(strstr(error, "names: "), error);
	}
}

/* As Linux 6.1 writes it. */
#define STAT_REST                                                                                  \
	" S 812 811 811 0 -1 4194624 2513 0 12 0 17 5 0 0 20 0 3 0 98765 245583872 5120 "          \
	"18446744073709551615 1 1 0 0 0 0 0 16781312 134235881 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 "  \
	"0 0\n"

static void test_stat(void **context)
{
	struct workers_stat stat;

	(void)context;
	assert_int_equal(workers_stat_parse("900 (apache2)" STAT_REST, &stat), 0);
	assert_string_equal(stat.comm, "apache2");
	assert_int_equal(stat.parent, 812);
	assert_int_equal(stat.cpu_ticks, 22);
	assert_int_equal(stat.threads, 3);
	assert_int_equal(stat.start_ticks, 98765);
	assert_false(stat.kernel);
	assert_false(stat.dead);
	/* A name may be anything. */
	assert_int_equal(workers_stat_parse("900 (a) S 1 (b)" STAT_REST, &stat), 0);
	assert_string_equal(stat.comm, "a) S 1 (b");
	assert_int_equal(workers_stat_parse("900 ()" STAT_REST, &stat), 0);
	assert_string_equal(stat.comm, "");
	assert_int_equal(workers_stat_parse("900 (kworker/u8:2-events_unbound)" STAT_REST, &stat),
			 0);
	assert_string_equal(stat.comm, "kworker/u8:2-ev");
}

static void test_stat_of_the_kernel_and_the_dead(void **context)
{
	struct workers_stat stat;

	(void)context;
	assert_int_equal(
		workers_stat_parse("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 "
				   "1 0 2 0 0 0\n",
				   &stat),
		0);
	assert_true(stat.kernel);
	assert_int_equal(workers_stat_parse("9 (nginx) Z 1 9 9 0 -1 4227084 0 0 0 0 0 1 0 0 20 0 0 "
					    "0 2 0 0 0\n",
					    &stat),
			 0);
	assert_true(stat.dead);
	assert_int_equal(stat.threads, 0);
}

static void test_stat_cut_off(void **context)
{
	static const char good[] = "900 (apache2)" STAT_REST;
	const char *enough = strstr(good, "98765") + strlen("98765 ");

	(void)context;
	for (size_t length = 0; length < (size_t)(enough - good); length++) {
		struct workers_stat stat = {.parent = 4711};
		char *text = strndup(good, length);

		assert_int_equal(workers_stat_parse(text, &stat), -EINVAL);
		assert_int_equal(stat.parent, 4711);
		free(text);
	}
}

static void test_statm(void **context)
{
	static const char *const bad[] = {
		"", "1", "1 2", "1 2 3", "1 2 x ", "1 -2 3 ", "1 2 -3 ", "1  2 3 ", " 1 2 3 ",
	};
	int64_t pages = 4711;

	(void)context;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(workers_statm_parse(bad[i], &pages), -EINVAL);
	assert_int_equal(pages, 4711);
	assert_int_equal(workers_statm_parse("3976 1821 633 691 0 1711 0\n", &pages), 0);
	assert_int_equal(pages, 1188);
	assert_int_equal(workers_statm_parse("0 0 0 0 0 0 0\n", &pages), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(workers_statm_parse("100 10 12 0 0 0 0\n", &pages), 0);
	assert_int_equal(pages, 0);
}

static void test_children(void **context)
{
	const char *text = "12 345 6789 ";

	(void)context;
	assert_int_equal(workers_children_next(&text), 12);
	assert_int_equal(workers_children_next(&text), 345);
	assert_int_equal(workers_children_next(&text), 6789);
	assert_int_equal(workers_children_next(&text), 0);
	text = "12 34"; /* cut: the number may go on */
	assert_int_equal(workers_children_next(&text), 12);
	assert_int_equal(workers_children_next(&text), 0);
	text = "99999999999 1 ";
	assert_int_equal(workers_children_next(&text), 0);
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The smallest value that at least 90 % are not above. */
static void test_percentile(void **context)
{
	int64_t values[256], sorted[256];

	(void)context;
	srand(1);
	for (size_t count = 1; count <= 256; count++) {
		for (size_t i = 0; i < count; i++)
			values[i] = sorted[i] = rand() % 1000;
		qsort(sorted, count, sizeof(sorted[0]), compare);
		size_t rank = count * 9 / 10 + (count * 9 % 10 != 0);
		assert_int_equal(workers_percentile(values, count), sorted[rank - 1]);
	}
}

static int64_t after(struct workers_size *size, int64_t bytes, int seconds, int64_t *now_ns)
{
	int64_t result = 0;

	for (int i = 0; i < seconds; i++) {
		int64_t values[1] = {bytes};
		*now_ns += NS_PER_S;
		workers_size_update(size, values, 1, *now_ns);
	}
	assert_true(workers_size_get(size, &result));
	return result;
}

static void test_size_rises_soon_and_falls_slowly(void **context)
{
	struct workers_size size = {0};
	int64_t now_ns = 1000 * NS_PER_S, bytes;

	(void)context;
	assert_false(workers_size_get(&size, &bytes));
	workers_size_update(&size, NULL, 0, now_ns);
	assert_false(workers_size_get(&size, &bytes));
	assert_int_equal(after(&size, 20 * MIB, 1, &now_ns), 20 * MIB);
	/* One sample of a huge one does not count much, half a minute of it does. */
	assert_in_range(after(&size, 120 * MIB, 1, &now_ns), 21 * MIB, 40 * MIB);
	assert_in_range(after(&size, 120 * MIB, 30, &now_ns), 110 * MIB, 120 * MIB);
	assert_in_range(after(&size, 120 * MIB, 60, &now_ns), 119 * MIB, 120 * MIB);
	/* An hour takes half of the difference away. */
	assert_in_range(after(&size, 20 * MIB, 60, &now_ns), 117 * MIB, 120 * MIB);
	assert_in_range(after(&size, 20 * MIB, 3540, &now_ns), 69 * MIB, 71 * MIB);
	assert_in_range(after(&size, 0, 20 * 3600, &now_ns), 4 * MIB, 4 * MIB);
}

static void test_no_time_passes_without_workers(void **context)
{
	struct workers_size size = {0};
	int64_t now_ns = 1000 * NS_PER_S, bytes;

	(void)context;
	after(&size, 40 * MIB, 1, &now_ns);
	now_ns += 86400 * NS_PER_S;
	workers_size_update(&size, NULL, 0, now_ns);
	assert_in_range(after(&size, 5 * MIB, 1, &now_ns), 39 * MIB, 40 * MIB);
	/* Nor for a clock that stands still. */
	for (int i = 0; i < 1000; i++)
		workers_size_update(&size, (int64_t[]){5 * MIB}, 1, now_ns);
	assert_true(workers_size_get(&size, &bytes));
	assert_in_range(bytes, 39 * MIB, 40 * MIB);
}

/* The same time in many small steps comes to about the same. */
static void test_steps_do_not_matter(void **context)
{
	struct workers_size coarse = {0}, fine = {0};
	int64_t now_ns = 0, a, b;

	(void)context;
	for (int i = 0; i <= 600; i++) {
		now_ns = i * NS_PER_S / 10;
		int64_t bytes = i < 10 ? 10 * MIB : 50 * MIB;
		workers_size_update(&fine, &(int64_t){bytes}, 1, now_ns);
		if (i % 10 == 0)
			workers_size_update(&coarse, &(int64_t){bytes}, 1, now_ns);
	}
	assert_true(workers_size_get(&coarse, &a) && workers_size_get(&fine, &b));
	assert_in_range(a, 49 * MIB, 50 * MIB);
	assert_in_range(b, 49 * MIB, 50 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_of_the_kernel_and_the_dead),
		cmocka_unit_test(test_stat_cut_off),
		cmocka_unit_test(test_statm),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_size_rises_soon_and_falls_slowly),
		cmocka_unit_test(test_no_time_passes_without_workers),
		cmocka_unit_test(test_steps_do_not_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
