/* SPDX-License-Identifier: MIT */
/* The judge: headroom, slopes and what confirms; pure, so a day passes in a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pressure.h"
#include "agent/units.h"

#define MIB (INT64_C(1) << 20)

static const struct pressure_conf conf = {
	.reserve = {.relative = true, .value = 20},
	.horizon_ns = 10 * NS_PER_S,
	.worker_bytes = 32 * MIB,
};

static void set(struct readings *readings, enum metric_role role, int64_t value)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = value;
}

/* A Pi 3 at rest: 1000 MiB, 300 free, 400 of file cache, disk swap. */
static struct readings at_rest(void)
{
	struct readings readings = {0};
	set(&readings, ROLE_MEM_TOTAL, 1000 * MIB);
	set(&readings, ROLE_MEM_FREE, 300 * MIB);
	set(&readings, ROLE_FILE_ACTIVE, 100 * MIB);
	set(&readings, ROLE_FILE_INACTIVE, 300 * MIB);
	set(&readings, ROLE_WATERMARK_HIGH, 20 * MIB);
	set(&readings, ROLE_SWAP_KIND, SWAP_DISK);
	set(&readings, ROLE_SWAPPINESS, 60);
	return readings;
}

static void test_missing_is_not_zero(void **context)
{
	(void)context;
	static const enum metric_role needed[] = {
		ROLE_MEM_TOTAL,
		ROLE_MEM_FREE,
		ROLE_FILE_ACTIVE,
		ROLE_FILE_INACTIVE,
	};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct readings readings = at_rest();
		struct pressure pressure = {0};
		struct verdict verdict;
		readings.known &= ~(UINT64_C(1) << needed[i]);
		pressure_judge(&pressure, &conf, &readings, NS_PER_S, &verdict);
		assert_false(verdict.known);
		assert_non_null(verdict.why);
	}
}

/* A steady leak of 10 MiB/s is seen as such within a few seconds, and swap is foretold. */
static void test_slope(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct verdict verdict = {0};
	struct readings readings = at_rest();
	int64_t free_bytes = 300 * MIB, now_ns = NS_PER_S;

	for (int i = 0; i < 20; i++) {
		readings.stamp_ns[ROLE_MEM_FREE] = now_ns;
		set(&readings, ROLE_MEM_FREE, free_bytes);
		pressure_judge(&pressure, &conf, &readings, now_ns, &verdict);
		free_bytes -= 10 * MIB;
		now_ns += NS_PER_S;
	}
	assert_true(verdict.known && verdict.falling);
	assert_true(llabs(verdict.consumption_bytes_s - 10 * MIB) < MIB / 2);
	int64_t exact_ms = verdict.headroom_bytes * 1000 / (10 * MIB);
	assert_true(llabs(verdict.time_to_swap_ms - exact_ms) < exact_ms / 10);
	assert_true(verdict.projected_bytes < verdict.headroom_bytes - 90 * MIB);

	/* A pause of an hour (suspend) is not a slope. */
	now_ns += 3600 * NS_PER_S;
	readings.stamp_ns[ROLE_MEM_FREE] = now_ns;
	set(&readings, ROLE_MEM_FREE, 10 * MIB);
	pressure_judge(&pressure, &conf, &readings, now_ns, &verdict);
	assert_int_equal(verdict.consumption_bytes_s, 0);
	assert_false(verdict.falling);
}

/* Memory that goes to web workers is not consumption: the budget stays as it is. */
static void test_workers_are_not_a_leak(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct verdict verdict = {0};
	struct readings readings = at_rest();
	int64_t budget = 0;

	for (int busy = 0; busy <= 8; busy++) {
		int64_t now_ns = (busy + 1) * NS_PER_S;
		readings.stamp_ns[ROLE_MEM_FREE] = now_ns;
		set(&readings, ROLE_WEB_BUSY, busy);
		set(&readings, ROLE_MEM_FREE, (300 - 32 * busy) * MIB);
		pressure_judge(&pressure, &conf, &readings, now_ns, &verdict);
		if (busy == 0)
			budget = verdict.budget_bytes;
		assert_int_equal(verdict.budget_bytes, budget);
		assert_int_equal(verdict.consumption_bytes_s, 0);
	}
	assert_true(verdict.falling); /* but swap does come nearer */
}

