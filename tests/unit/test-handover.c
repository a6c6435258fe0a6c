/* SPDX-License-Identifier: MIT */
/*
 * A decision that is handed over goes on as if nothing had happened: a judge that was formatted and parsed
 * in the middle of any course of readings decides as the one that was not. And texts that are too old, cut
 * off or nonsense leave the new judge alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/handover.h"
#include "agent/units.h"

#define MIB (INT64_C(1) << 20)
#define TOTAL (1000 * MIB)
#define START_NS (5000 * NS_PER_S)
#define BOOT_MS 7000000

static const struct settings settings = {
	.pressure = {.reserve = {.relative = true, .value = 30}, .horizon_ns = 10 * NS_PER_S},
	.controller = {.blind_weight = 100},
};

static unsigned seed;

static int64_t draw(int64_t low, int64_t high)
{
	return low + (int64_t)(((uint64_t)rand_r(&seed) << 16 ^ (uint64_t)rand_r(&seed)) %
			       (uint64_t)(high - low + 1));
}

static void put(struct readings *readings, enum metric_role role, int64_t value, int64_t now_ns)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = value;
	readings->stamp_ns[role] = now_ns;
}

static void step(struct judge *judge, int64_t free_bytes, int64_t now_ns)
{
	struct readings readings = {0};
	const struct judge_input input = {
		.now_ns = now_ns, .wall_ms = now_ns / NS_PER_MS, .entropy = 7};

	put(&readings, ROLE_MEM_TOTAL, TOTAL, now_ns);
	put(&readings, ROLE_MEM_FREE, free_bytes, now_ns);
	put(&readings, ROLE_FILE_ACTIVE, 0, now_ns);
	put(&readings, ROLE_FILE_INACTIVE, 0, now_ns);
	put(&readings, ROLE_BALANCERS, 2, now_ns);
	judge_readings(judge, &settings, &readings, &input);
}

/* The next process: what was learned is not in this, so the text must have it. */
static struct judge pass_on(const struct judge *judge, int64_t now_ns)
{
	const struct handover_time time = {now_ns, BOOT_MS};
	static struct judge next;
	char text[HANDOVER_SIZE];

	next = (struct judge){0};
	handover_format(judge, &time, text);
	assert_int_equal(handover_parse(text, &time, &next), 0);
	return next;
}

static void assert_same(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->weight_pct, b->weight_pct);
	assert_int_equal(a->maxconn, b->maxconn);
	assert_int_equal(a->balancers, b->balancers);
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->time_to_swap_known, b->time_to_swap_known);
	assert_int_equal(a->time_to_swap_ms, b->time_to_swap_ms);
	assert_string_equal(a->reason, b->reason);
}

static void test_any_course_goes_on(void **context)
{
	(void)context;
	int seen[CONTROL_STATES] = {0};

	for (int run = 0; run < 200; run++) {
		struct judge one = {0}, other = {0};
		int64_t now_ns = START_NS, level = draw(100, 900) * MIB;

		for (int i = 0; i < 60; i++, now_ns += draw(100, 1000) * NS_PER_MS) {
			if (draw(0, 9) == 0)
				level = draw(20, 900) * MIB;
			level = clamp_i64(level + draw(-30, 30) * MIB, 0, TOTAL);
			if (draw(0, 4) == 0)
				other = pass_on(&one, now_ns - NS_PER_MS);
			step(&one, level, now_ns);
			step(&other, level, now_ns);
			if (i == 0)
				other = one;
			assert_same(&one.decision, &other.decision);
			seen[one.decision.state]++;
		}
	}
	assert_true(seen[CONTROL_NORMAL] && seen[CONTROL_SHED] && seen[CONTROL_HARD] &&
		    seen[CONTROL_RECOVER]);
}

static struct judge make_shed(void)
{
	struct judge judge = {0};

	for (int i = 1; i <= 20; i++)
		step(&judge, 900 * MIB, START_NS + i * NS_PER_S);
	for (int i = 21; i <= 60; i++)
		step(&judge, 180 * MIB - i * 100000, START_NS + i * NS_PER_S);
	return judge;
}

static void test_age(void **context)
{
	(void)context;
	const struct judge judge = make_shed(), untouched = {0};
	const struct handover_time written = {START_NS + 60 * NS_PER_S, BOOT_MS};
	struct handover_time later = written;
	struct judge next = {0};
	char text[HANDOVER_SIZE];

	handover_format(&judge, &written, text);
	later.boot_ms = BOOT_MS + HANDOVER_AGE_MS + 1;
	assert_int_equal(handover_parse(text, &later, &next), -ESTALE);
	later.boot_ms = BOOT_MS - 1; /* another boot */
	assert_int_equal(handover_parse(text, &later, &next), -ESTALE);
	assert_memory_equal(&next, &untouched, sizeof(next));
	later.boot_ms = BOOT_MS + HANDOVER_AGE_MS;
	assert_int_equal(handover_parse(text, &later, &next), 0);
	assert_int_equal(next.controller.state, judge.controller.state);
	assert_int_equal(handover_parse("", &later, &next), -ENODATA);
}

