/* SPDX-License-Identifier: MIT */
/* What is normal here: learning, forgetting, the operator's cap, and a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/controller-bench.h"

/* A day halves what was learned, on a machine with 20 slots and however short the steps are. */
static void test_nominal_is_forgotten(void **context)
{
	(void)context;
	static const int64_t steps_ns[] = {NS_PER_S, 250 * NS_PER_MS, 10 * NS_PER_S};
	for (size_t s = 0; s < sizeof(steps_ns) / sizeof(steps_ns[0]); s++) {
		struct bench bench = bench_new();
		step(&bench);
		assert_int_equal(bench.decision.nominal, 20);
		headroom(&bench, 400); /* 10 slots from now on */
		int64_t end_ns = bench.now_ns + INT64_C(2) * 24 * 3600 * NS_PER_S;
		while (bench.now_ns < end_ns) {
			step(&bench);
			bench.now_ns += steps_ns[s] - NS_PER_S;
		}
		assert_in_range(bench.controller.capacity.nominal_milli, 12400, 12600);
		assert_in_range(bench.decision.weight_pct, 75, 85);
	}
}

/* First seen under pressure: that is not what is normal here. */
static void test_nothing_is_learned_under_pressure(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	headroom(&bench, 30);
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_false(bench.decision.nominal_known);
	headroom(&bench, 150);
	for (int i = 0; i < 30; i++)
		step(&bench);
	headroom(&bench, 600);
	for (int i = 0; i < 60; i++)
		step(&bench);
	assert_true(bench.decision.nominal_known);
	assert_int_equal(bench.decision.nominal, 20);
	assert_int_equal(bench.decision.weight_pct, 100);

	/* Low, but not yet hard: the weight says so. */
	bench = bench_new();
	headroom(&bench, 190);
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_SHED);
	assert_true(bench.decision.weight_pct < 30);

	/* Blind and never anything else: the balancer's own cap stays. */
	bench = bench_new();
	bench.verdict = (struct verdict){.why = "never read"};
	step(&bench);
	assert_false(bench.decision.maxconn_known);
}

static void test_new_units_are_learned_anew(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	assert_int_equal(bench.decision.nominal, 20);
	bench.verdict.worker_bytes = 40 * MIB;
	step(&bench);
	assert_int_equal(bench.decision.nominal, 10);
	assert_int_equal(bench.decision.weight_pct, 100);
	bench.conf.cap = 100;
	step(&bench);
	assert_int_equal(bench.decision.nominal, 100);
	bench.conf.cap = 0;
	for (int i = 0; i < 10; i++)
		step(&bench);
	assert_int_equal(bench.decision.nominal, 10);
	assert_int_equal(bench.decision.weight_pct, 100);
}

static void test_cap_is_never_exceeded(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	bench.conf.cap = 1;
	for (int i = 0; i < 2000; i++) {
		headroom(&bench, rand() % 900 - 50);
		enum control_request request =
			rand() % 50 ? REQUEST_NONE : (enum control_request)(rand() % 3);
		step_with(&bench, request, NULL);
		assert_int_equal(bench.decision.capacity, 1);
		assert_int_equal(bench.decision.maxconn, 1);
	}
}

/* One crowd, and then a machine that has less than it needed: it must not shed for ever. */
static void test_need_is_forgotten_while_shedding(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	headroom(&bench, 300); /* 5 slots */
	bench.verdict.demand_bytes = 60 * MIB;
	step(&bench);
	assert_int_equal(bench.decision.weight_pct, 25);
	for (int i = 0; i < 600; i++)
		step(&bench);
	assert_in_range(bench.decision.weight_pct, 25, 35); /* in the same crowd it still does */
	for (int i = 0; i < 6 * 3600; i++)
		step(&bench);
	assert_int_equal(bench.decision.weight_pct, 100);
	assert_int_equal(bench.decision.capacity, 5);
}

/* A tenth of a degree takes a little, not the difference between what is possible and what is needed. */
static void test_heat_is_a_ramp(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	bench.verdict.demand_bytes = 100 * MIB; /* needs 5 of 20 */
	int64_t last = 20000;
	for (int64_t pct = 100; pct >= 60; pct--) {
		bench.verdict.scale_pct = pct;
		bench.verdict.scale_why = "SoC is hot";
		step(&bench);
		int64_t given = bench.controller.capacity.given_milli;
		assert_true(given <= last && last - given <= 1000);
		last = given;
	}
	assert_int_equal(last, 3000); /* 60 % of the need */
}

static void test_resume(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	capacity_resume(&bench.controller.capacity, 20000, 20000, 20 * MIB);
	controller_resume_undrain(&bench.controller);
	headroom(&bench, 300); /* restarted under pressure: 5 slots of 20 */
	step(&bench);
	assert_int_equal(bench.decision.nominal, 20);
	assert_int_equal(bench.decision.weight_pct, 25);
	assert_int_not_equal(bench.decision.undrain, 0);
}

int main(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	printf("SEED=%u\n", seed);
	srand(seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nominal_is_forgotten),
		cmocka_unit_test(test_nothing_is_learned_under_pressure),
		cmocka_unit_test(test_new_units_are_learned_anew),
		cmocka_unit_test(test_cap_is_never_exceeded),
		cmocka_unit_test(test_need_is_forgotten_while_shedding),
		cmocka_unit_test(test_heat_is_a_ramp),
		cmocka_unit_test(test_resume),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
