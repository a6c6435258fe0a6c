/* SPDX-License-Identifier: MIT */
/* Settings of section [mqtt], topics, addresses, pauses, and what is said when nobody answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>

#include "agent/env.h"
#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_dial.h"

static char message[512];

static void keep_message(void *context, const char *text)
{
	(void)context;
	snprintf(message, sizeof(message), "%s", text);
}

/* Reads the lines as section [mqtt]. Returns 0, or -1 with the complaint in message. */
static int read_settings(struct mqtt_conf *conf, const char *lines)
{
	const struct conf_section sections[] = {
		{.name = "mqtt", .items = mqtt_conf_items, .target = conf},
		{0},
	};
	char text[1024];

	memset(conf, 0, sizeof(*conf));
	conf_defaults(sections);
	message[0] = '\0';
	snprintf(text, sizeof(text), "[mqtt]\n%s\n", lines);
	if (conf_parse("test", text, strlen(text), sections, keep_message, NULL))
		return -1;
	return mqtt_conf_check(conf, message, sizeof(message)) < 0 ? -1 : 0;
}

static void test_defaults(void **state)
{
	(void)state;
	struct mqtt_conf conf;

	assert_int_equal(read_settings(&conf, ""), 0);
	assert_string_equal(conf.host, ""); /* no broker is assumed */
	assert_string_equal(conf.prefix, "hostingpi");
	assert_int_equal(conf.keepalive, 30 * NS_PER_S);
	assert_int_equal(conf.reconnect_max, 120 * NS_PER_S);
	assert_int_equal(conf.reconnect_min, NS_PER_S);
	assert_int_equal(conf.protocol, MQTT_CONF_PROTOCOL_3_1_1);
	assert_int_equal(conf.message_expiry, 0);
	assert_int_equal(conf.tls_version, MQTT_CONF_TLS_1_2);
	assert_int_equal(conf.discovery, MQTT_CONF_DISCOVERY_DEVICE);
	assert_string_equal(conf.discovery_prefix, "homeassistant");
	assert_int_equal(conf.history_rate, 10);
	assert_false(mqtt_conf_tls(&conf));
	assert_int_equal(mqtt_conf_port(&conf), 1883);
}

static void test_port_follows_tls(void **state)
{
	(void)state;
	struct mqtt_conf conf;

	assert_int_equal(read_settings(&conf, "host = h\nca_file = /ca.pem"), 0);
	assert_int_equal(mqtt_conf_port(&conf), 8883);
	assert_int_equal(read_settings(&conf, "host = h\nca_path = /certs"), 0);
	assert_int_equal(mqtt_conf_port(&conf), 8883);
	assert_int_equal(read_settings(&conf, "host = h\npsk = yes\ncredential_file = /c"), 0);
	assert_int_equal(mqtt_conf_port(&conf), 8883);
	assert_int_equal(read_settings(&conf, "host = h\nca_file = /ca.pem\nport = 1883"), 0);
	assert_int_equal(mqtt_conf_port(&conf), 1883);
	assert_int_equal(read_settings(&conf, "host = h\nport = 2000"), 0);
	assert_int_equal(mqtt_conf_port(&conf), 2000);
}

static void test_settings_that_are_fine(void **state)
{
	(void)state;
	static const char *const fine[] = {
		"host = broker.example.org",
		"host = 192.0.2.7",
		"host = 2001:db8::7",
		"host = fe80::1%eth0",
		"prefix = home/pis/rack-1",
		"keepalive = 5s",
		"keepalive = 2m",
		"ca_file = /a\ncert_file = /b\nkey_file = /c",
		"ca_path = /a\ncert_file = /b\nkey_file = /c\ntls_version = 1.3",
		"ca_file = /a\nca_path = /b",
		"psk = yes\ncredential_file = /a\ntls_version = 1.2",
		"protocol = 5\nmessage_expiry = 5m",
		"reconnect_min = 2m",
		"discovery = components\ndiscovery_prefix = home/assistant",
		"history_rate = 100",
	};
	struct mqtt_conf conf;

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		if (read_settings(&conf, fine[i]))
			fail_msg("%s: %s", fine[i], message);
	}
}

