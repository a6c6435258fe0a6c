/* SPDX-License-Identifier: MIT */
/*
 * What was learned, from one life of the agent to the next: what is kept of it, how much of it an old file is
 * worth, and on which machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/learned.h"

#define MIB (INT64_C(1) << 20)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define WALL_MS INT64_C(1795000000000)

static const struct learned learned = {
	.nominal_milli = 20000,
	.need_milli = 8000,
	.worker_bytes = 20 * MIB,
	.margin_bytes = 1000 * MIB,
	.wall_ms = WALL_MS,
	.total_bytes = 4000 * MIB,
};

/* The margin that is left of a file so many days later. */
static int64_t margin_after(int64_t days)
{
	struct judge judge = {0};

	learned_give(&learned, WALL_MS + days * DAY_MS, &judge);
	return judge.pressure.margin.bytes;
}

static void test_age(void **state)
{
	(void)state;
	for (int64_t days = 0; days < 40; days++)
		assert_int_equal(margin_after(days), 1000 * MIB >> days);
	/* Of a clock that stood wrong: a shift by more than the number has bits is no number. */
	assert_int_equal(margin_after(64), 0);
	assert_int_equal(margin_after(365), 0);
	assert_int_equal(margin_after(20000), 0);
	assert_int_equal(margin_after(-1), 1000 * MIB);
	assert_int_equal(margin_after(-20000), 1000 * MIB);
}

/* Nothing was learned but a margin: the capacity begins as on the first day. */
static void test_file_of_zeros(void **state)
{
	struct learned some = {0}, back;
	struct judge judge = {0};
	char text[LEARNED_TEXT_SIZE];

	(void)state;
	learned_format(&some, text);
	assert_int_equal(learned_parse(text, &back), 0);
	assert_memory_equal(&back, &some, sizeof(some));
	learned_give(&back, WALL_MS, &judge);
	assert_int_equal(judge.pressure.margin.bytes, 0);
	assert_false(judge.controller.capacity.learned);
	assert_int_equal(judge.controller.capacity.nominal_milli, 0);

	/* A capacity in workers of no size is none, and a size without capacity neither. */
	some = learned;
	some.worker_bytes = 0;
	learned_give(&some, WALL_MS, &judge);
	assert_false(judge.controller.capacity.learned);
	some = learned;
	some.nominal_milli = 0;
	learned_give(&some, WALL_MS, &judge);
	assert_false(judge.controller.capacity.learned);
	learned_give(&learned, WALL_MS, &judge);
	assert_true(judge.controller.capacity.learned);
	assert_int_equal(judge.controller.capacity.nominal_milli, learned.nominal_milli);
	assert_int_equal(judge.controller.capacity.need_milli, learned.need_milli);
	assert_int_equal(judge.controller.capacity.worker_bytes, learned.worker_bytes);
}

/* What an earlier life left is looked at once; afterwards memory that comes and goes takes nothing away. */
static void test_looked_at_once(void **state)
{
	struct judge judge = {0};

	(void)state;
	learned_give(&learned, WALL_MS, &judge);
	learned_check(&judge, learned.total_bytes);
	assert_int_equal(judge.total_bytes, learned.total_bytes);
	learned_check(&judge, learned.total_bytes / 2);
	assert_int_equal(judge.total_bytes, learned.total_bytes / 2);
	assert_int_equal(judge.pressure.margin.bytes, learned.margin_bytes);
	assert_true(judge.controller.capacity.learned);

	/* Nothing was given: nothing is taken for the margin of another machine. */
	judge = (struct judge){.pressure.margin.bytes = 5 * MIB};
	learned_check(&judge, learned.total_bytes);
	assert_int_equal(judge.pressure.margin.bytes, 5 * MIB);
}

static void test_another_machine(void **state)
{
	struct judge judge;

	(void)state;
	/* A twentieth is another kernel, or memory given to graphics. */
	for (int64_t part = -20; part <= 20; part += 40) {
		for (int more = -1; more <= 1; more += 2) {
			int64_t there = learned.total_bytes;
			/* Counted from the larger one. */
			int64_t here = part > 0 ? there * 20 / 19 : there * 19 / 20;
			bool other = (more > 0) == (part > 0);

			here += more * MIB;
			judge = (struct judge){0};
			learned_give(&learned, WALL_MS, &judge);
			learned_check(&judge, here);
			assert_int_equal(judge.pressure.margin.bytes,
					 other ? 0 : learned.margin_bytes);
			assert_int_equal(judge.controller.capacity.learned, !other);
		}
	}
}

