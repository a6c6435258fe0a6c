/* SPDX-License-Identifier: MIT */
/*
 * The MQTT notifier and its thread against sockets that this test holds itself: nobody listens,
 * somebody listens and is silent, refuses, or talks nonsense, and one that is as much of a broker as
 * it takes to see birth and goodbye. The real broker comes in the lab tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_worker.h"
#include "notifiers/notifiers.h"

#define DEADLINE_MS 20000

static const unsigned char CONNACK_WELCOME[] = {0x20, 2, 0, 0};
static const unsigned char CONNACK_NOT_AUTHORISED[] = {0x20, 2, 0, 5};

struct world {
	int listener, peer;
	int port;
	struct mqtt_worker *worker;
	struct mqtt_news news;
	unsigned char bytes[4096]; /* from the worker, not looked at yet */
	size_t length;
};

static void await(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&poll_fd, 1, DEADLINE_MS), 1);
}

static struct world *world_new(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct world *world = calloc(1, sizeof(*world));
	socklen_t length = sizeof(address);

	assert_non_null(world);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	world->peer = -1;
	world->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(world->listener, (struct sockaddr *)&address, &length), 0);
	world->port = ntohs(address.sin_port);
	return world;
}

static void world_start(struct world *world)
{
	struct mqtt_worker_conf conf = {
		.settings =
			{
				.host = "127.0.0.1",
				.port = world->port,
				.keepalive = 30 * NS_PER_S,
				.reconnect_max = NS_PER_S,
			},
		.client_id = "hostingpi-test",
		.seed = 7,
	};

	for (int i = 0; i < MQTT_TOPICS; i++)
		assert_int_equal(mqtt_topic_build("p", "i", mqtt_topic_kinds[i].leaf,
						  conf.topics[i], sizeof(conf.topics[i])),
				 0);
	assert_int_equal(mqtt_worker_start(&conf, &world->worker), 0);
}

static void world_free(struct world *world)
{
	mqtt_worker_close(world->worker);
	if (world->peer >= 0)
		close(world->peer);
	close(world->listener);
	free(world);
}

static void hear(struct world *world)
{
	struct mqtt_mail *mail = mqtt_worker_mail(world->worker);

	await(mail->news_fd);
	while (mqtt_mail_news(mail, &world->news) == -EAGAIN)
		;
}

static void hear_trouble(struct world *world, const char *text)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	do {
		hear(world);
		if (time(NULL) > deadline)
			fail_msg("waited for \"%s\", heard \"%s\"", text, world->news.trouble);
	} while (!strstr(world->news.trouble, text));
}

static void take_call(struct world *world)
{
	await(world->listener);
	world->peer = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(world->peer >= 0);
	world->length = 0;
}

static void say(struct world *world, const void *data, size_t length)
{
	assert_int_equal(send(world->peer, data, length, MSG_NOSIGNAL), length);
}

/* Reads one packet (shorter than 16 KiB) to ret_packet. Returns its length; the type is its first byte. */
static size_t take_packet(struct world *world, unsigned char *ret_packet)
{
	for (;;) {
		unsigned char *bytes = world->bytes;
		size_t head = world->length > 1 && bytes[1] & 0x80 ? 3 : 2;
		if (world->length >= head) {
			size_t length = head + (bytes[1] & 0x7f);
			if (head == 3)
				length += (size_t)bytes[2] << 7;
			if (world->length >= length) {
				memcpy(ret_packet, bytes, length);
				memmove(bytes, bytes + length, world->length -= length);
				return length;
			}
		}
		await(world->peer);
		ssize_t got = recv(world->peer, bytes + world->length,
				   sizeof(world->bytes) - world->length, 0);
		assert_true(got > 0);
		world->length += (size_t)got;
	}
}

/* The next packet is a PUBLISH of this; it is acknowledged if it asks for that. */
static void expect_publish(struct world *world, unsigned char head, const char *topic,
			   const char *payload)
{
	unsigned char packet[4096];
	size_t length = take_packet(world, packet), at = packet[1] & 0x80 ? 3 : 2;
	size_t topic_length = (size_t)packet[at] << 8 | packet[at + 1];

	assert_int_equal(packet[0], head);
	assert_int_equal(topic_length, strlen(topic));
	assert_memory_equal(packet + at + 2, topic, topic_length);
	at += 2 + topic_length;
	if (head & 0x06) {
		unsigned char puback[] = {0x40, 2, packet[at], packet[at + 1]};
		say(world, puback, sizeof(puback));
		at += 2;
	}
	assert_int_equal(length - at, strlen(payload));
	assert_memory_equal(packet + at, payload, length - at);
}

static void put(struct world *world, enum mqtt_topic topic, const char *text)
{
	struct mqtt_mail *mail = mqtt_worker_mail(world->worker);

	while (mqtt_mail_put(mail, topic, text, strlen(text)) == -EAGAIN)
		;
}

static void test_nobody_listens(void **state)
{
	(void)state;
	struct world *world = world_new();

	world_start(world); /* bound, but not listening */
	hear_trouble(world, "Connection refused");
	assert_int_equal(world->news.connections, 0);
	assert_true(mqtt_worker_finish(world->worker)); /* nobody to say goodbye to */
	world_free(world);
}