static void test_settings_that_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *lines, *complaint;
	} refused[] = {
		{"host = \"broker\"", "host must be written without quotes"},
		{"host = mqtt://broker", "host must be a name or an address without scheme"},
		{"host = [::1]", "host must be an IPv6 address without brackets"},
		{"host = broker:1883", "the port has a key of its own"},
		{"host = two names", "host must be a name or an address"},
		{"host = broker/path", "host must be a name or an address"},
		{"port = 65536", "65535"},
		{"port = -1", "port"},
		{"prefix =", "prefix"},
		{"prefix = /a", "prefix must not begin or end with '/'"},
		{"prefix = a/", "prefix must not begin or end with '/'"},
		{"prefix = a//b", "empty level"},
		{"prefix = a/+/b", "wildcards"},
		{"prefix = a/#", "#"},
		{"prefix = $SYS/a", "'$'"},
		{"prefix = a b", "without spaces"},
		{"prefix = caf\xc3\xa9", "printable ASCII"},
		{"keepalive = 4s", "keepalive"},
		{"keepalive = 5500ms", "whole seconds"},
		{"reconnect_max = 10ms", "reconnect_max"},
		{"ca_file = ./ca.pem", "ca_file"},
		{"ca_file = /a\ncert_file = /b", "key_file must be set"},
		{"ca_file = /a\nkey_file = /b", "cert_file must be set"},
		{"psk = yes\nca_file = /a\ncredential_file = /b", "psk = yes excludes ca_file"},
		{"psk = yes\nca_path = /a\ncredential_file = /b", "psk = yes excludes ca_path"},
		{"psk = yes\ncert_file = /a\nkey_file = /k\ncredential_file = /b",
		 "psk = yes excludes cert_file"},
		{"psk = yes", "psk needs credential_file"},
		{"psk = yes\ncredential_file = /b\ntls_version = 1.3",
		 "tls_version = 1.3 excludes psk"},
		{"tls_version = 1.3", "tls_version needs ca_file"},
		{"tls_version = 1.1\nca_file = /a", "1.2"},
		{"protocol = 4", "3.1.1"},
		{"message_expiry = 5m", "message_expiry needs protocol = 5"},
		{"protocol = 5\nmessage_expiry = 1500ms", "whole seconds"},
		{"reconnect_min = 10ms", "reconnect_min"},
		{"reconnect_min = 1h", "reconnect_min must not be longer"},
		{"discovery = yes", "components"},
		{"discovery_prefix =", "discovery_prefix"},
		{"discovery_prefix = a/#", "discovery_prefix must not contain"},
		{"history_rate = 0", "history_rate"},
		{"history_rate = 101", "history_rate"},
		{"cert_file = /a\nkey_file = /b", "cert_file needs ca_file or ca_path"},
	};
	struct mqtt_conf conf;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (!read_settings(&conf, refused[i].lines))
			fail_msg("%s: was taken", refused[i].lines);
		if (!strstr(message, refused[i].complaint))
			fail_msg("%s: said \"%s\", not \"%s\"", refused[i].lines, message,
				 refused[i].complaint);
	}
}

static void test_topics(void **state)
{
	(void)state;
	char topic[MQTT_TOPIC_SIZE], id[MQTT_TOPIC_SIZE];

	assert_int_equal(mqtt_topic_build("a/b", "pi-3", "state", topic, sizeof(topic)), 0);
	assert_string_equal(topic, "a/b/pi-3/state");
	assert_int_equal(mqtt_topic_build("a/b", "pi-3", "state", topic, 14), -ENAMETOOLONG);
	assert_string_equal(topic, "a/b/pi-3/state"); /* untouched */
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(mqtt_topic_build("a", id, "state", topic, sizeof(topic)), -ENAMETOOLONG);
}

