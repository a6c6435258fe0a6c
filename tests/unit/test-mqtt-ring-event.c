/* SPDX-License-Identifier: MIT */
/* Events in the ring: in order, byte for byte, apart from samples, and the newest stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mqtt-ring-world.h"

static size_t event(uint64_t number, char *text)
{
	size_t length = (size_t)(number * 7919 % 600);

	for (size_t i = 0; i < length; i++)
		text[i] = (char)(number + i * i);
	return length;
}

static void put(struct world *world, uint64_t number)
{
	char text[600];
	size_t length = event(number, text);

	assert_int_equal(mqtt_ring_put_event(world->ring, text, length), 0);
}

static uint64_t next(struct world *world)
{
	char text[600], buffer[MQTT_RING_EVENT_SIZE];
	uint64_t number;
	size_t length;

	if (!mqtt_ring_next_event(world->ring, buffer, sizeof(buffer), &number, &length))
		return 0;
	assert_int_equal(length, event(number, text));
	assert_memory_equal(buffer, text, length);
	return number;
}

static void reopen(struct world *world)
{
	mqtt_ring_free(world->ring);
	world->ring = mqtt_ring_new(&world->memory);
}

static void test_in_order_until_done(void **state)
{
	(void)state;
	struct world world;

	world_open(&world);
	for (uint64_t i = 1; i <= 100; i++)
		put(&world, i);
	for (uint64_t i = 1; i <= 50; i++)
		assert_int_equal(next(&world), i);
	for (uint64_t i = 1; i <= 50; i += 2)
		mqtt_ring_done_event(world.ring, i);
	mqtt_ring_restart(world.ring);
	for (uint64_t i = 2; i <= 50; i += 2)
		assert_int_equal(next(&world), i);
	for (uint64_t i = 51; i <= 100; i++)
		assert_int_equal(next(&world), i);
	assert_int_equal(next(&world), 0);
	assert_int_equal(mqtt_ring_counts(world.ring).events, 75);
	reopen(&world);
	assert_int_equal(mqtt_ring_counts(world.ring).events, 75);
	put(&world, 101);
	for (uint64_t i = 2; i <= 101; i += i < 50 ? 2 : 1)
		assert_int_equal(next(&world), i);
	for (uint64_t i = 1; i <= 101; i++)
		mqtt_ring_done_event(world.ring, i);
	assert_int_equal(mqtt_ring_counts(world.ring).events, 0);
	assert_int_equal(mqtt_ring_counts(world.ring).displaced, 0);
	/* Two directories, and the slot that is written. */
	assert_in_range(world.reserved, 2, 3);
	world_close(&world);
}

static void test_the_newest_stay(void **state)
{
	(void)state;
	for (size_t limit = 0; limit <= WORLD_PAGES; limit += limit < 8 ? 1 : 30) {
		struct world world;
		struct mqtt_ring_counts counts;
		uint64_t first;
		world_make(&world);
		world.limit = limit;
		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t i = 1; i <= 2000; i++)
			put(&world, i);
		counts = mqtt_ring_counts(world.ring);
		assert_int_equal(counts.events + counts.displaced, 2000);
		first = next(&world);
		if (limit >= 2)
			assert_int_equal(first, counts.displaced + 1);
		for (uint64_t i = first + 1; first && i <= 2000; i++)
			assert_int_equal(next(&world), i);
		assert_int_equal(next(&world), 0);
		if (limit == WORLD_PAGES)
			assert_true(counts.events > 250);
		world_close(&world);
	}
}

static void test_samples_never_take_their_room(void **state)
{
	(void)state;
	struct world world;

	world_open(&world);
	for (uint64_t i = 1; i <= 200; i++)
		put(&world, i);
	for (uint64_t i = 1; i <= 10000; i++)
		world_put(&world, i);
	assert_int_equal(mqtt_ring_counts(world.ring).displaced, 0);
	for (uint64_t i = 1; i <= 200; i++)
		assert_int_equal(next(&world), i);
	world_close(&world);
}

static void test_lengths(void **state)
{
	(void)state;
	static char text[MQTT_RING_EVENT_SIZE + 1], buffer[MQTT_RING_EVENT_SIZE];
	struct world world;
	uint64_t number;
	size_t length;

	memset(text, 'x', sizeof(text));
	world_open(&world);
	assert_int_equal(mqtt_ring_put_event(world.ring, text, sizeof(text)), -EMSGSIZE);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(mqtt_ring_put_event(world.ring, text, MQTT_RING_EVENT_SIZE), 0);
	assert_int_equal(mqtt_ring_put_event(world.ring, text, 0), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(
			mqtt_ring_next_event(world.ring, buffer, sizeof(buffer), &number, &length));
		assert_int_equal(number, i + 1);
		assert_int_equal(length, i < 3 ? MQTT_RING_EVENT_SIZE : 0);
		assert_memory_equal(buffer, text, length);
	}
	assert_int_equal(mqtt_ring_counts(world.ring).displaced, 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order_until_done),
		cmocka_unit_test(test_the_newest_stay),
		cmocka_unit_test(test_samples_never_take_their_room),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