static void test_cut_off(void **context)
{
	(void)context;
	const struct judge judge = make_shed();
	const struct handover_time time = {START_NS + 60 * NS_PER_S, BOOT_MS};
	struct judge next = {0};
	char text[HANDOVER_SIZE], part[HANDOVER_SIZE];

	handover_format(&judge, &time, text);
	for (size_t length = 1; length < strlen(text); length++) {
		snprintf(part, sizeof(part), "%.*s", (int)length, text);
		assert_int_equal(handover_parse(part, &time, &next), -EINVAL);
	}
	/* Of a later version: more names, and another head that means another text. */
	snprintf(part, sizeof(part), "%.*scolour blue\nend\n", (int)strlen(text) - 4, text);
	assert_int_equal(handover_parse(part, &time, &next), 0);
	text[strlen("hostingpi handover ")] = '2';
	assert_int_equal(handover_parse(text, &time, &next), -EINVAL);
}

/* What the courses above never make. */
static void test_reasons_and_swapping_go_on(void **context)
{
	(void)context;
	struct judge judge = make_shed(), next;

	strcpy(judge.controller.hard_reason, "disk is dying");
	strcpy(judge.controller.hold_reason, "new card");
	judge.pressure.margin.swapped_ns = START_NS + 7;
	next = pass_on(&judge, START_NS + 60 * NS_PER_S);
	assert_string_equal(next.controller.hard_reason, "disk is dying");
	assert_string_equal(next.controller.hold_reason, "new card");
	assert_true(next.pressure.margin.swapped_ns == START_NS + 7);
}

static void test_lines_that_are_none(void **context)
{
	(void)context;
	static const char *const lines[] = {"",		 "given",
					    "given x",	 "given 5 ",
					    "given 1e3", "given 0000000000000000000000000005"};
	const struct handover_time time = {START_NS, BOOT_MS};
	struct judge judge = {0};
	char text[128];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "hostingpi handover 1 7000000\n%s\nend\n", lines[i]);
		assert_int_equal(handover_parse(text, &time, &judge), -EINVAL);
	}
	assert_false(judge.controller.capacity.started);
}

static void test_values_are_tamed(void **context)
{
	(void)context;
	static const char text[] = "hostingpi handover 1 7000000\n"
				   "state 77\n"
				   "given -5\n"
				   "rise_after 9223372036854775807\n"
				   "pressure_at 9223372036854775807\n"
				   "worker -9223372036854775807\n"
				   "hard_reason tw\x1bo # words\n"
				   "learned 5\n"
				   "end\n";
	const struct handover_time time = {START_NS, BOOT_MS};
	struct judge judge = {0};

	assert_int_equal(handover_parse(text, &time, &judge), 0);
	assert_int_equal(judge.controller.state, CONTROL_STATES - 1);
	assert_int_equal(judge.controller.capacity.given_milli, 0);
	assert_true(judge.controller.capacity.rise_after_ns <= START_NS + 10 * NS_PER_S);
	assert_int_equal(judge.pressure.last_ns, START_NS);
	assert_int_equal(judge.controller.capacity.worker_bytes, 0);
	assert_true(judge.controller.capacity.learned);
	assert_string_equal(judge.controller.hard_reason, "tw?o ? words");
}

static void test_balancers_are_believed_for_a_while(void **context)
{
	(void)context;
	struct judge judge = {0};

	judge_keep_balancers(&judge, 4, START_NS);
	step(&judge, 900 * MIB, START_NS + NS_PER_S);
	assert_int_equal(judge.decision.balancers, 4);
	step(&judge, 900 * MIB, START_NS + 11 * NS_PER_S);
	assert_int_equal(judge.decision.balancers, 2);
	judge_keep_balancers(&judge, 1, START_NS + 11 * NS_PER_S);
	step(&judge, 900 * MIB, START_NS + 12 * NS_PER_S);
	assert_int_equal(judge.decision.balancers, 2); /* there are more now */
}

int main(void)
{
	const char *given = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_course_goes_on),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_reasons_and_swapping_go_on),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_values_are_tamed),
		cmocka_unit_test(test_balancers_are_believed_for_a_while),
	};

	seed = given ? (unsigned)strtoul(given, NULL, 10) : 20260221;
	printf("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
