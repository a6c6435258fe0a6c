/* SPDX-License-Identifier: MIT */
/*
 * A link and a broker that the test writes by hand, byte for byte; both sides are driven from one
 * thread. To be included once by a test program.
 */
#ifndef HOSTINGPI_TEST_MQTT_TALK_H
#define HOSTINGPI_TEST_MQTT_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/mqtt_link.h"

/* Steps of at most 50 ms each until something must have happened. */
#define STEPS 200

struct talk {
	int listener, peer;
	struct mqtt_link_conf conf;
	struct mqtt_link link;
	int result;	/* of the last step */
	int64_t now_ns; /* moves only when a test says so */
	int acknowledged, refused_number;
	char refused[128], topic[64], data[128];
	int received;
	bool retained;
	unsigned char bytes[8192];
	size_t length;
};

static inline void on_acknowledged(void *context, int number)
{
	struct talk *talk = context;

	talk->acknowledged = number;
}

static inline void on_refused(void *context, int number, const char *reason)
{
	struct talk *talk = context;

	talk->refused_number = number;
	snprintf(talk->refused, sizeof(talk->refused), "%s", reason);
}

static inline void on_received(void *context, const char *topic, const char *data, size_t length,
			       bool retained)
{
	struct talk *talk = context;

	talk->received++;
	talk->retained = retained;
	snprintf(talk->topic, sizeof(talk->topic), "%s", topic);
	snprintf(talk->data, sizeof(talk->data), "%.*s", (int)length, data);
}

static inline int step(struct talk *talk)
{
	struct pollfd fd = {.fd = talk->link.fd};
	int timeout_ms;

	fd.events = mqtt_link_events(&talk->link, talk->now_ns, &timeout_ms);
	if (poll(&fd, 1, timeout_ms < 50 ? timeout_ms : 50) < 0)
		fail_msg("poll: %s", strerror(errno));
	return talk->result = mqtt_link_step(&talk->link, fd.revents, talk->now_ns);
}

static inline void say(struct talk *talk, const void *bytes, size_t length)
{
	assert_int_equal(send(talk->peer, bytes, length, MSG_NOSIGNAL), length);
}

/* Goes on until a packet of this type came; returns its length, its bytes are at talk->bytes. */
static inline size_t hear(struct talk *talk, unsigned char type)
{
	for (int i = 0; i < STEPS; i++) {
		ssize_t got = recv(talk->peer, talk->bytes + talk->length,
				   sizeof(talk->bytes) - talk->length, MSG_DONTWAIT);
		if (got > 0)
			talk->length += (size_t)got;
		/* All packets here are shorter than 128 or 16384 bytes. */
		if (talk->length >= 3) {
			size_t head = talk->bytes[1] & 128 ? 3 : 2;
			size_t length =
				head == 2 ? 2u + talk->bytes[1]
					  : 3u + (talk->bytes[1] & 127u) + 128u * talk->bytes[2];
			if (talk->length >= length) {
				assert_int_equal(talk->bytes[0] & 0xf0, type);
				talk->length = 0;
				return length;
			}
		}
		assert_int_equal(step(talk), 0);
	}
	fail_msg("packet %02x did not come", type);
	return 0;
}

static inline void talk_new(struct talk *talk, bool v5, uint64_t incoming_bytes_s)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	socklen_t length = sizeof(address);
	struct mqtt_address peer = {.family = AF_INET6, .literal = "::1"};

	*talk = (struct talk){.refused_number = -1};
	talk->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(talk->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(talk->listener, 1), 0);
	assert_int_equal(getsockname(talk->listener, (struct sockaddr *)&address, &length), 0);
	talk->conf = (struct mqtt_link_conf){
		.host = "::1",
		.port = ntohs(address.sin6_port),
		.keepalive_s = 30,
		.client_id = "c",
		.will_topic = "w",
		.will = "off",
		.username = "",
		.password = "",
		.v5 = v5,
		.ca_file = "",
		.ca_path = "",
		.cert_file = "",
		.key_file = "",
		.psk_identity = "",
		.psk = "",
		.incoming_bytes_s = incoming_bytes_s,
	};
	talk->link.acknowledged = on_acknowledged;
	talk->link.refused = on_refused;
	talk->link.received = on_received;
	talk->link.context = talk;
	if (mqtt_link_open(&talk->link, &talk->conf, &peer, 0) < 0)
		fail_msg("%s", talk->link.error);
	talk->peer = accept4(talk->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(talk->peer >= 0);
	hear(talk, 0x10);
}

static inline void talk_free(struct talk *talk)
{
	mqtt_link_close(&talk->link);
	close(talk->peer);
	close(talk->listener);
}

static inline void welcome(struct talk *talk, const void *connack, size_t length)
{
	say(talk, connack, length);
	for (int i = 0; i < STEPS && talk->link.phase != MQTT_LINK_UP; i++)
		assert_int_equal(step(talk), 0);
	assert_int_equal(talk->link.phase, MQTT_LINK_UP);
}

/* Goes on until the link ends, for that reason, or for any. */
static inline void await_end(struct talk *talk, const char *reason)
{
	for (int i = 0; i < STEPS && talk->result == 0; i++)
		step(talk);
	assert_int_equal(talk->result, -ECONNABORTED);
	if (reason)
		assert_string_equal(talk->link.error, reason);
}

static const unsigned char WELCOME[] = {0x20, 2, 0, 0}, WELCOME5[] = {0x20, 3, 0, 0, 0};

/* Runs the tests with the library open. */
static inline int run_talks(const struct CMUnitTest *tests, size_t count)
{
	int result;

	signal(SIGPIPE, SIG_IGN);
	if (mqtt_link_library_open() < 0)
		return 1;
	result = _cmocka_run_group_tests("mqtt", tests, count, NULL, NULL);
	mqtt_link_library_close();
	return result;
}

#endif
