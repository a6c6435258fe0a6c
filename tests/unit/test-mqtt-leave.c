/* SPDX-License-Identifier: MIT */
/*
 * How the MQTT notifier leaves in each state of its connection, seen by the broker: a DISCONNECT takes the will back, an
 * end without one lets the broker say "offline". Over a hand-over nobody may hear that.
 */
#include "tests/unit/test-mqtt-world.h"

/* What comes until the connection ends; true if the last of it is a DISCONNECT. */
static bool takes_leave(struct world *world)
{
	unsigned char bytes[8192];
	size_t length = 0;
	ssize_t got;

	memcpy(bytes, world->bytes, world->length);
	length = world->length;
	do {
		await(world->peer);
		got = recv(world->peer, bytes + length, sizeof(bytes) - length, 0);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	return length >= 2 && bytes[length - 2] == 0xe0 && bytes[length - 1] == 0;
}

static struct world *call(void)
{
	struct world *world = world_new();

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, "e1");
	take_call(world);
	return world;
}

static struct world *greet(void)
{
	struct world *world = call();
	unsigned char packet[4096];

	take_packet(world, packet);
	assert_int_equal(packet[0], 0x10);
	return world;
}

/* It does not confirm the event, so not all has been said. */
static struct world *welcome(void)
{
	struct world *world = greet();

	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	return world;
}

static void leave(struct world *world, bool discreet, bool expected)
{
	mqtt_worker_finish(world->worker, discreet);
	mqtt_worker_close(world->worker);
	world->worker = NULL;
	assert_int_equal(takes_leave(world), expected);
	world_free(world);
}

static void test_before_the_welcome(void **state)
{
	(void)state;
	leave(greet(), true, true);
	leave(greet(), false, false);
}

/* The loop has no time to wait for the goodbye. */
static void test_in_the_middle(void **state)
{
	(void)state;
	leave(welcome(), true, true);
	leave(welcome(), false, false);
}

/* It comes up after the loop took it for nobody to say goodbye to. */
static void test_comes_up_just_now(void **state)
{
	(void)state;
	struct world *world = call();
	unsigned char packet[4096];

	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	leave(world, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_welcome),
		cmocka_unit_test(test_in_the_middle),
		cmocka_unit_test(test_comes_up_just_now),
	};

	return cmocka_run_group_tests_name("mqtt-leave", tests, NULL, NULL);
}
