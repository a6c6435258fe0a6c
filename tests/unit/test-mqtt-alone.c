/* SPDX-License-Identifier: MIT */
/*
 * Messages that go out alone, because this broker never took one of their size: what may happen until
 * the PUBACK comes.
 */
#include "tests/unit/test-mqtt-world.h"

#include <fcntl.h>

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
	char large[1500], alone[1100];
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

/* Talks until it is cut off. */
static void make_noise(struct world *world)
{
	static unsigned char noise[65536];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = i % 2 ? 0 : 0xd0; /* PINGRESP */
	while (send(world->peer, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
		;
	close(world->peer);
}

/* Who is cut off for talking too much has not refused what was out just then. */
static void test_talkative_broker_is_not_one_with_a_limit(void **state)
{
	(void)state;
	need_tcp_info();
	struct world *world = world_new();
	unsigned char packet[4096];
	char large[1500];

	fill(large, sizeof(large), 'x');
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, large);
	for (int i = 0; i < 2; i++) {
		welcome(world);
		take_packet(world, packet);
		make_noise(world);
		hear_trouble(world, "sends more than");
	}
	welcome(world);
	expect_publish(world, 0x32, "p/i/event", large);
	world_free(world);
}

static void welcome_to_home_assistant(struct world *world)
{
	unsigned char packet[4096];

	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	do
		take_packet(world, packet);
	while (packet[0] != 0x82); /* SUBSCRIBE */
}

/* Who was told too much from there listens again after a reload: the operator may have removed it. */
static void test_reload_opens_the_ears(void **state)
{
	(void)state;
	need_tcp_info();
	struct world *world = world_new();

	world->reconnect_ns = 3600 * NS_PER_S; /* longer than any deadline here */
	world->discovery = MQTT_CONF_DISCOVERY_DEVICE;
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	welcome_to_home_assistant(world);
	make_noise(world);
	hear_trouble(world, "sends more than");
	mqtt_mail_hasten(mqtt_worker_mail(
		world->worker)); /* once: the next connection would hear another one */
	welcome_to_home_assistant(world);
	world_free(world);
}

/* Takes a call as a broker of MQTT 5 that says a limit of 1,024 bytes. */
static void welcome_limited(struct world *world)
{
	static const unsigned char limited[] = {0x20, 8, 0, 0, 5, 0x27, 0, 0, 4, 0};
	unsigned char packet[4096];

	take_call(world);
	take_packet(world, packet);
	say(world, limited, sizeof(limited));
	take_packet(world, packet); /* "online" */
	say(world, (unsigned char[]){0x40, 2, packet[4 + packet[3]], packet[5 + packet[3]]}, 4);
}

/* Nobody is woken for that. */
static void await_withheld(struct world *world, size_t count)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	while (world->news.withheld < count) {
		assert_true(time(NULL) <= deadline);
		mqtt_mail_news(mqtt_worker_mail(world->worker), &world->news);
		poll(NULL, 0, 5);
	}
}

/* Once on each connection, and again where it is lower by more than a few bytes. */
static void test_a_limit_is_told_once(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		int told;
	} steps[] = {{1500, 1}, {1490, 1}, {1150, 2}, {1140, 2}, {1500, 2}};
	struct world *world = world_new();
	char large[1500], said[8192] = "";
	size_t used = 0;
	int ends[2], saved = dup(STDERR_FILENO), told[5] = {0};

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	assert_int_equal(listen(world->listener, 1), 0);
	world->protocol = MQTT_CONF_PROTOCOL_5;
	world_start(world);
	welcome_limited(world);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fill(large, steps[i].size, 'x');
		put(world, MQTT_EVENT, large);
		await_withheld(world, i + 1);
		ssize_t n = read(ends[0], said + used, sizeof(said) - 1 - used);
		used += n > 0 ? (size_t)n : 0;
		for (const char *at = said; (at = strstr(at, "no message as large")); at++)
			told[i]++;
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(told[i], steps[i].told);
	world_free(world);
}

/* A stop or a reload while a message goes alone, which the broker had ended the connection for once before. */
static void test_our_own_end_blames_nobody(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];
	char large[1500], said[1024] = "";
	int ends[2], saved = dup(STDERR_FILENO);

	fill(large, sizeof(large), 'x');
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, large);
	welcome(world);
	take_packet(world, packet);
	close(world->peer);
	hear_trouble(world, "closed the connection");
	welcome(world);
	take_packet(world, packet);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	mqtt_worker_close(world->worker);
	await_threads(1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	assert_true(read(ends[0], said, sizeof(said) - 1) >= 0);
	close(ends[0]);
	assert_string_equal(said, "");
	world->worker = NULL;
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload_while_a_message_goes_alone),
		cmocka_unit_test(test_talkative_broker_is_not_one_with_a_limit),
		cmocka_unit_test(test_reload_opens_the_ears),
		cmocka_unit_test(test_a_limit_is_told_once),
		cmocka_unit_test(test_our_own_end_blames_nobody),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
