/* SPDX-License-Identifier: MIT */
/*
 * A socket where a broker should be, held by the test itself: it listens or does not, takes calls,
 * reads and writes packets of MQTT 3.1.1 by hand. To be included once by a test program.
 */
#ifndef HOSTINGPI_TEST_MQTT_WORLD_H
#define HOSTINGPI_TEST_MQTT_WORLD_H

#include "tests/unit/test-mqtt-memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/mqtt_worker.h"
#include "tests/unit/tcp-info.h"

#define DEADLINE_MS 20000

static const unsigned char CONNACK_WELCOME[] = {0x20, 2, 0, 0};

struct world {
	int listener, peer;
	int port;
	const char *host, *credential_file; /* NULL: the listener, none */
	enum mqtt_conf_discovery discovery;
	enum mqtt_conf_protocol protocol;
	int64_t reconnect_ns;
	struct mqtt_ring *ring;
	struct mqtt_worker *worker;
	struct mqtt_news news;
	unsigned char bytes[4096]; /* from the worker, not looked at yet */
	size_t length;
};

static inline void await(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&poll_fd, 1, DEADLINE_MS), 1);
}

static inline struct world *world_new(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct world *world = calloc(1, sizeof(*world));
	socklen_t length = sizeof(address);

	assert_non_null(world);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	world->peer = -1;
	world->reconnect_ns = NS_PER_S;
	world->discovery = MQTT_CONF_DISCOVERY_OFF;
	world->ring = make_ring(true);
	world->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(world->listener, (struct sockaddr *)&address, &length), 0);
	world->port = ntohs(address.sin_port);
	return world;
}

static inline void world_start(struct world *world)
{
	struct mqtt_worker_conf conf = {
		.settings =
			{
				.host = "127.0.0.1",
				.port = world->port,
				.prefix = "p",
				.keepalive = 30 * NS_PER_S,
				.reconnect_min = world->reconnect_ns,
				.reconnect_max = world->reconnect_ns,
				.history_rate = 100,
				.discovery = (int)world->discovery,
				.protocol = (int)world->protocol,
				.discovery_prefix = "homeassistant",
			},
		.client_id = "hostingpi-test",
		.seed = 7,
	};

	if (world->host)
		snprintf(conf.settings.host, sizeof(conf.settings.host), "%s", world->host);
	if (world->credential_file)
		snprintf(conf.settings.credential_file, sizeof(conf.settings.credential_file), "%s",
			 world->credential_file);
	for (int i = 0; i < MQTT_TOPICS; i++) {
		if (mqtt_topic_kinds[i].leaf)
			assert_int_equal(mqtt_topic_build("p", "i", mqtt_topic_kinds[i].leaf,
							  conf.topics[i], sizeof(conf.topics[i])),
					 0);
	}
	assert_int_equal(mqtt_worker_start(&conf, world->ring, &world->worker), 0);
}

static inline size_t count_tasks(void)
{
	DIR *tasks = opendir("/proc/self/task");
	size_t count = 0;

	assert_non_null(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count - 2; /* "." and ".." */
}

/* An emulator has threads of its own, before the program begins. */
static size_t other_threads;

__attribute__((constructor)) static void count_other_threads(void)
{
	other_threads = count_tasks() - 1;
}

static inline size_t count_threads(void)
{
	return count_tasks() - other_threads;
}

/* Nobody waits for a thread that is closed, but it must end. */
static inline void await_threads(size_t count)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	while (count_threads() > count) {
		assert_true(time(NULL) <= deadline);
		poll(NULL, 0, 5);
	}
}

static inline void world_free(struct world *world)
{
	mqtt_worker_close(world->worker);
	await_threads(1);
	mqtt_ring_free(world->ring);
	if (world->peer >= 0)
		close(world->peer);
	close(world->listener);
	free(world);
}

static inline void hear(struct world *world)
{
	struct mqtt_mail *mail = mqtt_worker_mail(world->worker);

	await(mail->news_fd);
	while (mqtt_mail_news(mail, &world->news) == -EAGAIN)
		;
}

static inline void hear_trouble(struct world *world, const char *text)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	do {
		hear(world);
		if (time(NULL) > deadline)
			fail_msg("waited for \"%s\", heard \"%s\"", text, world->news.trouble);
	} while (!strstr(world->news.trouble, text));
}

static inline void take_call(struct world *world)
{
	await(world->listener);
	world->peer = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(world->peer >= 0);
	world->length = 0;
}

static inline void say(struct world *world, const void *data, size_t length)
{
	assert_int_equal(send(world->peer, data, length, MSG_NOSIGNAL), length);
}

/* Reads one packet (shorter than 16 KiB) to ret_packet. Returns its length; the type is its first byte. */
static inline size_t take_packet(struct world *world, unsigned char *ret_packet)
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
static inline void expect_publish(struct world *world, unsigned char head, const char *topic,
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

static inline void put(struct world *world, enum mqtt_topic topic, const char *text)
{
	struct mqtt_mail *mail = mqtt_worker_mail(world->worker);

	while (mqtt_mail_put(mail, topic, text, strlen(text)) == -EAGAIN)
		;
}

static inline void put_sample(struct world *world, const char *text)
{
	struct mqtt_mail *mail = mqtt_worker_mail(world->worker);

	assert_int_equal(mqtt_mail_put_sample(mail, mqtt_clock_ns(), text, strlen(text)), 0);
	/* The thread may have had the lock: then the next look brings it in, as in the loop. */
	while (mail->kept_count) {
		mqtt_mail_news(mail, &world->news);
		assert_int_equal(eventfd_write(mail->news_fd, 1), 0); /* hear() must not miss it */
	}
}

#endif
