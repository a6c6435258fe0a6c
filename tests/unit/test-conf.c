/* SPDX-License-Identifier: MIT */
/*
 * Whole configurations from memory: lines, sections, keys, and the message for every mistake. The
 * files and drop-ins of a directory are in test-conf-files.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent/conf.h"

struct broker {
	char host[64];
	int64_t port;
	char prefix[64];
};

struct control {
	int64_t cap;
	struct conf_share reserve;
};

static const struct conf_item broker_items[] = {
	CONF_ROW(struct broker, host, CONF_TEXT, ""),
	CONF_ROW(struct broker, port, CONF_INT, "1883", .min = 1, .max = 65535),
	CONF_ROW(struct broker, prefix, CONF_TEXT, "hostingpi/"),
	{.key = NULL},
};

/* One section in two tables, as when two parts of a program share it. */
static const struct conf_item cap_items[] = {
	CONF_ROW(struct control, cap, CONF_INT, "0", .min = 0, .max = 1000),
	{.key = NULL},
};
static const struct conf_item reserve_items[] = {
	CONF_ROW(struct control, reserve, CONF_SHARE, "20%"),
	{.key = NULL},
};

static struct broker broker;
static struct control control;
static const struct conf_section sections[] = {
	{"mqtt", broker_items, &broker},
	{"control", cap_items, &control},
	{"control", reserve_items, &control},
	{"memory", NULL, NULL},
	{NULL, NULL, NULL},
};

static void collect(void *context, const char *message)
{
	char *all = context;
	size_t used = strlen(all);

	assert_true(used + strlen(message) + 2 < 4096);
	sprintf(all + used, "%s\n", message);
}

/* Parses from the defaults on; all messages, one to a line, must be exactly these. */
static void expect_length(const char *text, size_t length, const char *messages)
{
	char all[4096] = "";
	int lines = 0, errors;

	conf_defaults(sections);
	errors = conf_parse("f", text, length, sections, collect, all);
	assert_string_equal(all, messages);
	for (const char *at = all; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(errors, lines);
}

static void expect(const char *text, const char *messages)
{
	expect_length(text, strlen(text), messages);
}

static void test_defaults(void **state)
{
	(void)state;
	memset(&broker, 0xff, sizeof(broker));
	memset(&control, 0xff, sizeof(control));
	expect("", "");
	assert_string_equal(broker.host, "");
	assert_int_equal(broker.port, 1883);
	assert_string_equal(broker.prefix, "hostingpi/");
	assert_int_equal(control.cap, 0);
	assert_true(control.reserve.relative);
	assert_int_equal(control.reserve.value, 20);
}

static void test_settings(void **state)
{
	(void)state;
	expect("# a comment\n"
	       "; another one\n"
	       "\n"
	       "[mqtt] ; behind a section\n"
	       "host = broker.example ; behind a value\n"
	       "port=1\n"
	       "prefix = #1 of pis;here # and here\n"
	       "[control] # other sign\n"
	       "cap: 7\n"
	       "reserve = 64M",
	       "");
	assert_string_equal(broker.host, "broker.example");
	assert_int_equal(broker.port, 1);
	assert_string_equal(broker.prefix, "#1 of pis;here # and here");
	assert_int_equal(control.cap, 7);
	assert_int_equal(control.reserve.value, 64 << 20);
}

/* An indented key is a key; inih alone would append it to the value above. */
static void test_indented(void **state)
{
	(void)state;
	expect("  [mqtt]\n"
	       "\thost = a\n"
	       "  \tport = 7  \t\n"
	       "    ; comment\n"
	       "  # comment\n",
	       "");
	assert_string_equal(broker.host, "a");
	assert_int_equal(broker.port, 7);
}

static void test_line_ends_and_bom(void **state)
{
	(void)state;
	expect("\xef\xbb\xbf[mqtt]\r\nhost = a\r\nport = 0\r\n",
	       "f:3: [mqtt] port = 0: must be a whole number from 1 to 65535\n");
	assert_string_equal(broker.host, "a");
	expect("\xef\xbb\xbf", "");
	/* Only at the start; and one carriage return only. */
	expect("[mqtt]\n\xef\xbb\xbfhost = a\n",
	       "f:2: [mqtt] \xef\xbb\xbfhost: unknown key; [mqtt] takes host, port, prefix\n");
	expect("[mqtt]\rhost = a\r", "f:1: has the byte 0x0d: must be plain text in UTF-8\n");
}

static void test_bad_bytes(void **state)
{
	static const char nul[] = "[mqtt]\nhost = a\0b\nport = 7\n";
	static const char utf16[] = "\xff\xfe[\0m\0";
	static const char *const bad[] = {
		"\x80",
		"\xc1\x81",
		"\xc3",
		"\xc3(",
		"\xe0\x9f\x80",
		"\xed\xa0\x80",
		"\xf0\x8f\x80\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xe2\x82",
	};
	static const char *const good[] = {"gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac",
					   "\xf0\x9f\x8d\x93"};
	char text[64];

	(void)state;
	expect_length(nul, sizeof(nul) - 1,
		      "f:2: has the byte 0x00: must be plain text in UTF-8\n");
	assert_string_equal(broker.host, "");
	assert_int_equal(broker.port, 7);
	expect_length(utf16, sizeof(utf16) - 1,
		      "f:1: has the byte 0xff: must be plain text in UTF-8\n");
	expect("# \x1b[31m\n", "f:1: has the byte 0x1b: must be plain text in UTF-8\n");
	expect("[mqtt]\nhost = \x7f\n", "f:2: has the byte 0x7f: must be plain text in UTF-8\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char message[96];

		snprintf(text, sizeof(text), "[mqtt]\nhost = %s", bad[i]);
		snprintf(message, sizeof(message),
			 "f:2: has the byte 0x%02x: must be plain text in UTF-8\n",
			 (unsigned char)bad[i][0]);
		expect(text, message);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "[mqtt]\nhost = %s", good[i]);
		expect(text, "");
		assert_string_equal(broker.host, good[i]);
	}
}

