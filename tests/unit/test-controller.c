/* SPDX-License-Identifier: MIT */
/* The controller: single behaviours, and properties that hold over random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/controller-bench.h"

static void test_calm(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	assert_true(bench.changed); /* the first decision is always told */
	assert_int_equal(bench.decision.state, CONTROL_NORMAL);
	assert_int_equal(bench.decision.weight_pct, 100);
	assert_int_equal(bench.decision.maxconn, 20);
	step(&bench);
	assert_false(bench.changed);
}

static void test_down_at_once_up_slowly(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	headroom(&bench, 300);
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_SHED);
	assert_int_equal(bench.decision.weight_pct, 25);
	assert_int_equal(bench.decision.maxconn, 5);

	headroom(&bench, 600);
	int seconds = 0, last = bench.decision.maxconn;
	while (bench.decision.state != CONTROL_NORMAL && seconds < 100) {
		step(&bench);
		seconds++;
		assert_true(bench.decision.maxconn - last <= 3); /* 20 in 10 s */
		if (seconds <= 2)
			assert_int_equal(bench.decision.maxconn, 5); /* the hold */
		last = bench.decision.maxconn;
	}
	assert_in_range(seconds, 8, 13);
	assert_in_range(bench.decision.weight_pct, 90, 99);
	for (int i = 0; i < 3; i++)
		step(&bench);
	assert_int_equal(bench.decision.weight_pct, 100);
}

static void test_balancers_divide_the_cap(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	for (int64_t count = 0; count <= 40; count++) {
		bench.balancers = count;
		step(&bench);
		int64_t divisor = count ? count : 1;
		assert_int_equal(bench.decision.capacity, 20);
		assert_int_equal(bench.decision.maxconn, 20 / divisor ? 20 / divisor : 1);
		assert_int_equal(bench.decision.weight_pct, 100);
	}
}

static void test_hard_and_back(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	headroom(&bench, 49); /* below a quarter of the reserve */
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_int_equal(bench.decision.weight_pct, 1);
	assert_int_equal(bench.decision.maxconn, 1);
	assert_string_equal(bench.decision.reason, "swap is near");
	assert_false(bench.decision.fail);

	headroom(&bench, 66); /* not near any more, but not safe either: a third of 200 */
	for (int i = 0; i < 60; i++)
		step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);

	headroom(&bench, 600);
	int seconds = 0;
	while (bench.decision.state == CONTROL_HARD && seconds < 100) {
		step(&bench);
		seconds++;
	}
	assert_int_equal(seconds, 6); /* 5 s of safety */
	assert_int_equal(bench.decision.state, CONTROL_RECOVER);
	assert_in_range(bench.decision.maxconn, 2, 3); /* from the bottom */
}

static void test_hard_causes(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	bench.verdict.storage_failing = true;
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_string_equal(bench.decision.reason, "storage fails");

	bench = bench_new();
	bench.verdict.out_of_memory = true;
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_string_equal(bench.decision.reason, "out of memory");

	bench = bench_new();
	bench.verdict.kernel_failing = true;
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_string_equal(bench.decision.reason, "kernel fault");

	bench = bench_new();
	bench.conf.fleet = FLEET_MIXED;
	bench.verdict.disk_swapping = true;
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
	assert_true(bench.decision.fail);

	bench = bench_new();
	bench.verdict.stalled = true;
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);

	/* Storage fails while memory cannot be read: still hard, not blind. */
	bench = bench_new();
	bench.verdict = (struct verdict){.why = "gone", .storage_failing = true};
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HARD);
}

static void test_blind(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	bench.conf.cap = 12;
	step(&bench);
	bench.verdict = (struct verdict){.why = "stale"};
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_BLIND);
	assert_int_equal(bench.decision.weight_pct, 70);
	assert_int_equal(bench.decision.maxconn, 12);
	assert_string_equal(bench.decision.reason, "stale");
	assert_false(bench.decision.headroom_known);

	/* Blind from the very first step on: a sane answer all the same. */
	bench = bench_new();
	bench.verdict = (struct verdict){.why = "never read"};
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_BLIND);
	assert_true(bench.decision.maxconn >= 1);
}

static void test_operator(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	step_with(&bench, REQUEST_DRAIN, "new card");
	assert_int_equal(bench.decision.state, CONTROL_HOLD);
	assert_true(bench.decision.drain);
	assert_string_equal(bench.decision.reason, "operator: new card");
	headroom(&bench, 10); /* nothing ends a hold but the operator */
	step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_HOLD);
	headroom(&bench, 600);
	step_with(&bench, REQUEST_READY, NULL);
	assert_int_equal(bench.decision.state, CONTROL_RECOVER);
	assert_false(bench.decision.drain);
	assert_in_range(bench.decision.maxconn, 2, 3);
}

static void test_table_is_complete(void **context)
{
	(void)context;
	for (int state = 0; state < CONTROL_STATES; state++) {
		/* A forgotten cell would read as "normal"; those that are meant are these. */
		for (int event = 0; event < CONTROL_EVENTS; event++) {
			bool to_normal = control_table[state][event] == CONTROL_NORMAL;
			bool meant = (event == EVENT_AMPLE &&
				      (state == CONTROL_NORMAL || state == CONTROL_SHED ||
				       state == CONTROL_RECOVER)) ||
				     (event == EVENT_READY && state == CONTROL_NORMAL);
			assert_int_equal(to_normal, meant);
		}
		assert_int_equal(control_table[state][EVENT_DRAIN], CONTROL_HOLD);
	}
}

