/* SPDX-License-Identifier: MIT */
/* Messages out and in: MQTT 5 with its properties and limits, subscriptions, and too much of them. */
#include "tests/unit/test-mqtt-talk.h"
#include "tests/unit/tcp-info.h"

static void test_version_5_says_what_a_message_is(void **state)
{
	(void)state;
	static const unsigned char expected[] = {0x32, 33,  0,	 1,    't', 0,	 1,   24,  2,
						 0,    0,   1,	 0x2c, 3,   0,	 16,  'a', 'p',
						 'p',  'l', 'i', 'c',  'a', 't', 'i', 'o', 'n',
						 '/',  'j', 's', 'o',  'n', '{', '}'};
	struct mqtt_post post = {
		.topic = "t", .data = "{}", .length = 2, .qos = 1, .expiry_s = 300, .json = true};
	struct talk talk;
	int number = 0;
	size_t length;

	talk_new(&talk, true, 0);
	/* Protocol level 5; clean start, will of QoS 1, retained. */
	assert_memory_equal(talk.bytes + 2, "\0\4MQTT\5\x2e", 8);
	welcome(&talk, WELCOME5, sizeof(WELCOME5));
	assert_int_equal(mqtt_link_packet_limit(&talk.link), 0);
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), 0);
	length = hear(&talk, 0x30);
	assert_int_equal(talk.bytes[5] << 8 | talk.bytes[6], number);
	talk.bytes[5] = 0;
	talk.bytes[6] = 1;
	assert_int_equal(length, 2 + 2 + 1 + 2 + 1 + 24 + 2);
	assert_memory_equal(talk.bytes + 2, expected + 2, sizeof(expected) - 2);
	talk_free(&talk);
}

static void test_version_3_1_1_leaves_the_properties_out(void **state)
{
	(void)state;
	struct mqtt_post post = {
		.topic = "t", .data = "{}", .length = 2, .qos = 0, .expiry_s = 300, .json = true};
	struct talk talk;
	int number;

	talk_new(&talk, false, 0);
	assert_memory_equal(talk.bytes + 2, "\0\4MQTT\4\x2e", 8);
	welcome(&talk, WELCOME, sizeof(WELCOME));
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), 0);
	assert_int_equal(hear(&talk, 0x30), 7);
	assert_memory_equal(talk.bytes, "\x30\5\0\1t{}", 7);
	talk_free(&talk);
}

static void test_message_refused(void **state)
{
	(void)state;
	struct mqtt_post post = {.topic = "t", .data = "x", .length = 1, .qos = 1};
	struct talk talk;
	int number;

	talk_new(&talk, true, 0);
	welcome(&talk, WELCOME5, sizeof(WELCOME5));
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), 0);
	hear(&talk, 0x30);
	say(&talk, (unsigned char[]){0x40, 3, talk.bytes[5], talk.bytes[6], 16}, 5);
	for (int i = 0; i < STEPS && !talk.acknowledged; i++)
		assert_int_equal(step(&talk), 0);
	assert_int_equal(talk.acknowledged, number);
	assert_int_equal(talk.refused_number, -1); /* 16: nobody has subscribed to it */

	talk.acknowledged = 0;
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), 0);
	hear(&talk, 0x30);
	say(&talk, (unsigned char[]){0x40, 3, talk.bytes[5], talk.bytes[6], 135}, 5);
	for (int i = 0; i < STEPS && !talk.acknowledged; i++)
		assert_int_equal(step(&talk), 0);
	assert_int_equal(talk.acknowledged, number);
	assert_int_equal(talk.refused_number, number);
	assert_string_equal(talk.refused, "not authorised: look at credential_file and at the "
					  "broker's access list");
	talk_free(&talk);
}

static void test_packet_limit(void **state)
{
	(void)state;
	static const unsigned char connack[] = {0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 64};
	static char data[100];
	struct mqtt_post post = {.topic = "t", .data = data, .length = sizeof(data), .qos = 1};
	struct talk talk;
	int number = -1;

	talk_new(&talk, true, 0);
	welcome(&talk, connack, sizeof(connack));
	assert_int_equal(mqtt_link_packet_limit(&talk.link), 64);
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), -EMSGSIZE);
	assert_int_equal(number, -1);
	post.length = 10;
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &number), 0);
	assert_int_equal(hear(&talk, 0x30), 2 + 3 + 2 + 1 + 10);
	assert_true(mqtt_link_idle(&talk.link));
	talk_free(&talk);
}

