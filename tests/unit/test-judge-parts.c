/* SPDX-License-Identifier: MIT */
/* Slopes, the learned margin, the reserve, heat, and the line of text in which learned numbers outlive us. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/heat.h"
#include "agent/learned.h"
#include "agent/margin.h"
#include "agent/reserve.h"
#include "agent/slope.h"
#include "agent/units.h"

#define MIB (INT64_C(1) << 20)

static void test_slopes(void **context)
{
	(void)context;
	struct slope slope = {0};
	int64_t bytes = 1000 * MIB;
	for (int i = 1; i <= 20; i++, bytes -= 10 * MIB)
		slope_update(&slope, bytes, 2 * MIB, i * NS_PER_S);
	assert_in_range(slope.fast_bytes_s, 9 * MIB, 10 * MIB);
	assert_in_range(slope.slow_bytes_s, MIB / 4, MIB); /* of 2 at most */
	assert_int_equal(slope_fall_bytes_s(&slope), slope.fast_bytes_s);

	/* A leak of 20 kB/s in noise of 1 MiB: the slow one finds it. */
	slope = (struct slope){0};
	for (int i = 1; i <= 600; i++)
		slope_update(&slope, 1000 * MIB - i * 20000 + (i % 2 ? MIB : 0), 2 * MIB,
			     i * NS_PER_S);
	assert_in_range(slope.slow_bytes_s, 1, 60000);

	/* A program takes 500 MiB at once and no more: for the slow one that is next to nothing. */
	struct slope burst = {0};
	for (int i = 1; i <= 40; i++)
		slope_update(&burst, (i < 10 ? 1000 : 500) * MIB, 2 * MIB, i * NS_PER_S);
	assert_true(slope_fall_bytes_s(&burst) < MIB);

	/* The same moment again, a step back in time and a pause are no slopes. */
	struct slope before = slope;
	slope_update(&slope, 0, 2 * MIB, 600 * NS_PER_S);
	slope_update(&slope, 0, 2 * MIB, 500 * NS_PER_S);
	assert_memory_equal(&before, &slope, sizeof(slope));
	slope_update(&slope, 0, 2 * MIB, 4000 * NS_PER_S);
	assert_int_equal(slope_fall_bytes_s(&slope), 0);
	/* What grows does not fall. */
	for (int i = 4001; i < 4050; i++)
		slope_update(&slope, (i - 4000) * MIB, 2 * MIB, i * NS_PER_S);
	assert_int_equal(slope_fall_bytes_s(&slope), 0);
	assert_true(slope.fast_bytes_s < 0);
}

static void test_margin_is_learned_once_an_episode(void **context)
{
	(void)context;
	struct margin margin = {0};
	int64_t now_ns = NS_PER_S, total = 1000 * MIB;
	assert_int_equal(margin_update(&margin, false, 50 * MIB, total, now_ns), 0);
	/* Swapping where it is expected teaches nothing. */
	assert_int_equal(margin_update(&margin, true, -MIB, total, now_ns += NS_PER_S), 0);
	now_ns += 100 * NS_PER_S;
	assert_in_range(margin_update(&margin, true, 50 * MIB, total, now_ns), 79 * MIB, 80 * MIB);
	/* While it swaps, headroom rises: that is its effect, not its cause. */
	for (int i = 0; i < 100; i++)
		margin_update(&margin, true, 200 * MIB, total, now_ns += NS_PER_S);
	assert_in_range(margin.bytes, 79 * MIB, 80 * MIB);
	now_ns += 100 * NS_PER_S;
	margin_update(&margin, true, 215 * MIB, total, now_ns);
	assert_in_range(margin.bytes, 244 * MIB, 245 * MIB);
	/* With more than a quarter left it was not for want of memory (a container's limit, say). */
	now_ns += 100 * NS_PER_S;
	margin_update(&margin, true, 900 * MIB, total, now_ns);
	assert_in_range(margin.bytes, 244 * MIB, 245 * MIB);

	/* Half of it is gone after a day, however short the steps are. */
	for (int i = 0; i < 24 * 3600 * 4; i++)
		margin_update(&margin, false, 500 * MIB, total, now_ns += 250 * NS_PER_MS);
	assert_in_range(margin.bytes, 120 * MIB, 125 * MIB);
	/* Of another machine: at most a quarter of this one. */
	margin_resume(&margin, 4000 * MIB);
	assert_int_equal(margin_update(&margin, false, 500 * MIB, total, now_ns), 250 * MIB);
}

static void set(struct readings *readings, enum metric_role role, int64_t value)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = value;
}

static void test_heat(void **context)
{
	(void)context;
	struct readings readings = {0};
	const char *why = NULL;
	assert_int_equal(heat_scale_pct(&readings, &why), 100); /* nothing known takes nothing */
	set(&readings, ROLE_SOC_TEMP, 79999);
	assert_int_equal(heat_scale_pct(&readings, &why), 100);
	set(&readings, ROLE_SOC_TEMP_LIMIT, 80000);
	assert_int_equal(heat_scale_pct(&readings, &why), 81);
	assert_string_equal(why, "SoC is hot");
	set(&readings, ROLE_SOC_TEMP, 76000);
	assert_int_equal(heat_scale_pct(&readings, &why), 100);
	set(&readings, ROLE_SOC_TEMP, 95000);
	assert_int_equal(heat_scale_pct(&readings, &why), 60);
	set(&readings, ROLE_SOC_TEMP, 4000000); /* broken */
	assert_int_equal(heat_scale_pct(&readings, &why), 100);
	set(&readings, ROLE_UNDERVOLTAGE, 0);
	set(&readings, ROLE_THROTTLED, 0);
	assert_int_equal(heat_scale_pct(&readings, &why), 100);
	set(&readings, ROLE_UNDERVOLTAGE, 1);
	assert_int_equal(heat_scale_pct(&readings, &why), 60);
	assert_string_equal(why, "supply voltage is low");
	set(&readings, ROLE_UNDERVOLTAGE, 0);
	set(&readings, ROLE_THROTTLED, 1);
	assert_int_equal(heat_scale_pct(&readings, &why), 60);
	assert_string_equal(why, "SoC is throttled");
}