/* Busy workers that become idle keep their memory: nothing was consumed, the budget stays. */
static void test_idle_workers_are_not_a_leak(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct verdict verdict = {0};
	struct readings readings = at_rest();
	int64_t budget = 0;

	for (int i = 0; i < 60; i++) {
		int64_t now_ns = (i + 1) * NS_PER_S;
		readings.stamp_ns[ROLE_MEM_FREE] = now_ns;
		set(&readings, ROLE_WEB_BUSY, i / 4 % 2 ? 0 : 8);
		if (i % 7 == 0) /* the status page is late */
			readings.known &= ~(UINT64_C(1) << ROLE_WEB_BUSY);
		pressure_judge(&pressure, &conf, &readings, now_ns, &verdict);
		if (i == 2)
			budget = verdict.budget_bytes;
		if (i > 2)
			assert_true(llabs(verdict.budget_bytes - budget) < budget / 20);
		assert_true(verdict.consumption_bytes_s < MIB / 4);
	}
	/* A leak beside them is seen all the same, and at once. */
	for (int i = 60; i < 70; i++) {
		int64_t now_ns = (i + 1) * NS_PER_S;
		readings.stamp_ns[ROLE_MEM_FREE] = now_ns;
		set(&readings, ROLE_MEM_FREE, (300 - 20 * (i - 59)) * MIB);
		pressure_judge(&pressure, &conf, &readings, now_ns, &verdict);
	}
	assert_true(verdict.consumption_bytes_s > 15 * MIB);
	assert_true(verdict.budget_bytes < budget - 200 * MIB);
}

/* A status page that lies cannot make memory out of nothing, nor break the arithmetic. */
static void test_absurd_inputs(void **context)
{
	(void)context;
	static const int64_t absurd[] = {INT64_MAX, INT64_MAX / 1024, INT64_C(1) << 51, -1,
					 INT64_MIN};
	static const enum metric_role roles[] = {
		ROLE_WEB_BUSY,	     ROLE_MEM_FREE,	  ROLE_MEM_TOTAL, ROLE_FILE_ACTIVE,
		ROLE_FILE_DIRTY,     ROLE_FILE_WRITEBACK, ROLE_PSI_FULL,  ROLE_SLAB_RECLAIMABLE,
		ROLE_WATERMARK_HIGH, ROLE_SWAP_DISK_OUT,
	};
	for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++) {
		struct pressure pressure = {0};
		struct verdict verdict;
		for (int i = 0; i < 20; i++) {
			struct readings readings = at_rest();
			if (i % 2)
				set(&readings, roles[r], absurd[i / 2 % 5]);
			readings.stamp_ns[ROLE_MEM_FREE] = (i + 1) * 20 * NS_PER_MS;
			pressure_judge(&pressure, &conf, &readings, (i + 1) * 20 * NS_PER_MS,
				       &verdict);
			if (verdict.known && roles[r] == ROLE_WEB_BUSY)
				assert_true(verdict.budget_bytes <= 1000 * MIB);
		}
	}
}

/* Hands in a counter at a moment and asks for the verdict. */
static struct verdict at(struct pressure *pressure, struct readings *readings,
			 enum metric_role role, int64_t value, int64_t now_ms)
{
	struct verdict verdict;
	set(readings, role, value);
	readings->stamp_ns[role] = now_ms * NS_PER_MS;
	readings->stamp_ns[ROLE_MEM_FREE] = now_ms * NS_PER_MS;
	pressure_judge(pressure, &conf, readings, now_ms * NS_PER_MS, &verdict);
	return verdict;
}

static void test_swapping_is_per_second(void **context)
{
	(void)context;
	const enum metric_role OUT = ROLE_SWAP_DISK_OUT;
	enum { PAGE = 4096 };
	struct pressure pressure = {0};
	struct readings readings = at_rest();

	assert_false(at(&pressure, &readings, OUT, 0, 1000).disk_swapping);
	/* Two stray pages within 20 ms are two stray pages. */
	assert_false(at(&pressure, &readings, OUT, 2 * PAGE, 1020).disk_swapping);
	assert_false(at(&pressure, &readings, OUT, 63 * PAGE, 2000).disk_swapping);
	/* 64 within a second: as soon as they are there, whatever the pace of the samples. */
	assert_false(at(&pressure, &readings, OUT, 126 * PAGE, 2400).disk_swapping);
	assert_true(at(&pressure, &readings, OUT, 127 * PAGE, 2500).disk_swapping);
	assert_true(at(&pressure, &readings, OUT, 127 * PAGE, 3000).disk_swapping);
	assert_true(at(&pressure, &readings, OUT, 127 * PAGE, 3900).disk_swapping);
	assert_false(at(&pressure, &readings, OUT, 127 * PAGE, 4000).disk_swapping);
	/* Slow sampling: 40 s between two reads. */
	assert_false(at(&pressure, &readings, OUT, 1000 * PAGE, 44000).disk_swapping);
	assert_true(at(&pressure, &readings, OUT, 5000 * PAGE, 84000).disk_swapping);
}