static void test_subscription(void **state)
{
	(void)state;
	static const unsigned char message[] = {0x31, 8, 0, 1, 's', 'h', 'e', 'l', 'l', 'o'};
	static const unsigned char nothing[] = {0x30, 3, 0, 1, 's'};
	struct talk talk;

	talk_new(&talk, false, 100);
	welcome(&talk, WELCOME, sizeof(WELCOME));
	assert_int_equal(mqtt_link_subscribe(&talk.link, "s", 1), 0);
	assert_int_equal(hear(&talk, 0x80), 8);
	assert_memory_equal(talk.bytes + 4, "\0\1s\1", 4);
	say(&talk, (unsigned char[]){0x90, 3, talk.bytes[2], talk.bytes[3], 1}, 5);
	say(&talk, message, sizeof(message));
	for (int i = 0; i < STEPS && talk.received < 1; i++)
		assert_int_equal(step(&talk), 0);
	assert_string_equal(talk.topic, "s");
	assert_string_equal(talk.data, "hello");
	assert_true(talk.retained);
	assert_int_equal(talk.refused_number, -1);
	say(&talk, nothing, sizeof(nothing));
	for (int i = 0; i < STEPS && talk.received < 2; i++)
		assert_int_equal(step(&talk), 0);
	assert_string_equal(talk.data, "");
	assert_false(talk.retained);

	assert_int_equal(mqtt_link_subscribe(&talk.link, "s", 1), 0);
	hear(&talk, 0x80);
	say(&talk, (unsigned char[]){0x90, 3, talk.bytes[2], talk.bytes[3], 128}, 5);
	for (int i = 0; i < STEPS && talk.refused_number < 0; i++)
		assert_int_equal(step(&talk), 0);
	assert_int_equal(talk.refused_number, 0);
	assert_string_equal(talk.refused, "it gives no reason");
	talk_free(&talk);
}

/* The receive maximum of the broker bounds what the library sends; the rest waits in it. */
static void test_receive_maximum(void **state)
{
	(void)state;
	static const unsigned char connack[] = {0x20, 6, 0, 0, 3, 0x21, 0, 1};
	struct mqtt_post post = {.topic = "t", .data = "x", .length = 1, .qos = 1};
	struct talk talk;
	int first, second;

	talk_new(&talk, true, 0);
	welcome(&talk, connack, sizeof(connack));
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &first), 0);
	assert_int_equal(mqtt_link_publish(&talk.link, &post, &second), 0);
	hear(&talk, 0x30);
	assert_int_equal(talk.bytes[5] << 8 | talk.bytes[6], first);
	say(&talk, (unsigned char[]){0x40, 2, talk.bytes[5], talk.bytes[6]}, 4);
	hear(&talk, 0x30);
	assert_int_equal(talk.bytes[5] << 8 | talk.bytes[6], second);
	talk_free(&talk);
}

/* Writes until nobody reads any more. Goes on with the link meanwhile. */
static void flood(struct talk *talk, const void *bytes, size_t length)
{
	for (int i = 0; i < 100000 && talk->result == 0; i++) {
		ssize_t sent = send(talk->peer, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			break;
		step(talk);
	}
}

static void test_more_than_was_asked_for(void **state)
{
	(void)state;
	need_tcp_info();
	static const unsigned char huge[] = {0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 's'};
	static unsigned char small[1000];
	struct talk talk;

	talk_new(&talk, false, 100);
	welcome(&talk, WELCOME, sizeof(WELCOME));
	say(&talk, huge, sizeof(huge));
	flood(&talk, small, sizeof(small));
	await_end(&talk, "the broker sends more than the subscription can bring: is there a large "
			 "message on its topic?");
	assert_int_equal(talk.received, 0);
	talk_free(&talk);

	/* Each is small, all are too many. */
	for (size_t i = 0; i + 10 <= sizeof(small); i += 10)
		memcpy(small + i, "\x30\10\0\1shello", 10);
	talk_new(&talk, false, 100);
	welcome(&talk, WELCOME, sizeof(WELCOME));
	flood(&talk, small, sizeof(small));
	await_end(&talk, "the broker sends more than the subscription can bring: is there a large "
			 "message on its topic?");
	assert_true(talk.received < 20000);
	talk_free(&talk);

	/* A connection that was quiet for a month has saved nothing up. */
	talk_new(&talk, false, 0);
	welcome(&talk, WELCOME, sizeof(WELCOME));
	for (int i = 0; i < 100; i++) {
		mqtt_guard_allow(&talk.link.guard, 86400);
		mqtt_guard_expect(&talk.link.guard, true);
	}
	flood(&talk, small, sizeof(small));
	await_end(&talk, "what answers there does not speak MQTT: it sends what nobody asked for");
	talk_free(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_5_says_what_a_message_is),
		cmocka_unit_test(test_version_3_1_1_leaves_the_properties_out),
		cmocka_unit_test(test_message_refused),
		cmocka_unit_test(test_packet_limit),
		cmocka_unit_test(test_subscription),
		cmocka_unit_test(test_receive_maximum),
		cmocka_unit_test(test_more_than_was_asked_for),
	};

	return run_talks(tests, sizeof(tests) / sizeof(tests[0]));
}
