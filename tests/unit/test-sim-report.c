/* SPDX-License-Identifier: MIT */
/* Tables and pictures of the closed-loop model: numbers by hand, any order, nothing missing. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/plot_colours.h"
#include "tests/sim/quantity.h"
#include "tests/sim/stats.h"
#include "tests/sim/svg.h"

#define MB INT64_C(1000000)
#define near(a, b) assert_true(fabs((a) - (b)) < 1e-6)

/* A run that the oracle survived with 1,000 good responses of 2,000 that were offered. */
static struct run_result run(const char *scenario, const char *law, uint64_t seed, int64_t good,
			     int64_t swapped_bytes)
{
	struct run_result result = {
		.seed = seed,
		.pis = 1,
		.judged = true,
		.survivable = true,
		.swapped_bytes = swapped_bytes,
		.good = good,
		.served = good,
		.refused = 100,
		.offered = 2000,
		.oracle_good = 1000,
		.changes_per_min = (double)seed,
		.reversals = (int64_t)seed,
	};
	snprintf(result.law, sizeof(result.law), "%s", law);
	snprintf(result.scenario, sizeof(result.scenario), "%s", scenario);
	return result;
}

static void test_one_cell(void **context)
{
	(void)context;
	struct run_result results[] = {
		run("leak", "ours", 1, 900, 0),		  run("leak", "ours", 2, 700, 1 * MB),
		run("leak", "ours", 3, 1100, 1 * MB + 1), run("leak", "ours", 4, 800, 9 * MB),
		run("leak", "ours", 5, 0, 500 * MB),
	};
	results[4].survivable = false; /* counts nowhere */
	results[1].return_known = results[2].return_known = true;
	results[1].returned = true;
	results[1].return_s = 10;
	results[2].return_s = 40;
	results[3].oracle_good = 0; /* no share */
	struct stats stats;
	assert_int_equal(stats_make(results, 5, &stats), 0);
	for (size_t scenario = 0; scenario <= 1; scenario++) {
		const struct stats_cell *cell = stats_cell(&stats, scenario, 0);
		assert_int_equal(cell->runs, 5);
		assert_int_equal(cell->survivable, 4);
		assert_int_equal(cell->counted, 4);
		assert_true(cell->judged);
		assert_int_equal(cell->swapped, 2); /* more than 1 MB, not as much */
		near(cell->swapped_median_mb, 1.0000005);
		near(cell->swapped_mean_mb, 11.000001 / 4);
		near(cell->swapped_max_mb, 9);
		assert_int_equal(cell->shares, 3);
		near(cell->good_median, 0.9);
		near(cell->good_min, 0.7);
		near(cell->refused, 0.05);
		near(cell->changes_per_min, 2.5);
		assert_int_equal(cell->reversals, 4);
		assert_int_equal(cell->reversals_seed, 4);
		assert_string_equal(cell->reversals_scenario, "leak");
		assert_int_equal(cell->returns, 2);
		assert_int_equal(cell->returned, 1);
		near(cell->return_median_s, 25);
	}
	stats_clear(&stats);
}

static void test_nobody_survives(void **context)
{
	(void)context;
	struct run_result results[] = {run("flood", "ours", 1, 10, 5 * MB),
				       run("calm", "ours", 1, 900, 0),
				       run("other", "ours", 1, 900, 0)};
	results[0].survivable = false;
	results[2].judged = false;
	struct stats stats;
	assert_int_equal(stats_make(results, 3, &stats), 0);
	/* The row tells what happened, but is marked, and the sum leaves it out. */
	assert_false(stats_cell(&stats, 0, 0)->judged);
	assert_int_equal(stats_cell(&stats, 0, 0)->swapped, 1);
	assert_false(stats_cell(&stats, 2, 0)->judged);
	assert_int_equal(stats_cell(&stats, 2, 0)->shares, 0);
	assert_true(isnan(stats_cell(&stats, 2, 0)->good_median));
	assert_int_equal(stats_cell(&stats, 3, 0)->counted, 1);
	assert_int_equal(stats_cell(&stats, 3, 0)->swapped, 0);
	assert_int_equal(stats_worst(&stats, 0), 1);
	assert_int_equal(stats_law(&stats, "ours"), 0);
	assert_int_equal(stats_law(&stats, "theirs"), 1);
	stats_clear(&stats);
}