/* The line buffer of inih holds 200 bytes, the line end and the end of the string among them. */
static void test_long_lines(void **state)
{
	char text[800], line[400];

	(void)state;
	snprintf(line, sizeof(line), "%-170s", "port = 7");
	snprintf(text, sizeof(text), "[mqtt]\n%s;%27s\nhost = a\n", line, "x");
	expect(text, "");
	assert_int_equal(broker.port, 7);
	assert_string_equal(broker.host, "a");

	snprintf(text, sizeof(text), "[mqtt]\n%s;%28s\nhost = a\n", line, "x");
	expect(text, "f:2: is 199 bytes long: must be at most 198\n");
	assert_int_equal(broker.port, 1883);
	assert_string_equal(broker.host, "a");

	/* What stands behind the 198th byte is never taken for a line of its own. */
	memset(line, 'x', sizeof(line));
	memcpy(line + 190, "\tport = 7", 9);
	line[399] = '\0';
	snprintf(text, sizeof(text), "[mqtt]\nhost = %s", line);
	expect(text, "f:2: is 406 bytes long: must be at most 198\n");
	assert_int_equal(broker.port, 1883);

	/* Comments and blanks may be as long as they like. */
	snprintf(text, sizeof(text), "[mqtt]\n#%s\n%300s\n", line, "port = 7");
	expect(text, "");
	assert_int_equal(broker.port, 7);
}

static void test_sections(void **state)
{
	(void)state;
	expect("[mqt]\n", "f:1: unknown section [mqt]; did you mean [mqtt]?\n");
	expect("[MQTT]\nport = 0\n", "f:1: unknown section [MQTT]; did you mean [mqtt]?\n");
	expect("[webserver]\nport = x\n",
	       "f:1: unknown section [webserver]; there are [mqtt], [control], [memory]\n");
	expect("[]\n", "f:1: unknown section []; there are [mqtt], [control], [memory]\n");
	expect("[mqtt\nport = 7\n", "f:1: '[mqtt' has no ']': must be [SECTION]\n");
	expect("[mqtt] port = 7\n",
	       "f:1: 'port = 7' stands behind [mqtt]: a setting needs its own line\n");
	expect("[a ;b]\n", "f:1: unknown section [a ;b]; there are [mqtt], [control], [memory]\n");
	expect("[mqtt-with-a-name-that-is-longer-than-all-that-inih-keeps-of-it]\n",
	       "f:1: unknown section [mqtt-with-a-name-that-is-longer-than-all-that-inih-keeps-of-it]"
	       "; there are [mqtt], [control], [memory]\n");
	/* A section may be opened again. */
	expect("[mqtt]\nport = 7\n[control]\ncap = 3\n[mqtt]\nhost = a\n", "");
	assert_string_equal(broker.host, "a");
}

static void test_keys(void **state)
{
	(void)state;
	expect("port = 7\n\n[mqtt]\n", "f:1: 'port' stands before the first [SECTION]\n");
	expect("[mqtt]\nprot = 7\n", "f:2: [mqtt] prot: unknown key; did you mean 'port'?\n");
	expect("[mqtt]\nPort = 7\n", "f:2: [mqtt] Port: unknown key; did you mean 'port'?\n");
	expect("[mqtt]\nprefiks = 7\n",
	       "f:2: [mqtt] prefiks: unknown key; did you mean 'prefix'?\n");
	expect("[mqtt]\ncolour = 7\n",
	       "f:2: [mqtt] colour: unknown key; [mqtt] takes host, port, prefix\n");
	expect("[control]\ncolour = 7\n",
	       "f:2: [control] colour: unknown key; [control] takes cap, reserve\n");
	expect("[mqtt]\nreserve = 7\n",
	       "f:2: [mqtt] reserve: unknown key; it belongs in [control]\n");
	expect("[memory]\nx = 7\n", "f:2: [memory] x: unknown key; [memory] takes no keys\n");
	expect("[mqtt]\nport\n", "f:2: 'port' must be KEY = VALUE, [SECTION] or a comment\n");
	expect("[mqtt]\nhost :9777\n",
	       "f:2: 'host :9777' must be KEY = VALUE, [SECTION] or a comment\n");
	expect("[mqtt]\nport ; = 7\n",
	       "f:2: 'port ; = 7' must be KEY = VALUE, [SECTION] or a comment\n");
	expect("[mqtt]\n= 7\n", "f:2: '= 7' has no key: must be KEY = VALUE\n");
}

