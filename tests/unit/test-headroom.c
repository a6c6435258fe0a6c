/* SPDX-License-Identifier: MIT */
/* Headroom: what counts as free, and what is remembered of the file cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/headroom.h"
#include "agent/units.h"

#define MIB (INT64_C(1) << 20)

static void set(struct readings *readings, enum metric_role role, int64_t value)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = value;
}

static void unset(struct readings *readings, enum metric_role role)
{
	readings->known &= ~(UINT64_C(1) << role);
}

/* A Pi 3 at rest: 1000 MiB, 300 free, 400 of file cache (100 in use), disk swap. */
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

static int64_t mib(int64_t bytes)
{
	return (bytes + (bytes < 0 ? -MIB : MIB) / 2) / MIB;
}

static int64_t fresh_mib(const struct readings *readings)
{
	struct headroom headroom = {0};
	struct headroom_level level;
	const char *why;
	assert_int_equal(headroom_update(&headroom, readings, NS_PER_S, &level, &why), 0);
	return mib(level.bytes);
}

static void test_level(void **context)
{
	(void)context;
	struct readings readings = at_rest();
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 400 - 85);

	set(&readings, ROLE_FILE_DIRTY, 100 * MIB); /* must be written first */
	set(&readings, ROLE_FILE_WRITEBACK, 50 * MIB);
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 250 - 85);
	set(&readings, ROLE_SLAB_RECLAIMABLE, 40 * MIB);
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 250 - 85 + 20);

	/* All of the cache in use and dirty: it counts as nothing, never as less. */
	set(&readings, ROLE_FILE_DIRTY, 900 * MIB);
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 20);
}

static void test_swappiness_and_kind(void **context)
{
	(void)context;
	static const struct {
		int64_t swappiness, kind, hot_mib;
	} cases[] = {
		{60, SWAP_DISK, 85}, {100, SWAP_DISK, 85}, {0, SWAP_DISK, 50},
		{1, SWAP_DISK, 50},  {30, SWAP_DISK, 67},  {60, SWAP_MIXED, 85},
		{60, SWAP_NONE, 50}, {100, SWAP_ZRAM, 50},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct readings readings = at_rest();
		set(&readings, ROLE_SWAPPINESS, cases[i].swappiness);
		set(&readings, ROLE_SWAP_KIND, cases[i].kind);
		assert_int_equal(fresh_mib(&readings), 300 - 20 + 400 - cases[i].hot_mib);
	}
	/* Not known: as with the default. */
	struct readings readings = at_rest();
	unset(&readings, ROLE_SWAPPINESS);
	unset(&readings, ROLE_SWAP_KIND);
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 400 - 85);
}

/* Without zoneinfo the kernel's own default watermark counts, not nothing. */
static void test_default_watermark(void **context)
{
	(void)context;
	struct readings with = at_rest(), without = at_rest();
	unset(&without, ROLE_WATERMARK_HIGH);
	set(&with, ROLE_WATERMARK_HIGH, 0);
	assert_in_range(fresh_mib(&with) - fresh_mib(&without), 1, 20);
}

/* 32-bit: the kernel's own part is nearly gone while high memory is free. */
static void test_low_memory(void **context)
{
	(void)context;
	struct readings readings = at_rest();
	set(&readings, ROLE_LOW_TOTAL, 500 * MIB);
	set(&readings, ROLE_LOW_FREE, 400 * MIB);
	set(&readings, ROLE_LOW_FILE, 100 * MIB);
	assert_int_equal(fresh_mib(&readings), 300 - 20 + 400 - 85);
	set(&readings, ROLE_LOW_FREE, 10 * MIB);
	set(&readings, ROLE_LOW_FILE, 20 * MIB);
	assert_int_equal(fresh_mib(&readings), 40); /* (10 + 20 / 2) of 500, as part of 1000 */
	set(&readings, ROLE_LOW_FREE, -15 * MIB);
	assert_int_equal(fresh_mib(&readings), -10);
}

/* The active list shrinks while the kernel reclaims; what was in use a moment ago still is. */
static void test_hot_cache_is_remembered(void **context)
{
	(void)context;
	struct headroom headroom = {0};
	struct headroom_level level;
	const char *why;
	struct readings readings = at_rest();
	int64_t now_ns = NS_PER_S;

	headroom_update(&headroom, &readings, now_ns, &level, &why);
	set(&readings, ROLE_FILE_ACTIVE, 50 * MIB);
	set(&readings, ROLE_FILE_INACTIVE, 50 * MIB);
	now_ns += NS_PER_S;
	headroom_update(&headroom, &readings, now_ns, &level, &why);
	assert_int_equal(mib(level.bytes), 300 - 20 + 45); /* not the 15 above the hot ones */
	/* The same moment again changes nothing. */
	struct headroom before = headroom;
	headroom_update(&headroom, &readings, now_ns, &level, &why);
	assert_memory_equal(&before, &headroom, sizeof(before));
	/* Dropped for minutes without being read again: it was not in use. */
	for (int i = 0; i < 600; i++) {
		now_ns += NS_PER_S;
		headroom_update(&headroom, &readings, now_ns, &level, &why);
	}
	assert_in_range(mib(level.bytes), 300 - 20 + 100 - 44, 300 - 20 + 100 - 42);
}

/* Pages that are read again for seconds say that the cache is in use; a single burst does not. */
static void test_refaults(void **context)
{
	(void)context;
	struct headroom headroom = {0};
	struct headroom_level level;
	const char *why;
	struct readings readings = at_rest();
	readings.rate_known = UINT64_C(1) << ROLE_FILE_REFAULT;

	headroom_update(&headroom, &readings, NS_PER_S, &level, &why);
	readings.rate_milli[ROLE_FILE_REFAULT] = 16 * MIB * 1000;
	headroom_update(&headroom, &readings, 2 * NS_PER_S, &level, &why);
	assert_int_equal(mib(level.bytes), 300 - 20 + 400 - 85);
	for (int i = 3; i < 20; i++)
		headroom_update(&headroom, &readings, i * NS_PER_S, &level, &why);
	assert_int_equal(mib(level.bytes), 300 - 20 + 180); /* 45 % at least */
}

/* Reading, writing and dropping files moves pages about; only what is taken for good is missing. */
static void test_stock(void **context)
{
	(void)context;
	struct headroom headroom = {0};
	struct headroom_level level;
	const char *why;
	struct readings readings = at_rest();
	headroom_update(&headroom, &readings, NS_PER_S, &level, &why);
	int64_t stock = level.stock_bytes;

	set(&readings, ROLE_MEM_FREE, 100 * MIB);
	set(&readings, ROLE_FILE_INACTIVE, 450 * MIB);
	set(&readings, ROLE_FILE_ACTIVE, 150 * MIB);
	set(&readings, ROLE_FILE_DIRTY, 90 * MIB);
	headroom_update(&headroom, &readings, 2 * NS_PER_S, &level, &why);
	assert_int_equal(level.stock_bytes, stock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_swappiness_and_kind),
		cmocka_unit_test(test_default_watermark),
		cmocka_unit_test(test_low_memory),
		cmocka_unit_test(test_hot_cache_is_remembered),
		cmocka_unit_test(test_refaults),
		cmocka_unit_test(test_stock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