/* Over random histories: bounds always hold, and the capacity never jumps up. */
static void test_properties(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	int last_capacity = 0;
	enum control_state last_state = CONTROL_NORMAL;

	for (int i = 0; i < 50000; i++) {
		headroom(&bench, rand() % 900 - 50);
		bench.verdict.known = rand() % 50 != 0;
		bench.verdict.disk_swapping = rand() % 100 == 0;
		bench.verdict.storage_failing = rand() % 200 == 0;
		bench.balancers = rand() % 9;
		enum control_request request =
			rand() % 300 ? REQUEST_NONE : (enum control_request)(rand() % 3);
		step_with(&bench, request, NULL);
		const struct decision *decision = &bench.decision;
		assert_in_range(decision->weight_pct, 1, 100);
		assert_true(decision->maxconn >= 1);
		assert_true(decision->maxconn == 1 ||
			    decision->maxconn * decision->balancers <= decision->capacity);
		assert_true(strlen(decision->reason) > 0);
		assert_int_equal(decision->drain, decision->state == CONTROL_HOLD);
		if (request == REQUEST_DRAIN)
			assert_int_equal(decision->state, CONTROL_HOLD);
		bool blind = decision->state == CONTROL_BLIND || last_state == CONTROL_BLIND;
		bool hard = last_state == CONTROL_HARD || decision->state == CONTROL_HARD;
		if (i > 0 && !blind && !hard)
			assert_true(decision->capacity <= last_capacity + 3);
		last_capacity = decision->capacity;
		last_state = decision->state;
	}
}

/* Whatever ends the hard level, the way back starts at the bottom. */
static void test_out_of_hard_slowly(void **context)
{
	(void)context;
	for (int round = 0; round < 200; round++) {
		struct bench bench = bench_new();
		step(&bench);
		headroom(&bench, 20);
		step(&bench);
		assert_int_equal(bench.decision.state, CONTROL_HARD);
		for (int i = 0; i < 60 && bench.decision.state == CONTROL_HARD; i++) {
			headroom(&bench, 400 + rand() % 300);
			step(&bench);
		}
		assert_true(bench.decision.state == CONTROL_RECOVER ||
			    bench.decision.state == CONTROL_SHED);
		assert_in_range(bench.decision.maxconn, 2, 3);
	}
}

/* "ready" is told for five minutes, under another number each time, and never without being asked. */
static void test_undrain(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	assert_int_equal(bench.decision.undrain, 0);
	step_with(&bench, REQUEST_READY, NULL); /* also when there is no hold here */
	uint32_t first = bench.decision.undrain;
	assert_int_not_equal(first, 0);
	assert_int_equal(bench.decision.state, CONTROL_NORMAL);
	for (int i = 0; i < 298; i++) {
		step(&bench);
		assert_int_equal(bench.decision.undrain, first);
	}
	step(&bench);
	step(&bench);
	assert_int_equal(bench.decision.undrain, 0);
	step_with(&bench, REQUEST_READY, NULL);
	assert_int_not_equal(bench.decision.undrain, 0);
	step_with(&bench, REQUEST_DRAIN, NULL);
	assert_int_equal(bench.decision.undrain, 0);
}

static void test_sampling_adapts(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, NS_PER_S), NS_PER_S);
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, 60 * NS_PER_S),
			 NS_PER_S); /* what is published rarely is watched all the same */
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, 500 * NS_PER_MS),
			 500 * NS_PER_MS);
	bench.decision.time_to_swap_known = true;
	bench.decision.time_to_swap_ms = 59999;
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, NS_PER_S),
			 250 * NS_PER_MS);
	headroom(&bench, 199);
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, NS_PER_S),
			 100 * NS_PER_MS);
	bench.decision.time_to_swap_known = false;
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, NS_PER_S),
			 500 * NS_PER_MS);
	headroom(&bench, 79);
	assert_int_equal(controller_next_ns(&bench.decision, &bench.verdict, NS_PER_S),
			 100 * NS_PER_MS);
}

/* Where the way back goes no further that is no way back any more, but how it is. */
static void test_recover_ends(void **context)
{
	(void)context;
	struct bench bench = bench_new();
	step(&bench);
	headroom(&bench, 300);
	step(&bench);
	headroom(&bench, 400); /* half of what is needed, and it stays like that */
	int seconds = 0, changes = 0;
	for (; seconds < 60; seconds++) {
		step(&bench);
		changes += bench.changed;
	}
	assert_int_equal(bench.decision.state, CONTROL_SHED);
	assert_int_equal(bench.decision.weight_pct, 50);
	assert_int_equal(changes, 2); /* recover, shed */
	headroom(&bench, 600);
	for (seconds = 0; seconds < 20; seconds++)
		step(&bench);
	assert_int_equal(bench.decision.state, CONTROL_NORMAL);
}

int main(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	printf("SEED=%u\n", seed);
	srand(seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_down_at_once_up_slowly),
		cmocka_unit_test(test_balancers_divide_the_cap),
		cmocka_unit_test(test_hard_and_back),
		cmocka_unit_test(test_hard_causes),
		cmocka_unit_test(test_blind),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_out_of_hard_slowly),
		cmocka_unit_test(test_undrain),
		cmocka_unit_test(test_sampling_adapts),
		cmocka_unit_test(test_recover_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