static void test_bound(void **context)
{
	(void)context;
	/* Exact one-sided Poisson bounds: 2.996, 4.744, 15.705 */
	assert_true(fabs(stats_bound(0, 300) - 2.9957 / 300) < 1e-6);
	assert_true(fabs(stats_bound(1, 1000) - 4.7439 / 1000) < 1e-6);
	assert_true(fabs(stats_bound(9, 1000) - 15.7052 / 1000) < 1e-6);
	assert_true(stats_bound(300, 100000) > 0.003 && stats_bound(300, 100000) < 0.0035);
	near(stats_bound(0, 2), 1);
	near(stats_bound(0, 0), 1);
	near(stats_bound(5, 5), 1);
}

#define LAWS 3
#define SCENARIOS 4
#define SEEDS 7
#define RUNS (LAWS * SCENARIOS * SEEDS)

static void many_runs(struct run_result *results)
{
	static const char *const laws[LAWS] = {"static", "ours", "oracle"};
	for (int i = 0; i < RUNS; i++) {
		char scenario[24];
		snprintf(scenario, sizeof(scenario), "number%d", i / LAWS / SEEDS);
		results[i] = run(scenario, laws[i % LAWS], (uint64_t)(i / LAWS % SEEDS) + 1,
				 rand() % 1000 + 1, rand() % 2 ? 0 : rand() % (int)(3 * MB));
		results[i].non_web = i / LAWS / SEEDS % 2;
	}
}

static void test_order_does_not_matter(void **context)
{
	(void)context;
	struct run_result results[RUNS];
	struct stats one, two;
	many_runs(results);
	assert_int_equal(stats_make(results, RUNS, &one), 0);
	struct run_result mixed[RUNS];
	memcpy(mixed, results, sizeof(mixed));
	for (size_t i = RUNS - 1; i > 0; i--) {
		size_t other = (size_t)rand() % (i + 1);
		struct run_result kept = mixed[i];
		mixed[i] = mixed[other];
		mixed[other] = kept;
	}
	assert_int_equal(stats_make(mixed, RUNS, &two), 0);
	assert_int_equal(two.scenario_count, SCENARIOS);
	for (size_t scenario = 0; scenario < SCENARIOS; scenario++)
		for (size_t law = 0; law < LAWS; law++) {
			size_t at = 0;
			while (strcmp(two.scenarios[at], one.scenarios[scenario]) != 0)
				at++;
			const struct stats_cell *a = stats_cell(&one, scenario, law);
			const struct stats_cell *b =
				stats_cell(&two, at, stats_law(&two, one.laws[law]));
			assert_int_equal(a->counted, SEEDS);
			assert_int_equal(a->swapped, b->swapped);
			near(a->good_median, b->good_median);
			near(a->good_min, b->good_min);
			near(a->swapped_median_mb, b->swapped_median_mb);
			near(a->changes_per_min, b->changes_per_min);
			assert_int_equal(one.non_web[scenario], two.non_web[at]);
		}
	stats_clear(&one);
	stats_clear(&two);
}

static size_t count_char(const char *text, size_t length, char wanted)
{
	size_t count = 0;
	for (size_t i = 0; i < length; i++)
		count += text[i] == wanted;
	return count;
}