static void test_silent_listener(void **state)
{
	(void)state;
	struct world *world = world_new();

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	take_call(world);
	hear(world);
	assert_int_equal(world->news.stage, MQTT_STAGE_CALLING);
	assert_true(mqtt_worker_finish(world->worker));
	world_free(world); /* does not wait for an answer */
}

static void test_refusal_and_nonsense(void **state)
{
	(void)state;
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				   "Connection: close\r\n\r\nThis is no broker.\r\n";
	static const unsigned char huge[] = {0x30, 0xff, 0xff, 0xff, 0x7f};
	struct world *world = world_new();
	unsigned char packet[4096];

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	take_call(world);
	take_packet(world, packet);
	assert_int_equal(packet[0], 0x10); /* CONNECT */
	say(world, CONNACK_NOT_AUTHORISED, sizeof(CONNACK_NOT_AUTHORISED));
	hear_trouble(world, "look at credential_file");
	close(world->peer);

	take_call(world);
	take_packet(world, packet);
	say(world, http, sizeof(http) - 1);
	hear_trouble(world, "does not speak MQTT");
	close(world->peer);

	take_call(world);
	take_packet(world, packet);
	close(world->peer);
	hear_trouble(world, "closed the connection");

	/* A packet of 256 MiB begins: nobody may wait for the rest of it, or keep it. */
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	say(world, huge, sizeof(huge));
	memset(packet, 'x', sizeof(packet));
	while (send(world->peer, packet, sizeof(packet), MSG_NOSIGNAL) > 0)
		;
	hear_trouble(world, "does not speak MQTT");
	world_free(world);
}

static void test_birth_news_and_goodbye(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, "e1");
	put(world, MQTT_STATE, "s1");
	take_call(world);
	take_packet(world, packet);
	/* MQTT 3.1.1; clean session; will: retained, QoS 1 */
	assert_memory_equal(packet + 2, "\0\4MQTT\4\x2e", 8);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x30, "p/i/state", "s1");
	expect_publish(world, 0x32, "p/i/event", "e1");
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	assert_string_equal(world->news.trouble, "");
	put(world, MQTT_WEIGHT, "w1");
	expect_publish(world, 0x33, "p/i/weight", "w1");

	/* The connection breaks: all but the finished event is said again. */
	close(world->peer);
	hear_trouble(world, "closed the connection");
	put(world, MQTT_EVENT, "e2");
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x33, "p/i/weight", "w1");
	expect_publish(world, 0x30, "p/i/state", "s1");
	expect_publish(world, 0x32, "p/i/event", "e2");
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	assert_int_equal(world->news.connections, 2);

	assert_false(mqtt_worker_finish(world->worker));
	expect_publish(world, 0x33, "p/i/availability", "offline");
	assert_int_equal(take_packet(world, packet), 2);
	assert_int_equal(packet[0], 0xe0); /* DISCONNECT: no will */
	do
		hear(world);
	while (world->news.stage == MQTT_STAGE_CONNECTED);
	assert_true(mqtt_worker_finish(world->worker));
	assert_int_equal(world->news.waiting, 0);
	world_free(world);
}

static int64_t fixed_time(const struct env *env)
{
	(void)env;
	return 5;
}

static uint32_t fixed_entropy(const struct env *env)
{
	(void)env;
	return 5;
}

static void test_without_host_nothing_starts(void **state)
{
	(void)state;
	const struct env env = {
		.id = "i",
		.run_dir = "",
		.now_ns = fixed_time,
		.wall_ms = fixed_time,
		.entropy = fixed_entropy,
	};
	struct mqtt_conf conf = {.prefix = "p"};
	const struct module *module = &mqtt_notifier.module;
	void *self = calloc(1, module->self_size);
	const struct report report = {.kind = REPORT_EVENT, .event = &(struct event){.id = 1}};
	struct batch batch;
	struct json json;
	char text[1024];

	assert_non_null(self);
	assert_int_equal(module->open(self, &conf, &env), 0);
	batch_reset(&batch);
	assert_int_equal(module->read(self, 0, &batch), 0);
	assert_int_equal(batch.sample_count, module->metric_count);
	for (size_t i = 0; i < batch.sample_count; i++) {
		assert_int_equal(batch.samples[i].kind, SAMPLE_UNKNOWN);
		assert_non_null(strstr(batch.samples[i].text, "set host in section [mqtt]"));
	}
	assert_int_equal(mqtt_notifier.publish(self, &report), 0);
	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	mqtt_notifier.status(self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	assert_string_equal(text, "{\"configured\":false}");
	assert_true(mqtt_notifier.stop(self));
	module->close(self);

	/* A credential file that cannot be read: the module cannot work, and can be closed. */
	memset(self, 0, module->self_size);
	strcpy(conf.host, "127.0.0.1");
	strcpy(conf.credential_file, "/nonexistent/secret");
	assert_int_equal(module->open(self, &conf, &env), -ENOENT);
	module->close(self);
	free(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_silent_listener),
		cmocka_unit_test(test_refusal_and_nonsense),
		cmocka_unit_test(test_birth_news_and_goodbye),
		cmocka_unit_test(test_without_host_nothing_starts),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