static void test_stalls_only_confirm(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct readings readings = at_rest();

	at(&pressure, &readings, ROLE_PSI_FULL, 0, 1000);
	assert_false(at(&pressure, &readings, ROLE_PSI_FULL, 200000, 1900).stalled);
	set(&readings, ROLE_MEM_FREE, 0); /* below the reserve it counts */
	set(&readings, ROLE_FILE_INACTIVE, 0);
	assert_true(at(&pressure, &readings, ROLE_PSI_FULL, 200000, 1950).stalled);
}

/* Stock Pis have no PSI: allocations that must free memory themselves confirm as well. */
static void test_stalls_without_psi(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct readings readings = at_rest();

	at(&pressure, &readings, ROLE_ALLOC_STALL, 0, 1000);
	assert_false(at(&pressure, &readings, ROLE_ALLOC_STALL, 5000, 1900).stalled);
	set(&readings, ROLE_MEM_FREE, 0);
	set(&readings, ROLE_FILE_INACTIVE, 0);
	assert_true(at(&pressure, &readings, ROLE_ALLOC_STALL, 5000, 1950).stalled);
	assert_true(at(&pressure, &readings, ROLE_ALLOC_STALL, 5000, 2100).stalled);
	assert_false(at(&pressure, &readings, ROLE_ALLOC_STALL, 5050, 3200).stalled);
}

/* Memory of the workers is read: what they take and give back is no consumption of others. */
static void test_measured_workers(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct verdict verdict = {0};
	struct readings readings = at_rest();
	set(&readings, ROLE_WORKER_BYTES, 24 * MIB);
	set(&readings, ROLE_WEB_BUSY, 2);
	const struct pressure_conf measured = {
		.reserve = {.relative = true, .value = 20},
		.horizon_ns = 10 * NS_PER_S,
	};
	for (int i = 1; i <= 40; i++) {
		int64_t held = (i < 20 ? i : 40 - i) * 10 * MIB;
		readings.stamp_ns[ROLE_MEM_FREE] = i * NS_PER_S;
		set(&readings, ROLE_WEB_BYTES, held);
		set(&readings, ROLE_MEM_FREE, 300 * MIB - held);
		pressure_judge(&pressure, &measured, &readings, i * NS_PER_S, &verdict);
		assert_int_equal(verdict.consumption_bytes_s, 0);
		assert_int_equal(verdict.budget_bytes / MIB, 300 - 20 + 400 - 85 - 200);
		assert_int_equal(verdict.worker_bytes, 24 * MIB);
		assert_int_equal(verdict.demand_bytes, 60 * MIB); /* two, and a quarter */
	}
	/* The operator's word on the size of a worker stands above the measured one. */
	pressure_judge(&pressure, &conf, &readings, 41 * NS_PER_S, &verdict);
	assert_int_equal(verdict.worker_bytes, 32 * MIB);
	/* The processes cannot be read any more: the other way of counting, and no false slope. */
	readings.known &= ~(UINT64_C(1) << ROLE_WEB_BYTES);
	readings.stamp_ns[ROLE_MEM_FREE] = 42 * NS_PER_S;
	pressure_judge(&pressure, &measured, &readings, 42 * NS_PER_S, &verdict);
	assert_int_equal(verdict.consumption_bytes_s, 0);
}