/* Under a cap of the operator's, or before it is calm for the first time, the capacity is not the machine's. */
static void test_taken(void **state)
{
	struct judge judge = {0};
	struct learned taken;

	(void)state;
	learned_give(&learned, WALL_MS, &judge);
	/* Who ends before the first sample knows nothing of this machine: it stays that of the other one. */
	learned_take(&judge, WALL_MS, &taken);
	assert_memory_equal(&taken, &learned, sizeof(taken));
	learned_check(&judge, learned.total_bytes - MIB);
	learned_take(&judge, WALL_MS, &taken);
	assert_int_equal(taken.total_bytes, learned.total_bytes - MIB);
	taken.total_bytes = learned.total_bytes;
	assert_memory_equal(&taken, &learned, sizeof(taken));

	judge.controller.capacity.cap = 5;
	learned_take(&judge, WALL_MS + 7, &taken);
	assert_int_equal(taken.nominal_milli, 0);
	assert_int_equal(taken.need_milli, 0);
	assert_int_equal(taken.worker_bytes, 0);
	assert_int_equal(taken.margin_bytes, learned.margin_bytes);
	assert_int_equal(taken.wall_ms, WALL_MS + 7);

	judge.controller.capacity.cap = 0;
	judge.controller.capacity.learned = false;
	learned_take(&judge, WALL_MS, &taken);
	assert_int_equal(taken.nominal_milli, 0);
}

/* Each number by itself is worth writing, from a twentieth on; when and in which size of worker is not. */
static void test_worth_writing(void **state)
{
	struct learned other = learned;

	(void)state;
	other.wall_ms += 1000 * DAY_MS;
	other.total_bytes /= 2;
	assert_false(learned_differs(&learned, &other));
	other.worker_bytes *= 2;
	other.nominal_milli /= 2;
	other.need_milli /= 2;
	assert_false(learned_differs(&learned, &other));

	for (size_t i = 0; i < 3; i++) {
		other = learned;
		int64_t *number = i == 0   ? &other.nominal_milli
				  : i == 1 ? &other.need_milli
					   : &other.margin_bytes;
		*number = *number / 20 * 19;
		assert_false(learned_differs(&learned, &other));
		assert_false(learned_differs(&other, &learned));
		*number -= *number / 100;
		assert_true(learned_differs(&learned, &other));
		assert_true(learned_differs(&other, &learned));
		*number = 0;
		assert_true(learned_differs(&learned, &other));
	}
}

/* Seven numbers of format 2, with the blanks that we write; the largest ones fit. */
static void test_text(void **state)
{
	static const char *const bad[] = {
		"3 1 1 1 1 1 1",  "2 1 1 1 1 1 1 ",  "2  1 1 1 1 1 1",
		" 2 1 1 1 1 1 1", "2 1 1 1 1 1 1\n", "2\t1 1 1 1 1 1",
	};
	struct learned most, back = {.wall_ms = 5};
	char text[LEARNED_TEXT_SIZE];

	(void)state;
	most = (struct learned){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
	learned_format(&most, text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(learned_parse(bad[i], &back) < 0);
		assert_int_equal(back.wall_ms, 5);
	}
	assert_int_equal(learned_parse(text, &back), 0);
	assert_memory_equal(&back, &most, sizeof(most));
	assert_false(learned_differs(&most, &back));
	/* Nobody's numbers, but no arithmetic may break on them. */
	struct judge judge = {0};
	learned_give(&most, 0, &judge);
	learned_check(&judge, 1000 * MIB);
	assert_int_equal(judge.pressure.margin.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_file_of_zeros),
		cmocka_unit_test(test_looked_at_once),
		cmocka_unit_test(test_another_machine),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_worth_writing),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("what was learned", tests, NULL, NULL);
}
