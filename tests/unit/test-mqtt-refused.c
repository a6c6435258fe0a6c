/* SPDX-License-Identifier: MIT */
/* How a broker refuses a connection or leaves one, in both versions of MQTT, and what is said then. */
#include "tests/unit/test-mqtt-talk.h"

#include "notifiers/mqtt_reason.h"

static void test_refusals_of_connections(void **state)
{
	(void)state;
	static const struct {
		bool v5;
		unsigned char connack[5];
		const char *reason;
	} cases[] = {
		{true, {0x20, 3, 0, 137, 0}, "the broker refuses the connection: it is busy"},
		{true,
		 {0x20, 3, 0, 134, 0},
		 "the broker refuses the login: username or password is wrong: look at "
		 "credential_file"},
		{true,
		 {0x20, 3, 0, 154, 0},
		 "the broker refuses the connection: it has no retained messages, and hostingpi "
		 "needs them"},
		{true,
		 {0x20, 3, 0, 200, 0},
		 "the broker refuses the connection: its reason has a code that is not in the "
		 "standard"},
		{true,
		 {0x20, 3, 0, 132, 0},
		 "the broker does not speak MQTT 5: set protocol = 3.1.1"},
		{false, {0x20, 2, 0, 1}, "the broker does not speak MQTT 3.1.1: set protocol = 5"},
		{false,
		 {0x20, 2, 0, 2},
		 "the broker refuses the connection: it does not accept the client id: set another "
		 "id in [agent]"},
		{false,
		 {0x20, 2, 0, 3},
		 "the broker refuses the connection: its service is not available now"},
		{false,
		 {0x20, 2, 0, 5},
		 "the broker refuses the login: not authorised: look at credential_file and at the "
		 "broker's access list"},
		{true,
		 {0x15, 3, 1, 0, 2} /* begins like an alert of TLS */,
		 "what answers there does not speak MQTT 5: is port right? For an older broker set "
		 "protocol = 3.1.1"},
	};
	struct talk talk;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = cases[i].connack[0] == 0x20 ? 2u + cases[i].connack[1] : 5;
		talk_new(&talk, cases[i].v5, 0);
		say(&talk, cases[i].connack, length);
		await_end(&talk, cases[i].reason);
		talk_free(&talk);
	}
}

/* libmosquitto 2.0.21 (Debian 13) takes a refusal in the form of 3.1.1 for no MQTT at all. The remedy is told in both. */
static void test_broker_of_the_older_version(void **state)
{
	(void)state;
	struct talk talk;

	talk_new(&talk, true, 0);
	say(&talk, (unsigned char[]){0x20, 2, 0, 1}, 4);
	await_end(&talk, NULL);
	assert_non_null(strstr(talk.link.error, "does not speak MQTT 5"));
	assert_non_null(strstr(talk.link.error, "set protocol = 3.1.1"));
	talk_free(&talk);
}

static void test_broker_says_why_it_leaves(void **state)
{
	(void)state;
	struct talk talk;

	talk_new(&talk, true, 0);
	welcome(&talk, WELCOME5, sizeof(WELCOME5));
	say(&talk, (unsigned char[]){0xe0, 1, 142}, 3);
	await_end(&talk, "the broker ended the connection: another client took the session over: "
			 "is there a second Pi with this id?");
	talk_free(&talk);

	talk_new(&talk, true, 0);
	close(talk.peer);
	await_end(&talk, "the broker closed the connection before its greeting: it may want TLS "
			 "(ca_file), or protocol = 3.1.1");
	talk.peer = talk.listener;
	mqtt_link_close(&talk.link);
	close(talk.listener);
}

static void test_every_code_has_words(void **state)
{
	(void)state;
	char text[MQTT_REASON_SIZE];

	for (int code = MQTT_REASON_REFUSED; code < 163; code++) {
		assert_null(strstr(mqtt_reason_words(code), "not in the standard"));
		mqtt_reason_connack(true, code, text, sizeof(text));
		assert_true(strlen(text) < sizeof(text) - 1); /* nothing is cut */
	}
	for (int code = -1; code < 300; code++) {
		mqtt_reason_connack(false, code, text, sizeof(text));
		assert_true(strlen(text) < sizeof(text) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_of_connections),
		cmocka_unit_test(test_broker_of_the_older_version),
		cmocka_unit_test(test_broker_says_why_it_leaves),
		cmocka_unit_test(test_every_code_has_words),
	};

	return run_talks(tests, sizeof(tests) / sizeof(tests[0]));
}