/* Swapping at a headroom that was thought to be safe: from then on there is less of it. */
static void test_learns_from_swapping(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct readings readings = at_rest();
	int64_t before = at(&pressure, &readings, ROLE_SWAP_DISK_OUT, 0, 1000).headroom_bytes;
	struct verdict verdict = at(&pressure, &readings, ROLE_SWAP_DISK_OUT, 4 * MIB, 1500);
	assert_true(verdict.disk_swapping);
	assert_int_equal(verdict.margin_bytes,
			 0); /* with more than half left: not for want of it */
	pressure = (struct pressure){0};
	set(&readings, ROLE_MEM_FREE, 20 * MIB);
	set(&readings, ROLE_FILE_INACTIVE, 100 * MIB);
	before = at(&pressure, &readings, ROLE_SWAP_DISK_OUT, 0, 1000).headroom_bytes;
	verdict = at(&pressure, &readings, ROLE_SWAP_DISK_OUT, 4 * MIB, 1500);
	assert_int_equal(verdict.margin_bytes, before + 30 * MIB);
	assert_int_equal(verdict.headroom_bytes, -30 * MIB);
	/* Where it swapped is where swap is near, but the margin is not added to that once more. */
	assert_int_equal(verdict.near_bytes, verdict.margin_bytes);
	assert_int_equal(verdict.soon_bytes, before);
}

/* Apache is stopped: what it held is free, and not added to that for ever. */
static void test_workers_vanish(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct readings readings = at_rest();
	set(&readings, ROLE_WORKER_BYTES, 24 * MIB);
	set(&readings, ROLE_WEB_BYTES, 200 * MIB);
	struct verdict verdict = at(&pressure, &readings, ROLE_WEB_BUSY, 5, 1000);
	int64_t budget = verdict.budget_bytes;
	readings.known &= ~(UINT64_C(1) << ROLE_WEB_BYTES | UINT64_C(1) << ROLE_WEB_BUSY);
	int64_t now_ms = 2000;
	for (; now_ms <= 30000; now_ms += 1000) /* a moment is no proof: a reload, say */
		verdict = at(&pressure, &readings, ROLE_MEM_FREE, 500 * MIB, now_ms);
	assert_true(verdict.budget_bytes >= budget);
	for (; now_ms <= 90000; now_ms += 1000)
		verdict = at(&pressure, &readings, ROLE_MEM_FREE, 500 * MIB, now_ms);
	assert_true(verdict.budget_bytes <= verdict.headroom_bytes);
	assert_int_equal(verdict.consumption_bytes_s, 0);
}

static void test_what_fails_counts_without_memory(void **context)
{
	(void)context;
	struct pressure pressure = {0};
	struct verdict verdict;
	struct readings readings = at_rest();
	set(&readings, ROLE_STORAGE_FAILING, 1);
	set(&readings, ROLE_OUT_OF_MEMORY, 1);
	set(&readings, ROLE_KERNEL_FAILING, 0);
	readings.known &= ~(UINT64_C(1) << ROLE_MEM_FREE);
	pressure_judge(&pressure, &conf, &readings, 5 * NS_PER_S, &verdict);
	assert_false(verdict.known);
	assert_true(verdict.storage_failing);
	assert_true(verdict.out_of_memory);
	assert_false(verdict.kernel_failing);
	set(&readings, ROLE_STORAGE_FAILING, 0);
	set(&readings, ROLE_SWAP_FAILING, 1);
	pressure_judge(&pressure, &conf, &readings, 6 * NS_PER_S, &verdict);
	assert_true(verdict.storage_failing);
	assert_false(verdict.kernel_failing);
}

static void test_mul_div(void **context)
{
	(void)context;
	assert_int_equal(mul_div(7, 3, 2), 10);
	assert_int_equal(mul_div(-7, 3, 2), -10);
	assert_int_equal(mul_div(INT64_MAX, 2, 4), INT64_MAX / 4 * 2);
	assert_int_equal(mul_div(INT64_MAX, INT64_MAX, 1), INT64_MAX);
	assert_int_equal(mul_div(INT64_MIN, INT64_MAX, 1), INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_is_not_zero),
		cmocka_unit_test(test_slope),
		cmocka_unit_test(test_workers_are_not_a_leak),
		cmocka_unit_test(test_idle_workers_are_not_a_leak),
		cmocka_unit_test(test_absurd_inputs),
		cmocka_unit_test(test_swapping_is_per_second),
		cmocka_unit_test(test_stalls_only_confirm),
		cmocka_unit_test(test_stalls_without_psi),
		cmocka_unit_test(test_measured_workers),
		cmocka_unit_test(test_learns_from_swapping),
		cmocka_unit_test(test_workers_vanish),
		cmocka_unit_test(test_what_fails_counts_without_memory),
		cmocka_unit_test(test_mul_div),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
