/* SPDX-License-Identifier: MIT */
/* When a guarded job may run: a course of states goes in, verdicts come out. Time is a parameter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The program's own file: it is in no library. */
#include "agent/ctl/guard_judge.c"

#define MIB (INT64_C(1) << 20)
#define NO_LIMIT                                                                                   \
	{                                                                                          \
		.max_wait_ms = -1, .max_pause_ms = -1                                              \
	}

static struct guard_judge judge;
static int64_t now;

static void begin(struct guard_rules rules)
{
	now = 1000000;
	guard_judge_init(&judge, &rules, now);
}

static enum guard_verdict see(int64_t after_ms, const struct guard_view *view)
{
	now += after_ms;
	return guard_judge_step(&judge, view, now);
}

static struct guard_view in(enum control_state state)
{
	return (struct guard_view){.state = state};
}

static struct guard_view with(int64_t headroom)
{
	return (struct guard_view){.headroom_known = true, .headroom_bytes = headroom};
}

/* The first verdict other than this one, in steps of 250 ms; *ret_ms: after how long. */
static enum guard_verdict until_not(enum guard_verdict verdict, const struct guard_view *view,
				    int64_t *ret_ms)
{
	int64_t start = now;
	enum guard_verdict last = verdict;

	while (last == verdict && now - start < 1000000)
		last = see(250, view);
	*ret_ms = now - start;
	return last;
}

static void test_every_state(void **state)
{
	static const bool runs[CONTROL_STATES] = {
		[CONTROL_NORMAL] = true,
		[CONTROL_RECOVER] = true,
		[CONTROL_BLIND] = true,
	};

	(void)state;
	for (int word = 0; word < CONTROL_STATES; word++) {
		struct guard_view view = in((enum control_state)word);

		/* Before the start, and when it runs. */
		begin((struct guard_rules)NO_LIMIT);
		assert_int_equal(see(0, &view), runs[word] ? GUARD_RUN : GUARD_HALT);
		begin((struct guard_rules)NO_LIMIT);
		assert_int_equal(see(0, &(struct guard_view){0}), GUARD_RUN);
		assert_int_equal(see(1, &view), runs[word] ? GUARD_RUN : GUARD_HALT);
	}
}

static void test_without_an_agent_the_job_runs(void **state)
{
	struct guard_view hard = in(CONTROL_HARD);
	int64_t took;

	(void)state;
	for (int source = GUARD_MISSING; source <= GUARD_DRY_RUN; source++) {
		struct guard_view view = {.source = (enum guard_source)source,
					  .state = CONTROL_HARD};

		begin((struct guard_rules)NO_LIMIT);
		assert_int_equal(see(0, &view), GUARD_RUN);
		assert_int_equal(see(1000, &hard), GUARD_HALT);
		assert_int_equal(until_not(GUARD_HALT, &view, &took), GUARD_RUN);
	}
}

static void test_a_pause_has_a_shortest_length(void **state)
{
	struct guard_view shed = in(CONTROL_SHED), normal = in(CONTROL_NORMAL);
	int64_t took;

	(void)state;
	begin((struct guard_rules)NO_LIMIT);
	assert_int_equal(see(0, &normal), GUARD_RUN);
	assert_int_equal(see(1000, &shed), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &normal, &took), GUARD_RUN);
	assert_int_equal(took, SHORTEST_PAUSE_MS);
	/* After a long one it is the calm that counts. */
	assert_int_equal(see(1000, &shed), GUARD_HALT);
	for (int i = 0; i < 60; i++)
		assert_int_equal(see(1000, &shed), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &normal, &took), GUARD_RUN);
	assert_int_equal(took, 250 + FINE_MS);
}

static void test_calm_starts_anew_with_each_bad_look(void **state)
{
	struct guard_view shed = in(CONTROL_SHED), normal = in(CONTROL_NORMAL);

	(void)state;
	begin((struct guard_rules)NO_LIMIT);
	assert_int_equal(see(0, &normal), GUARD_RUN);
	assert_int_equal(see(250, &shed), GUARD_HALT);
	for (int i = 0; i < 100; i++)
		assert_int_equal(see(250, i % 8 ? &normal : &shed), GUARD_HALT);
}

static void test_waiting(void **state)
{
	struct guard_view shed = in(CONTROL_SHED), normal = in(CONTROL_NORMAL);
	int64_t took;

	(void)state;
	begin((struct guard_rules)NO_LIMIT);
	assert_int_equal(see(0, &shed), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &normal, &took), GUARD_RUN);
	assert_int_equal(took, 250 + FINE_MS);

	begin((struct guard_rules){.max_wait_ms = 5000, .max_pause_ms = -1});
	assert_int_equal(see(0, &shed), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &shed, &took), GUARD_GIVE_UP);
	assert_int_equal(took, 5000);

	begin((struct guard_rules){.max_wait_ms = 0, .max_pause_ms = -1});
	assert_int_equal(see(0, &shed), GUARD_GIVE_UP);
	begin((struct guard_rules){.max_wait_ms = 0, .max_pause_ms = 0});
	assert_int_equal(see(0, &normal), GUARD_RUN);
	assert_int_equal(see(1000, &shed), GUARD_GIVE_UP);
}