/* Every line of a table has as many separators as its first one. */
static void check_format(enum report_format format, char separator, size_t rows)
{
	struct run_result results[RUNS];
	many_runs(results);
	char *text;
	size_t size, found = 0, separators = 0;
	FILE *file = open_memstream(&text, &size);
	assert_non_null(file);
	assert_int_equal(report_write(file, format, results, RUNS), 0);
	fclose(file);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t count = count_char(line, strlen(line), separator);
		if (format == REPORT_MARKDOWN && line[0] != '|')
			continue;
		/* The table over all has one column less. */
		if (format == REPORT_MARKDOWN && strstr(line, "all scenarios"))
			separators = count;
		if (!separators)
			separators = count;
		assert_int_equal(count, separators);
		found++;
	}
	assert_int_equal(found, rows);
	free(text);
}

static void test_formats(void **context)
{
	(void)context;
	check_format(REPORT_CSV, ',', 1 + (SCENARIOS + 1) * LAWS);
	check_format(REPORT_MARKDOWN, '|', 2 + SCENARIOS * LAWS + 2 + LAWS);
}

/* Numbers stand below each other, and the sentences are there. */
static void test_text(void **context)
{
	(void)context;
	struct run_result results[] = {
		run("leak", "static", 1, 500, 5 * MB),
		run("leak", "ours", 1, 900, 0),
		run("calm", "static", 1, 1000, 0),
		run("calm", "ours", 1, 970, 0),
	};
	results[0].non_web = results[1].non_web = true;
	char *text;
	size_t size, width = 0;
	FILE *file = open_memstream(&text, &size);
	assert_int_equal(report_write(file, REPORT_TEXT, results, 4), 0);
	fclose(file);
	assert_non_null(strstr(text, "ours: 0 of 2 survivable runs"));
	assert_non_null(strstr(text, "static: 1 of 2 survivable runs"));
	assert_non_null(strstr(text, "90.0 % in leak, the worst"));
	assert_non_null(strstr(text, "is not the web's: 1; static swaps in 1, ours in 0.\n"));
	assert_non_null(strstr(text, "-3.0 points of good at least (calm)"));
	assert_null(strstr(text, "nan"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, "  ours ", 7) == 0 || strncmp(line, "  static ", 9) == 0) {
			width = width ? width : strlen(line);
			assert_int_equal(strlen(line), width);
		}
	assert_true(width > 0);
	free(text);
	file = fopen("/dev/full", "w");
	assert_non_null(file);
	assert_int_equal(report_write(file, REPORT_TEXT, results, 4), -EIO);
	fclose(file);
	file = fopen("/dev/null", "w");
	assert_int_equal(report_write(file, REPORT_TEXT, NULL, 0), 0);
	fclose(file);
}

static void test_axes(void **context)
{
	(void)context;
	static const double spans[][3] = {{100, 5, 20},	 {101, 5, 50}, {420, 12, 50},
					  {0.7, 5, 0.2}, {1, 1, 1},    {0, 5, 1}};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		near(svg_step(spans[i][0], (int)spans[i][1]), spans[i][2]);
	struct svg_axis axis = {.low = 0, .high = 99, .from = 100, .to = 200};
	near(svg_at(&axis, 49.5), 150);
	axis.logarithmic = true;
	near(svg_at(&axis, 0), 100);
	near(svg_at(&axis, 9), 150);
	near(svg_at(&axis, 99), 200);
}

static void test_colours(void **context)
{
	(void)context;
	const char *const laws[] = {"one", "oracle", "two", "ours", "three"};
	const char *const fewer[] = {"ours", "oracle"};
	int colours[5], again[2];
	plot_colours(laws, 5, colours);
	plot_colours(fewer, 2, again);
	assert_int_equal(colours[3], again[0]);
	assert_int_equal(colours[1], again[1]);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(colours[i], colours[k]);
}

#define POINTS 40

