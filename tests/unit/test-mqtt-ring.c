/* SPDX-License-Identifier: MIT */
/* The ring of samples and events against a plain model, in random order, and property by property. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mqtt-ring-world.h"

#define MODEL_SAMPLES 20000

enum fate { WAITS, LIVE, ASKED, DONE, THINNED };

static enum fate fates[MODEL_SAMPLES + 1]; /* by number */
static int64_t stamps[MODEL_SAMPLES + 1];
static uint64_t newest;
static uint64_t
	inherited; /* up to this number, what an earlier process put: its stamps mean nothing */

static uint64_t put(struct world *world)
{
	newest = world_put(world, newest + 1);
	fates[newest] = WAITS;
	stamps[newest] = world->now_ns;
	return newest;
}

static void tell(struct world *world, uint64_t number)
{
	mqtt_ring_told(world->ring, number);
	if (fates[number] == WAITS)
		fates[number] = LIVE;
}

static void confirm(struct world *world, uint64_t number)
{
	mqtt_ring_confirm(world->ring, number);
	for (uint64_t i = 1; i <= number; i++)
		fates[i] = fates[i] == LIVE ? DONE : fates[i];
}

static void done(struct world *world, uint64_t number)
{
	mqtt_ring_done(world->ring, number);
	if (fates[number] != THINNED)
		fates[number] = DONE;
}

static void all_wait(void)
{
	for (uint64_t i = 1; i <= newest; i++)
		fates[i] = fates[i] == LIVE || fates[i] == ASKED ? WAITS : fates[i];
}

/* The next one is the oldest that waits, but for those that were thinned. Returns its number or 0. */
static uint64_t next(struct world *world, uint64_t below)
{
	uint64_t number = world_next(world, below), i;

	for (i = 1; i <= newest && i < below && i != number; i++) {
		if (fates[i] == WAITS)
			fates[i] = THINNED;
	}
	if (number) {
		assert_true(number < below && number <= newest);
		assert_int_equal(fates[number], WAITS);
		fates[number] = ASKED;
	}
	return number;
}

static uint64_t count(enum fate fate)
{
	uint64_t found = 0;

	for (uint64_t i = 1; i <= newest; i++)
		found += fates[i] == fate;
	return found;
}

static void begin(struct world *world)
{
	newest = inherited = 0;
	world_open(world);
	assert_non_null(world->ring);
}

/* Another process takes over. */
static void reopen(struct world *world)
{
	mqtt_ring_free(world->ring);
	world->ring = mqtt_ring_new(&world->memory);
	assert_non_null(world->ring);
	inherited = newest;
	all_wait();
}

/* Nothing was ever thinned: the ring knows exactly what the model knows. */
static void expect_exact(const struct world *world)
{
	struct mqtt_ring_counts counts = mqtt_ring_counts(world->ring);

	assert_int_equal(counts.thinned, 0);
	assert_int_equal(counts.lost, 0);
	assert_int_equal(count(THINNED), 0);
	assert_int_equal(counts.samples, newest - count(DONE));
	assert_int_equal(counts.untold, count(WAITS));
}

/* One random step. */
static void step(struct world *world, unsigned puts)
{
	uint64_t any = newest ? 1 + world_random((unsigned)newest) : 0;

	if (world_random(100) < puts || !newest) {
		put(world);
		return;
	}
	switch (world_random(12)) {
	case 0:
		mqtt_ring_restart(world->ring);
		all_wait();
		return;
	case 1:
		reopen(world);
		return;
	case 2:
		confirm(world, any);
		return;
	case 3:
		done(world, any);
		return;
	case 4:
		tell(world, any);
		return;
	case 5:
		tell(world, newest);
		return;
	case 6:
		confirm(world, newest);
		return;
	case 7:
		next(world, any);
		return;
	default:
		any = next(world, UINT64_MAX);
		if (any && world_random(2))
			done(world, any);
	}
}