static void test_addresses_of_literals(void **state)
{
	(void)state;
	struct mqtt_address_list list;
	char error[MQTT_REASON_SIZE];

	assert_int_equal(mqtt_dial_find("::1", 1883, false, &list, error, sizeof(error)), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.addresses[0].family, AF_INET6);
	assert_string_equal(list.addresses[0].literal, "::1");
	assert_string_equal(list.addresses[0].text, "[::1]:1883");
	assert_int_equal(mqtt_dial_find("127.0.0.1", 8883, true, &list, error, sizeof(error)), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.addresses[0].literal, "127.0.0.1");
	assert_string_equal(list.addresses[0].text, "127.0.0.1:8883");
}

static void test_name_that_cannot_be_looked_up(void **state)
{
	(void)state;
	struct mqtt_address_list list = {.count = 99};
	char error[MQTT_REASON_SIZE] = "";

	/* A label of 64 characters is none: no resolver is asked. */
	assert_int_equal(mqtt_dial_find("a23456789012345678901234567890123456789012345678901234567"
					"8901234.example",
					1883, false, &list, error, sizeof(error)),
			 -EHOSTUNREACH);
	assert_int_equal(list.count, 99);
	assert_non_null(strstr(error, "cannot look the name up: "));
}

static void test_failures_of_a_round(void **state)
{
	(void)state;
	struct mqtt_failures failures = {0};
	char text[256], small[24];

	mqtt_failures_text(&failures, text, sizeof(text));
	assert_string_equal(text, "");
	mqtt_failures_add(&failures, "[::1]:1883", "Connection refused");
	mqtt_failures_text(&failures, text, sizeof(text));
	assert_string_equal(text, "Connection refused");
	mqtt_failures_add(&failures, "127.0.0.1:1883", "Connection refused");
	mqtt_failures_text(&failures, text, sizeof(text));
	assert_string_equal(text, "Connection refused");
	mqtt_failures_add(&failures, "192.0.2.1:1883", "no answer within 10 s");
	mqtt_failures_text(&failures, text, sizeof(text));
	assert_string_equal(text, "[::1]:1883: Connection refused; 127.0.0.1:1883: Connection "
				  "refused; 192.0.2.1:1883: no answer within 10 s");
	mqtt_failures_text(&failures, small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	assert_string_equal(small + strlen(small) - 3, "...");
	for (int i = 0; i < 3 * MQTT_ADDRESSES; i++)
		mqtt_failures_add(&failures, "x", "y");
	assert_int_equal(failures.count, MQTT_ADDRESSES);
}

static void test_pauses_double_and_are_random(void **state)
{
	(void)state;
	static const int64_t ceilings[] = {1000, 1000, 2000, 4000, 8000, 10000, 10000};
	uint64_t random = 42;

	for (unsigned failed = 0; failed < 7; failed++) {
		int64_t least = INT64_MAX, most = 0;
		for (int i = 0; i < 20000; i++) {
			int64_t pause = mqtt_pause_ms(failed, 1000, 10000, mqtt_random(&random));
			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		/* Full jitter: from the least pause to the ceiling. */
		assert_int_equal(least, 100);
		assert_in_range(most, ceilings[failed] * 99 / 100, ceilings[failed]);
	}
	assert_in_range(mqtt_pause_ms(UINT32_MAX, 1000, INT64_MAX / 4, UINT64_MAX), 100, INT64_MAX);
	assert_int_equal(mqtt_pause_ms(9, 1000, 1000, 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_port_follows_tls),
		cmocka_unit_test(test_settings_that_are_fine),
		cmocka_unit_test(test_settings_that_are_refused),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_addresses_of_literals),
		cmocka_unit_test(test_name_that_cannot_be_looked_up),
		cmocka_unit_test(test_failures_of_a_round),
		cmocka_unit_test(test_pauses_double_and_are_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