static void test_key_of_several_sections(void **state)
{
	const struct conf_section several[] = {
		{"control", cap_items, &control},
		{"mqtt", broker_items, &broker},
		{"x", broker_items, &broker},
		{"mastodon", broker_items, &broker},
		{NULL, NULL, NULL},
	};
	static const char text[] = "[control]\nport = 7\n";
	char all[4096] = "";

	(void)state;
	conf_defaults(several);
	assert_int_equal(conf_parse("f", text, strlen(text), several, collect, all), 1);
	assert_string_equal(all, "f:2: [control] port: unknown key; it belongs in [mqtt], [x] or "
				 "[mastodon]\n");
}

static void test_values(void **state)
{
	(void)state;
	expect("[mqtt]\n\nport = 99999\n",
	       "f:3: [mqtt] port = 99999: must be a whole number from 1 to 65535\n");
	expect("[mqtt]\nport = 7 # hm\n",
	       "f:2: [mqtt] port = 7 # hm: a comment behind a value must start with ' ;'\n");
	expect("[mqtt]\nport =\n", "f:2: [mqtt] port = : must be a whole number from 1 to 65535\n");
	expect("[mqtt]\nport = ; none\n",
	       "f:2: [mqtt] port = : must be a whole number from 1 to 65535\n");
}

static void test_twice(void **state)
{
	(void)state;
	expect("[mqtt]\nport = 7\n[control]\ncap = 1\n[mqtt]\nport = 8\nport = 9\n",
	       "f:6: [mqtt] port: is already set in line 2\n"
	       "f:7: [mqtt] port: is already set in line 2\n");
	assert_int_equal(broker.port, 7);
	/* The second table of one section keeps its own account. */
	expect("[control]\ncap = 1\nreserve = 5%\nreserve = 6%\n",
	       "f:4: [control] reserve: is already set in line 3\n");
	assert_int_equal(control.cap, 1);
	assert_int_equal(control.reserve.value, 5);
}

static void test_all_errors(void **state)
{
	(void)state;
	expect("oops\n[mqtt]\nport = x\nprot = 7\n[contrl]\ncap = x\n[control]\ncap = 1001\n",
	       "f:1: 'oops' must be KEY = VALUE, [SECTION] or a comment\n"
	       "f:3: [mqtt] port = x: must be a whole number from 1 to 65535\n"
	       "f:4: [mqtt] prot: unknown key; did you mean 'port'?\n"
	       "f:5: unknown section [contrl]; did you mean [control]?\n"
	       "f:8: [control] cap = 1001: must be a whole number from 0 to 1000\n");
	assert_int_equal(broker.port, 1883);
	assert_int_equal(control.cap, 0);
}

/* A program that reads a part of the file passes over the rest, but not over mistakes in its part. */
static void test_sections_of_others(void **state)
{
	const struct conf_section part[] = {
		{"mqtt", broker_items, &broker},
		{CONF_OTHERS, NULL, NULL},
		{0},
	};
	const char text[] = "[webserver]\nport = x\nhost\n[mqtt]\nport = 1\nhots = a\n"
			    "[*]\nport = 7\n[mqtt\n";
	char all[4096] = "";

	(void)state;
	conf_defaults(part);
	assert_int_equal(conf_parse("f", text, sizeof(text) - 1, part, collect, all), 3);
	assert_string_equal(all, "f:3: 'host' must be KEY = VALUE, [SECTION] or a comment\n"
				 "f:6: [mqtt] hots: unknown key; did you mean 'host'?\n"
				 "f:9: '[mqtt' has no ']': must be [SECTION]\n");
	assert_int_equal(broker.port, 1);
}

static void test_line_of_a_key(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf; port = 0\nport = 1\n[mqtt]\n  port = 2\nport\n"
		"[x]\nport = 3\n[mqtt]\n\n# port = 4\nport: 5 ; port = 6\nhost=a\n"
		"[mqtt\nport = 7\n";
	const size_t length = sizeof(text) - 1;

	(void)state;
	assert_int_equal(conf_line_of(text, length, "mqtt", "port"), 11);
	assert_int_equal(conf_line_of(text, length, "mqtt", "host"), 12);
	assert_int_equal(conf_line_of(text, length, "x", "port"), 7);
	assert_int_equal(conf_line_of(text, length, "x", "host"), 0);
	assert_int_equal(conf_line_of(text, length, "y", "port"), 0);
	assert_int_equal(conf_line_of(text, length, "mqtt", ""), 0);
	assert_int_equal(conf_line_of("", 0, "mqtt", "port"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_indented),
		cmocka_unit_test(test_line_ends_and_bom),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_key_of_several_sections),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_sections_of_others),
		cmocka_unit_test(test_line_of_a_key),
	};

	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