static void test_longest_pause(void **state)
{
	struct guard_view shed = in(CONTROL_SHED), normal = in(CONTROL_NORMAL);
	int64_t took;

	(void)state;
	begin((struct guard_rules){.max_wait_ms = 1000, .max_pause_ms = 20000});
	assert_int_equal(see(0, &normal), GUARD_RUN);
	for (int i = 0; i < 3; i++) {
		/* Each pause counts for itself. */
		assert_int_equal(see(1000, &shed), GUARD_HALT);
		assert_int_equal(see(4000, &shed), GUARD_HALT);
		assert_int_equal(see(4000, &shed), GUARD_HALT);
		assert_int_equal(until_not(GUARD_HALT, &normal, &took), GUARD_RUN);
	}
	assert_int_equal(see(1000, &shed), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &shed, &took), GUARD_GIVE_UP);
	assert_int_equal(took, 20000);
}

static void test_a_stopped_guard_does_not_count(void **state)
{
	struct guard_view shed = in(CONTROL_SHED), normal = in(CONTROL_NORMAL);

	(void)state;
	begin((struct guard_rules){.max_wait_ms = 1000, .max_pause_ms = 20000});
	assert_int_equal(see(0, &normal), GUARD_RUN);
	assert_int_equal(see(1000, &shed), GUARD_HALT);
	assert_int_equal(see(3600000, &shed), GUARD_HALT); /* Ctrl-Z for an hour */
	assert_int_equal(see(3600000, &normal), GUARD_HALT);
	assert_int_equal(see(GAP_MS, &normal), GUARD_RUN);
}

static void test_headroom(void **state)
{
	struct guard_rules rules = NO_LIMIT;
	struct guard_view unknown = {0}, shed = with(500 * MIB);
	int64_t took;

	(void)state;
	rules.min_headroom_bytes = 100 * MIB;
	begin(rules);
	assert_int_equal(see(0, &(struct guard_view){0}), GUARD_RUN);
	struct guard_view least = with(100 * MIB), less = with(100 * MIB - 1),
			  almost = with(110 * MIB - 1), enough = with(110 * MIB);
	assert_int_equal(see(1000, &least), GUARD_RUN);
	assert_int_equal(see(1000, &less), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &almost, &took), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &enough, &took), GUARD_RUN);
	assert_int_equal(see(1000, &unknown), GUARD_RUN);
	/* Headroom does not outweigh the agent's word. */
	shed.state = CONTROL_SHED;
	assert_int_equal(see(1000, &shed), GUARD_HALT);

	begin(rules);
	assert_int_equal(see(0, &least), GUARD_RUN);
	begin(rules);
	assert_int_equal(see(0, &less), GUARD_HALT);
	assert_int_equal(until_not(GUARD_HALT, &almost, &took), GUARD_HALT);
}

static void test_awake_to_end(void **state)
{
	struct guard_view hard = in(CONTROL_HARD);
	int64_t took;

	(void)state;
	begin((struct guard_rules)NO_LIMIT);
	assert_int_equal(see(0, &(struct guard_view){0}), GUARD_RUN);
	assert_int_equal(see(1000, &hard), GUARD_HALT);
	guard_judge_excuse(&judge, now + 10000);
	guard_judge_excuse(&judge, now + 9000);
	assert_int_equal(see(0, &hard), GUARD_RUN);
	assert_int_equal(until_not(GUARD_RUN, &hard, &took), GUARD_HALT);
	assert_int_equal(took, 10000);
}

static void test_near(void **state)
{
	struct guard_rules rules = NO_LIMIT;
	struct guard_view view = with(150 * MIB), hard = in(CONTROL_HARD);

	(void)state;
	rules.min_headroom_bytes = 100 * MIB;
	begin(rules);
	assert_true(guard_judge_near(&judge, &view));
	see(0, &view);
	assert_true(guard_judge_near(&judge, &view));
	view.headroom_bytes = 200 * MIB;
	assert_false(guard_judge_near(&judge, &view));
	view.time_to_swap_known = true;
	view.time_to_swap_ms = NEAR_MS - 1;
	assert_true(guard_judge_near(&judge, &view));
	view.source = GUARD_STALE;
	assert_false(guard_judge_near(&judge, &view));
	see(1000, &hard);
	assert_true(guard_judge_near(&judge, &view));
}

/* Whatever comes: no short pauses, and never on while it is not well, but for the excuse. */
static void test_any_course(void **state)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 20261121;
	struct guard_rules rules = {
		.min_headroom_bytes = 50 * MIB, .max_wait_ms = 100000, .max_pause_ms = 30000};
	bool runs = false;
	int64_t since = 0;

	(void)state;
	print_message("SEED=%u\n", seed);
	srandom(seed);
	begin(rules);
	for (int i = 0; i < 200000; i++) {
		struct guard_view view = with(random() % 100 * MIB);
		enum guard_verdict verdict;

		view.state = random() % 4 ? CONTROL_NORMAL
					  : (enum control_state)(random() % CONTROL_STATES);
		view.headroom_known = random() % 3 != 0;
		verdict = see(random() % 1000, &view);
		if (verdict == GUARD_GIVE_UP) {
			begin(rules);
			runs = false;
			since = 0;
			continue;
		}
		if (verdict == GUARD_RUN) {
			assert_true(view.state != CONTROL_HARD && view.state != CONTROL_SHED &&
				    view.state != CONTROL_HOLD);
			assert_true(!view.headroom_known || view.headroom_bytes >= 50 * MIB);
			if (!runs && since > 0)
				assert_true(now - since >= SHORTEST_PAUSE_MS);
			runs = true;
		} else if (runs) {
			runs = false;
			since = now;
		}
		if (!judge.begun)
			since = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state),
		cmocka_unit_test(test_without_an_agent_the_job_runs),
		cmocka_unit_test(test_a_pause_has_a_shortest_length),
		cmocka_unit_test(test_calm_starts_anew_with_each_bad_look),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_longest_pause),
		cmocka_unit_test(test_a_stopped_guard_does_not_count),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_awake_to_end),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_any_course),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