static void test_any_order_while_there_is_room(void **state)
{
	(void)state;
	world_seed("room");
	for (unsigned round = 0; round < 20; round++) {
		struct world world;
		begin(&world);
		for (unsigned i = 0; i < 500; i++) {
			step(&world, 20 + round * 3);
			expect_exact(&world);
		}
		world_close(&world);
	}
}

static void test_any_order_when_it_is_full(void **state)
{
	(void)state;
	world_seed("full");
	for (unsigned round = 0; round < 4; round++) {
		struct world world;
		struct mqtt_ring_counts counts;
		uint64_t thinned = 0;
		begin(&world);
		while (newest < MODEL_SAMPLES) {
			uint64_t before = mqtt_ring_counts(world.ring).thinned;
			step(&world, 95);
			counts = mqtt_ring_counts(world.ring);
			assert_int_equal(counts.lost, 0);
			thinned += counts.thinned > before ? counts.thinned - before : 0;
		}
		mqtt_ring_restart(world.ring);
		all_wait();
		while (next(&world, UINT64_MAX))
			;
		/* Those that were thinned while they were told may have been confirmed later. */
		assert_in_range(count(THINNED), 1, thinned);
		for (uint64_t i = 1; i <= newest; i++)
			assert_true(fates[i] != THINNED || i <= inherited ||
				    stamps[i] <= world.now_ns - 60 * WORLD_SECOND_NS);
		world_close(&world);
	}
}

static void test_an_hour_is_complete(void **state)
{
	(void)state;
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < 3600; i++)
		put(&world);
	expect_exact(&world);
	for (uint64_t i = 1; i <= 3600; i++)
		assert_int_equal(next(&world, UINT64_MAX), i);
	assert_int_equal(next(&world, UINT64_MAX), 0);
	world_close(&world);
}

/* The ring has what it can: the longer ago, the wider apart, without long gaps, first and last there. */
static void test_thinning_is_even(void **state)
{
	(void)state;
	struct world world;
	uint64_t number, before = 0, kept = 0, gap[2] = {0};

	begin(&world);
	for (unsigned i = 0; i < MODEL_SAMPLES; i++)
		put(&world);
	while ((number = next(&world, UINT64_MAX)) != 0) {
		unsigned newer = number > MODEL_SAMPLES / 2;
		assert_true(number > before);
		if (number - before > gap[newer])
			gap[newer] = number - before;
		before = number;
		kept++;
		if (kept == 1)
			assert_int_equal(number, 1);
	}
	assert_int_equal(before, newest);
	assert_int_equal(count(THINNED), mqtt_ring_counts(world.ring).thinned);
	assert_int_equal(kept, newest - count(THINNED));
	for (uint64_t i = newest - 59; i <= newest; i++)
		assert_int_equal(fates[i], ASKED);
	/* Mean distance is newest / kept; each merger drops one of two, or at times two of three. */
	assert_true(kept > 3000);
	assert_in_range(gap[0], 2, 4 * newest / kept);
	assert_in_range(gap[1], 2, 4 * newest / kept);
	world_close(&world);
}

static void test_a_replay_gives_memory_back(void **state)
{
	(void)state;
	struct world world;
	uint64_t number;

	begin(&world);
	for (unsigned i = 0; i < 10000; i++)
		put(&world);
	assert_true(world.reserved > 90);
	while ((number = next(&world, UINT64_MAX)) != 0)
		done(&world, number);
	put(&world);
	/* One slot for samples, and the first page of the events. */
	assert_in_range(world.reserved, 1, 5);
	assert_int_equal(mqtt_ring_counts(world.ring).samples, 1);
	assert_int_equal(mqtt_ring_counts(world.ring).bytes, 16384);
	world_close(&world);
}

static void test_calm_needs_one_page(void **state)
{
	(void)state;
	struct world world;

	begin(&world);
	tell(&world, put(&world));
	for (unsigned page = 1; page < 4; page++)
		mprotect(world.memory.bytes + page * WORLD_PAGE, WORLD_PAGE, PROT_NONE);
	for (unsigned i = 0; i < 1000; i++) {
		tell(&world, put(&world));
		if (i % 10 == 9)
			confirm(&world, newest);
	}
	assert_int_equal(mqtt_ring_counts(world.ring).thinned, 0);
	world_close(&world);
}