static void test_learned_text(void **context)
{
	(void)context;
	const struct learned learned = {
		.nominal_milli = 20000,
		.need_milli = 7500,
		.worker_bytes = 24 * MIB,
		.margin_bytes = 70 * MIB,
		.wall_ms = INT64_C(1460000000000),
	};
	struct learned back;
	char text[LEARNED_TEXT_SIZE];
	learned_format(&learned, text);
	assert_int_equal(learned_parse(text, &back), 0);
	assert_memory_equal(&learned, &back, sizeof(back));
	assert_false(learned_differs(&learned, &back));
	back.margin_bytes /= 2;
	assert_true(learned_differs(&learned, &back));

	static const char *const bad[] = {
		"",
		"1",
		"1 1 1 1 1 1 1",
		"2 1 1 1 1 1",
		"2 1 1 1 1 1 1 1",
		"2 1 1 1 1 1 x",
		"2 1 -1 1 1 1 1",
		"2 1 1 1 1 1 99999999999999999999",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(learned_parse(bad[i], &back), -EINVAL);
}

/* What an earlier life learned counts less the longer it is ago; sizes are converted. */
static void test_learned_is_given(void **context)
{
	(void)context;
	const struct learned learned = {
		.nominal_milli = 20000,
		.need_milli = 8000,
		.worker_bytes = 20 * MIB,
		.margin_bytes = 80 * MIB,
		.wall_ms = 1,
	};
	struct judge judge = {0};
	learned_give(&learned, INT64_C(2) * 24 * 3600 * 1000 + 1, &judge);
	assert_int_equal(judge.pressure.margin.bytes, 20 * MIB);
	const struct verdict verdict = {
		.known = true,
		.total_bytes = 1000 * MIB,
		.headroom_bytes = 600 * MIB,
		.reserve_bytes = 80 * MIB,
		.budget_bytes = 300 * MIB,
		.worker_bytes = 40 * MIB,
		.scale_pct = 100,
	};
	struct capacity *capacity = &judge.controller.capacity;
	capacity_update(capacity, 0, &verdict, NS_PER_S, 0);
	assert_int_equal(capacity->nominal_milli, 10000);
	assert_in_range(capacity->need_milli, 3999, 4000);

	/* A card in another machine: what was learned there is worth nothing here. */
	const struct learned elsewhere = {
		.nominal_milli = 60000,
		.need_milli = 60000,
		.worker_bytes = 20 * MIB,
		.margin_bytes = 2000 * MIB,
		.wall_ms = 1,
		.total_bytes = 8000 * MIB,
	};
	struct judge moved = {0};
	learned_give(&elsewhere, 1, &moved);
	learned_check(&moved, 1000 * MIB);
	assert_int_equal(moved.pressure.margin.bytes, 0);
	assert_int_equal(moved.controller.capacity.need_milli, 0);
	moved = (struct judge){0};
	learned_give(&elsewhere, 1, &moved);
	learned_check(&moved, 7900 * MIB); /* another kernel, another graphics split */
	assert_int_equal(moved.pressure.margin.bytes, 2000 * MIB);

	struct learned again;
	learned_take(&judge, 5, &again);
	assert_int_equal(again.worker_bytes, 40 * MIB);
	assert_int_equal(again.wall_ms, 5);
}

/* What a job took and holds need not be kept a second time; a part of the reserve is, always. */
static void test_reserve(void **context)
{
	(void)context;
	struct reserve reserve = {0};
	int64_t all = 200 * MIB, left = 700 * MIB;
	assert_int_equal(reserve_update(&reserve, all, left, false, 0), all);
	for (int i = 0; i < 10; i++) { /* while it grows, nobody knows how far */
		left -= 6 * MIB;
		assert_int_equal(reserve_update(&reserve, all, left, true, NS_PER_S), all);
	}
	int64_t kept = all;
	for (int i = 0; i < 40; i++)
		kept = reserve_update(&reserve, all, left, false, NS_PER_S);
	assert_in_range(kept, 139 * MIB, 150 * MIB);

	/* Another one, larger than all that is left of it. */
	left -= 300 * MIB;
	for (int i = 0; i < 60; i++)
		kept = reserve_update(&reserve, all, left, false, NS_PER_S);
	assert_in_range(kept, all * 55 / 100, all * 56 / 100);

	/* After hours that is how much the machine has, and the reserve is whole again. */
	for (int i = 0; i < 3 * 3600; i++)
		kept = reserve_update(&reserve, all, left, false, NS_PER_S);
	assert_in_range(kept, all * 99 / 100, all);

	/* It ends, and the next one is insured in full. */
	assert_int_equal(reserve_update(&reserve, all, left + 360 * MIB, false, NS_PER_S), all);
	assert_int_equal(reserve_update(&reserve, all, left, true, NS_PER_S), all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slopes),
		cmocka_unit_test(test_margin_is_learned_once_an_episode),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_heat),
		cmocka_unit_test(test_learned_text),
		cmocka_unit_test(test_learned_is_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