static void make_series(struct series *series, struct series_point *points, const char *law)
{
	*series = (struct series){.seed = 7, .pis = 2, .total_bytes = 948 * MB, .count = POINTS};
	series->points = points;
	snprintf(series->law, sizeof(series->law), "%s", law);
	snprintf(series->scenario, sizeof(series->scenario), "a<b");
	snprintf(series->about, sizeof(series->about), "5 > 3 & \"so on\"\n\001 ende\303\274");
	series->mark_count = 1;
	series->marks[0] = (struct series_mark){.from_s = 5, .to_s = -1, .label = "grow <&>"};
	for (int i = 0; i < POINTS; i++) {
		points[i] = (struct series_point){.t_s = i, .offered_per_s = 4};
		for (int k = 0; k < 2; k++)
			points[i].pi[k] = (struct series_pi){
				.weight_pct = k ? 100 : 50,
				.maxconn = i < 10 ? -1 : 6,
				.headroom_bytes = (100 + k - 3 * i) * MB,
				.good = 3 * i,
				.state = i < 20 ? "normal" : "shed",
			};
	}
}

static void test_quantities(void **context)
{
	(void)context;
	struct series series;
	struct series_point points[POINTS];
	double low, high;
	make_series(&series, points, "ours");
	near(quantity_at(&series, 10, QUANTITY_HEADROOM, &low, &high), 70);
	near(high, 71);
	near(quantity_at(&series, 10, QUANTITY_WEIGHT, &low, &high), 75);
	near(low, 50);
	near(high, 100);
	assert_true(isnan(quantity_at(&series, 9, QUANTITY_MAXCONN, &low, &high)));
	near(quantity_at(&series, 10, QUANTITY_MAXCONN, &low, &high), 12);
	near(quantity_at(&series, 30, QUANTITY_GOOD, &low, &high), 6);
	near(quantity_at(&series, 0, QUANTITY_GOOD, &low, &high), 0);
	near(quantity_at(&series, 1, QUANTITY_OFFERED, &low, &high), 4);
}

static char *read_all(const char *path)
{
	static char text[200000];
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	return text;
}

/* tests/lab/test_sim_plots.py lets a parser of XML read pictures of real runs. */
static void test_pictures(void **context)
{
	(void)context;
	struct series series[2];
	struct series_point points[2][POINTS];
	struct run_result results[RUNS];
	char path[] = "/tmp/hostingpi-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	make_series(&series[0], points[0], "ours");
	make_series(&series[1], points[1], "static");
	const struct series *both[] = {&series[0], &series[1]};
	assert_int_equal(plot_svg(path, &series[0]), 0);
	const char *text = read_all(path);
	assert_non_null(strstr(text, "a&lt;b, ours, seed 7, 2 Pis of 948 MB"));
	assert_non_null(strstr(text, "5 &gt; 3 &amp; &quot;so on&quot;  "));
	assert_non_null(strstr(text, "grow &lt;&amp;&gt;"));
	assert_non_null(strstr(text, ">shed<"));
	assert_non_null(strstr(text, "ende\303\274"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	assert_int_equal(plot_laws_svg(path, both, 2), 0);
	assert_non_null(strstr(read_all(path), ">static<"));
	series[0].count = series[1].count = 0;
	assert_int_equal(plot_laws_svg(path, both, 2), 0);
	assert_null(strstr(read_all(path), "nan"));
	many_runs(results);
	assert_int_equal(plot_overview_svg(path, results, RUNS), 0);
	text = read_all(path);
	assert_null(strstr(text, "nan"));
	assert_non_null(strstr(text, "4 scenarios, 84 runs of 3 laws"));
	assert_int_equal(plot_overview_svg(path, NULL, 0), 0);
	unlink(path);
	assert_int_equal(plot_svg("/nonexistent/x.svg", &series[0]), -ENOENT);
	assert_int_equal(plot_svg("/dev/full", &series[0]), -ENOSPC);
	assert_int_equal(plot_laws_svg(path, both, 0), -EINVAL);
}

int main(void)
{
	const char *seed = getenv("SEED");
	unsigned number = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
	printf("SEED=%u\n", number);
	srand(number);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_cell),   cmocka_unit_test(test_nobody_survives),
		cmocka_unit_test(test_bound),	   cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_formats),	   cmocka_unit_test(test_text),
		cmocka_unit_test(test_axes),	   cmocka_unit_test(test_colours),
		cmocka_unit_test(test_quantities), cmocka_unit_test(test_pictures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
