/* SPDX-License-Identifier: MIT */
/* Sparklines: levels, gaps, the last ones, all of them in a width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

/* hostingpictl is no part of the library. */
#include "agent/ctl/spark.c"

static const struct style plain = {false, false}, pretty = {false, true};

static void test_the_last(void **state)
{
	const double shares[] = {(double)NAN, -1, 0, 0.2, 0.5, 0.99, 1, 7};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	spark_last(out, &plain, shares, 8, 8);
	fputc(' ', out);
	spark_last(out, &plain, shares, 8, 2);
	fputc(' ', out);
	spark_last(out, &pretty, shares, 8, 4);
	fclose(out);
	assert_string_equal(text, " __.=### ## ▅███");
	free(text);
}

static void check_all(const double *values, size_t count, size_t width, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	size_t written = spark_all(out, &plain, values, count, width, 10, 90);

	fclose(out);
	assert_string_equal(text, expected);
	assert_int_equal(written, strlen(expected));
	free(text);
}

/* Each character is the mean of what it stands for; what is not known does not count. */
static void test_curve_in_a_width(void **state)
{
	const double nan = (double)NAN;
	const double values[] = {10, 10, nan, 90, nan, nan, 50, 50, 5, 1000};
	double many[100];
	char *text = NULL;
	size_t size;

	(void)state;
	check_all(values, 10, 20, "__ #  ==_#");
	check_all(values, 10, 5, "_# =#");
	check_all(values, 10, 1, "#");
	check_all(values, 10, 0, "");
	check_all(values, 0, 7, "");
	check_all(values + 4, 2, 1, " ");
	for (size_t i = 0; i < 100; i++)
		many[i] = 10 + (double)i / 99 * 80;
	check_all(many, 100, 8, "_.-:=+*#");

	FILE *out = open_memstream(&text, &size);
	assert_int_equal(spark_all(out, &pretty, values + 1, 2, 9, 10, 10), 2);
	fclose(out);
	assert_string_equal(text, "▅ ");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last),
		cmocka_unit_test(test_curve_in_a_width),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
