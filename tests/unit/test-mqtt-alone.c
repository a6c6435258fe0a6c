/* SPDX-License-Identifier: MIT */
/*
 * Messages that go out alone, because this broker never took one of their size: what may happen until
 * the PUBACK comes.
 */
#include "tests/unit/test-mqtt-world.h"

static void fill(char *text, size_t size, char letter)
{
	memset(text, letter, size - 1);
	text[size - 1] = '\0';
}

static void welcome(struct world *world)
{
	unsigned char packet[4096];

	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
}

/* The reload comes while a message is out alone: its PUBACK must not be lost over that. */
static void test_reload_while_a_message_goes_alone(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];
	char large[1500], alone[1200];
	struct mqtt_mail *mail;

	fill(large, sizeof(large), 'x');
	fill(alone, sizeof(alone), 'y');
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	mail = mqtt_worker_mail(world->worker);
	put(world, MQTT_EVENT, large);
	for (int i = 0; i < 2; i++) {
		welcome(world);
		take_packet(world, packet);
		close(world->peer);
		hear_trouble(world, "closed the connection");
	}
	welcome(world);
	put(world, MQTT_EVENT, alone);
	take_packet(world, packet);
	mqtt_mail_hasten(mail);
	while (poll(&(struct pollfd){.fd = mail->wake_fd, .events = POLLIN}, 1, 0) == 1)
		;
	say(world, (unsigned char[]){0x40, 2, packet[14], packet[15]}, 4);
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x32, "p/i/event", large);
	world_free(world);
}

/* Who is cut off for talking too much has not refused what was out just then. */
static void test_talkative_broker_is_not_one_with_a_limit(void **state)
{
	(void)state;
	need_tcp_info();
	struct world *world = world_new();
	static unsigned char noise[65536];
	unsigned char packet[4096];
	char large[1500];

	fill(large, sizeof(large), 'x');
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = i % 2 ? 0 : 0xd0; /* PINGRESP */
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, large);
	for (int i = 0; i < 2; i++) {
		welcome(world);
		take_packet(world, packet);
		while (send(world->peer, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
			;
		close(world->peer);
		hear_trouble(world, "sends more than");
	}
	welcome(world);
	expect_publish(world, 0x32, "p/i/event", large);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload_while_a_message_goes_alone),
		cmocka_unit_test(test_talkative_broker_is_not_one_with_a_limit),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