static void test_a_full_tmpfs_is_a_smaller_ring(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 24; limit++) {
		struct world world;
		struct mqtt_ring_counts counts;
		uint64_t kept = 0;
		begin(&world);
		mqtt_ring_free(world.ring);
		world.limit = 0;
		for (size_t page = 0; page < WORLD_PAGES; page++)
			world_release(&world, page * WORLD_PAGE, WORLD_PAGE);
		world.ring = mqtt_ring_new(&world.memory);
		world.limit = limit;
		for (unsigned i = 0; i < 2000; i++)
			put(&world);
		counts = mqtt_ring_counts(world.ring);
		assert_int_equal(counts.lost, 0);
		assert_int_equal(counts.samples + counts.thinned, newest);
		while (next(&world, UINT64_MAX))
			kept++;
		assert_int_equal(kept, counts.samples);
		if (limit >= 4)
			assert_int_equal(fates[newest], ASKED);
		for (uint64_t i = newest - 59; limit >= 12 && i <= newest; i++)
			assert_int_equal(fates[i], ASKED);
		world_close(&world);
	}
}

static void test_it_grows_when_the_tmpfs_has_room_again(void **state)
{
	(void)state;
	struct world world;

	begin(&world);
	world.limit = 9;
	for (unsigned i = 0; i < 1000; i++)
		put(&world);
	world.limit = WORLD_PAGES;
	for (unsigned i = 0; i < 2000; i++)
		put(&world);
	assert_in_range(mqtt_ring_counts(world.ring).samples, 2000, 3000);
	world_close(&world);
}

static void test_documents_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	static char text[16385];
	struct world world;
	uint64_t number;

	begin(&world);
	put(&world);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(32 + world_random(90));
	assert_int_equal(mqtt_ring_put(world.ring, world.now_ns, text, 16385, &number), -EMSGSIZE);
	/* Noise has nothing to copy from. */
	assert_int_equal(mqtt_ring_put(world.ring, world.now_ns, text, 16384, &number), -EMSGSIZE);
	put(&world);
	expect_exact(&world);
	for (uint64_t i = 1; i <= 2; i++)
		assert_int_equal(next(&world, UINT64_MAX), i);
	world_close(&world);
}

static void test_large_documents_of_any_kind_go_through(void **state)
{
	(void)state;
	static char text[16384], buffer[16384];
	struct world world;
	uint64_t number;
	size_t length;

	begin(&world);
	for (unsigned i = 0; i < 200; i++) {
		for (size_t j = 0; j < 15000; j++)
			text[j] = (char)(32 + (i * 7919 + j * j / 64) % 90);
		assert_int_equal(mqtt_ring_put(world.ring, world.now_ns, text, 15000, &number), 0);
		assert_true(mqtt_ring_next(world.ring, UINT64_MAX, buffer, sizeof(buffer), &number,
					   &length));
		assert_int_equal(length, 15000);
		assert_memory_equal(buffer, text, 15000);
		if (i % 3)
			mqtt_ring_done(world.ring, number);
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order_while_there_is_room),
		cmocka_unit_test(test_any_order_when_it_is_full),
		cmocka_unit_test(test_an_hour_is_complete),
		cmocka_unit_test(test_thinning_is_even),
		cmocka_unit_test(test_a_replay_gives_memory_back),
		cmocka_unit_test(test_calm_needs_one_page),
		cmocka_unit_test(test_a_full_tmpfs_is_a_smaller_ring),
		cmocka_unit_test(test_it_grows_when_the_tmpfs_has_room_again),
		cmocka_unit_test(test_documents_that_do_not_fit_are_refused),
		cmocka_unit_test(test_large_documents_of_any_kind_go_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
