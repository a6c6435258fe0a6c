/* SPDX-License-Identifier: MIT */
/*
 * Single values: what every type takes, and what each refusal says. A refusal must leave the setting
 * alone, and a value must fill its member without chance bytes, because settings are compared byte
 * by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "agent/addr.h"
#include "agent/conf.h"
#include "agent/env.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {"auto", "apache", "none", NULL};

static const struct conf_item any_int = {.key = "n", .type = CONF_INT, .size = 8};
static const struct conf_item port = {
	.key = "port", .type = CONF_INT, .size = 8, .min = 1, .max = 65535};
static const struct conf_item at_least = {
	.key = "n", .type = CONF_INT, .size = 8, .min = 5, .max = INT64_MAX};
static const struct conf_item any_time = {.key = "t", .type = CONF_DURATION, .size = 8};
static const struct conf_item interval = {.key = "interval",
					  .type = CONF_DURATION,
					  .size = 8,
					  .min = 250 * NS_PER_MS,
					  .max = 60 * NS_PER_S};
static const struct conf_item any_size = {.key = "s", .type = CONF_SIZE, .size = 8};
static const struct conf_item worker = {
	.key = "worker", .type = CONF_SIZE, .size = 8, .min = 65536, .max = INT64_C(1) << 34};
static const struct conf_item any_percent = {.key = "p", .type = CONF_PERCENT, .size = 8};
static const struct conf_item weight = {
	.key = "weight", .type = CONF_PERCENT, .size = 8, .min = 1, .max = 100};

static const struct {
	const struct conf_item *item;
	const char *text;
	int64_t value;
} good_numbers[] = {
	{&any_int, "0", 0},
	{&any_int, "-0", 0},
	{&any_int, "-17", -17},
	{&any_int, "007", 7},
	{&any_int, "9223372036854775807", INT64_MAX},
	{&any_int, "-9223372036854775807", -INT64_MAX},
	{&port, "1", 1},
	{&port, "65535", 65535},
	{&at_least, "5", 5},
	{&any_time, "0s", 0},
	{&any_time, "500ms", 500 * NS_PER_MS},
	{&any_time, "10s", 10 * NS_PER_S},
	{&any_time, "5m", 300 * NS_PER_S},
	{&any_time, "1h", 3600 * NS_PER_S},
	{&any_time, "2d", 172800 * NS_PER_S},
	{&any_time, "106751d", INT64_C(106751) * 86400 * NS_PER_S},
	{&interval, "250ms", 250 * NS_PER_MS},
	{&interval, "1m", 60 * NS_PER_S},
	{&any_size, "0", 0},
	{&any_size, "4095", 4095},
	{&any_size, "1K", 1024},
	{&any_size, "64M", 64 * 1024 * 1024},
	{&any_size, "8589934591G", INT64_C(8589934591) << 30},
	{&worker, "16G", INT64_C(1) << 34},
	{&any_percent, "0%", 0},
	{&any_percent, "250%", 250},
	{&weight, "1%", 1},
	{&weight, "100%", 100},
};

#define BARE_FORM "must be a whole number of ms, s, m, h or d"
#define TIME_FORM "must be a whole number of ms, s, m, h or d, such as 10s"
#define SIZE_FORM "must be a size in bytes, K, M or G, such as 64M"
#define PERCENT_FORM "must be a whole percentage such as 20%"
#define TIME_RANGE TIME_FORM ", from 250ms to 1m"
#define SIZE_RANGE SIZE_FORM ", from 64K to 16G"
#define PERCENT_RANGE PERCENT_FORM ", from 1% to 100%"
#define PORT_RANGE "must be a whole number from 1 to 65535"

static const struct {
	const struct conf_item *item;
	const char *text;
	const char *error;
} bad_numbers[] = {
	{&any_int, "", "must be a whole number"},
	{&any_int, "-", "must be a whole number"},
	{&any_int, "--1", "must be a whole number"},
	{&any_int, "+1", "must be a whole number"},
	{&any_int, "1.5", "must be a whole number"},
	{&any_int, "1e3", "must be a whole number"},
	{&any_int, "0x10", "must be a whole number"},
	{&any_int, "1 2", "must be a whole number"},
	{&any_int, "9223372036854775808", "must be a whole number"},
	{&any_int, "-9223372036854775809", "must be a whole number"},
	{&any_int, "99999999999999999999999999", "must be a whole number"},
	{&port, "0", PORT_RANGE},
	{&port, "65536", PORT_RANGE},
	{&port, "-1", PORT_RANGE},
	{&port, "mqtt", PORT_RANGE},
	{&at_least, "4", "must be a whole number of at least 5"},
	{&any_time, "10", "needs a unit, such as 10s: " BARE_FORM ", of at least 0ms"},
	{&any_time, "1234567890", TIME_FORM ", of at least 0ms"},
	{&any_time, "-10s", TIME_FORM ", of at least 0ms"},
	{&any_time, "106752d", TIME_FORM ", of at least 0ms"},
	{&interval, "10", "needs a unit, such as 10s: " BARE_FORM ", from 250ms to 1m"},
	{&interval, "1.5s", TIME_RANGE},
	{&interval, "1 s", TIME_RANGE},
	{&interval, "1m30s", TIME_RANGE},
	{&interval, "1w", TIME_RANGE},
	{&interval, "1S", TIME_RANGE},
	{&interval, "s", TIME_RANGE},
	{&interval, "249ms", TIME_RANGE},
	{&interval, "61s", TIME_RANGE},
	{&interval, "99999999999999999s", TIME_RANGE},
	{&any_size, "8589934592G", SIZE_FORM ", of at least 0"},
	/* In 64 bits these would wrap to 1 GiB and to 290 ms. */
	{&any_size, "17179869185G", SIZE_FORM ", of at least 0"},
	{&any_time, "18446744074s", TIME_FORM ", of at least 0ms"},
	{&worker, "64MB", SIZE_RANGE},
	{&worker, "64m", SIZE_RANGE},
	{&worker, "64T", SIZE_RANGE},
	{&worker, "65535", SIZE_RANGE},
	{&worker, "17G", SIZE_RANGE},
	{&worker, "-64M", SIZE_RANGE},
	{&weight, "20", PERCENT_RANGE},
	{&weight, "20.5%", PERCENT_RANGE},
	{&weight, "0%", PERCENT_RANGE},
	{&weight, "101%", PERCENT_RANGE},
	{&weight, "%", PERCENT_RANGE},
	{&weight, "20%%", PERCENT_RANGE},
};

static void test_good_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good_numbers); i++) {
		char error[CONF_ERROR_SIZE] = "";
		int64_t value = -1;

		if (conf_value(good_numbers[i].item, good_numbers[i].text, &value, error,
			       sizeof(error)) != 0 ||
		    value != good_numbers[i].value)
			fail_msg("'%s' became %lld: %s", good_numbers[i].text, (long long)value,
				 error);
	}
}

static void test_bad_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_numbers); i++) {
		char error[CONF_ERROR_SIZE] = "";
		int64_t value = 4711;

		if (conf_value(bad_numbers[i].item, bad_numbers[i].text, &value, error,
			       sizeof(error)) != -EINVAL)
			fail_msg("'%s' was taken as %lld", bad_numbers[i].text, (long long)value);
		assert_string_equal(error, bad_numbers[i].error);
		assert_int_equal(value, 4711);
	}
}

/* What --defaults says of a row. */
static void test_forms(void **state)
{
	static const struct conf_item share = {.type = CONF_SHARE, .min = 1, .max = 90};
	static const struct conf_item word = {.type = CONF_WORD, .words = words};
	static const struct conf_item name = {.type = CONF_NAME, .size = 64};
	static const struct {
		const struct conf_item *item;
		const char *form;
	} cases[] = {
		{&any_int, "a number"},
		{&port, "a number, 1 to 65535"},
		{&any_time, "a time"},
		{&interval, "a time, 250ms to 1m"},
		{&weight, "a percentage, 1% to 100%"},
		{&share, "a percentage, 1% to 90%, or a size"},
		{&word, "one of auto, apache, none"},
		{&name, "letters, digits, - and _, at most 63"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char form[CONF_FORM_SIZE];

		conf_form(cases[i].item, form, sizeof(form));
		assert_string_equal(form, cases[i].form);
	}
}

static void test_share(void **state)
{
	static const struct conf_item limited = {.key = "r",
						 .type = CONF_SHARE,
						 .size = sizeof(struct conf_share),
						 .min = 1,
						 .max = 90};
	static const struct conf_item any = {
		.key = "r", .type = CONF_SHARE, .size = sizeof(struct conf_share)};
	static const char *const bad[] = {"0%",	  "91%", "0", "20",   "100",  "-20%", "20.5%",
					  "-64M", "64m", "",  "20 %", "20%M", "M"};
	char error[CONF_ERROR_SIZE];
	struct conf_share share, other;

	(void)state;
	assert_int_equal(conf_value(&limited, "20%", &share, error, sizeof(error)), 0);
	assert_true(share.relative);
	assert_int_equal(share.value, 20);
	assert_int_equal(conf_value(&limited, "64M", &share, error, sizeof(error)), 0);
	assert_false(share.relative);
	assert_int_equal(share.value, 64 << 20);
	assert_int_equal(conf_value(&limited, "67108864", &share, error, sizeof(error)), 0);
	assert_int_equal(share.value, 64 << 20);
	assert_int_equal(conf_value(&any, "100%", &share, error, sizeof(error)), 0);
	assert_int_equal(conf_value(&any, "0", &share, error, sizeof(error)), 0);
	assert_int_equal(conf_value(&any, "101%", &share, error, sizeof(error)), -EINVAL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (conf_value(&limited, bad[i], &share, error, sizeof(error)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(error, PERCENT_FORM ", from 1% to 90%, or a size in bytes, K, "
							"M or G, such as 64M");
	}

	/* No chance bytes in the padding. */
	memset(&share, 0xaa, sizeof(share));
	memset(&other, 0x55, sizeof(other));
	assert_int_equal(conf_value(&limited, "20%", &share, error, sizeof(error)), 0);
	assert_int_equal(conf_value(&limited, "20%", &other, error, sizeof(error)), 0);
	assert_memory_equal(&share, &other, sizeof(share));
}

static void test_bool(void **state)
{
	static const struct conf_item item = {.key = "b", .type = CONF_BOOL, .size = sizeof(bool)};
	static const char *const yes[] = {"yes", "on", "true", "1", "Yes", "ON"};
	static const char *const no[] = {"no", "off", "false", "0", "False"};
	static const char *const bad[] = {"", "y", "2", "01", "yes please", "enabled"};
	char error[CONF_ERROR_SIZE];
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		value = false;
		assert_int_equal(conf_value(&item, yes[i], &value, error, sizeof(error)), 0);
		assert_true(value);
	}
	for (size_t i = 0; i < COUNT(no); i++) {
		value = true;
		assert_int_equal(conf_value(&item, no[i], &value, error, sizeof(error)), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(conf_value(&item, bad[i], &value, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, "must be yes or no (or on, off, true, false, 1, 0)");
	}
}

static void test_word(void **state)
{
	static const struct conf_item item = {
		.key = "w", .type = CONF_WORD, .size = sizeof(int), .words = words};
	char error[CONF_ERROR_SIZE];
	int value = -1;

	(void)state;
	assert_int_equal(conf_value(&item, "none", &value, error, sizeof(error)), 0);
	assert_int_equal(value, 2);
	assert_int_equal(conf_value(&item, "auto", &value, error, sizeof(error)), 0);
	assert_int_equal(value, 0);
	assert_int_equal(conf_value(&item, "Auto", &value, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "must be one of auto, apache, none");
	assert_int_equal(conf_value(&item, "", &value, error, sizeof(error)), -EINVAL);
	/* A caller with little room gets less of the list, and never more than its room. */
	assert_int_equal(conf_value(&item, "x", &value, error, 20), -EINVAL);
	assert_string_equal(error, "must be one of auto");
	assert_int_equal(value, 0);
}

static void test_text(void **state)
{
	struct {
		char text[8];
		char behind;
	} box = {"before", 'x'};
	struct conf_item item = {.key = "t", .type = CONF_TEXT, .size = sizeof(box.text)};
	char error[CONF_ERROR_SIZE];

	(void)state;
	assert_int_equal(conf_value(&item, "", &box, error, sizeof(error)), 0);
	assert_memory_equal(box.text, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(conf_value(&item, "a b #c;d", &box, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "must be at most 7 bytes long: it has 8");
	assert_int_equal(conf_value(&item, "1234567", &box, error, sizeof(error)), 0);
	assert_string_equal(box.text, "1234567");
	assert_int_equal(box.behind, 'x');
	item.min = 1;
	assert_int_equal(conf_value(&item, "", &box, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "must not be empty");
	/* A shorter text leaves nothing of the longer one behind. */
	assert_int_equal(conf_value(&item, "ab", &box, error, sizeof(error)), 0);
	assert_memory_equal(box.text, "ab\0\0\0\0\0\0", 8);
}

static void test_name_and_path(void **state)
{
	char value[32] = "";
	struct conf_item item = {.key = "id", .type = CONF_NAME, .size = sizeof(value)};
	static const char *const bad_names[] = {"a b", "a/b", "pi.example",
						"a#",  "pi+", "gr\xc3\xbc"};
	char error[CONF_ERROR_SIZE];

	(void)state;
	assert_int_equal(conf_value(&item, "Pi_4-b", value, error, sizeof(error)), 0);
	assert_string_equal(value, "Pi_4-b");
	assert_int_equal(conf_value(&item, "", value, error, sizeof(error)), 0);
	for (size_t i = 0; i < COUNT(bad_names); i++) {
		assert_int_equal(conf_value(&item, bad_names[i], value, error, sizeof(error)),
				 -EINVAL);
		assert_string_equal(error, "must be letters, digits, '-' and '_' only");
	}
	item.type = CONF_PATH;
	assert_int_equal(conf_value(&item, "/run/x", value, error, sizeof(error)), 0);
	assert_int_equal(conf_value(&item, "run/x", value, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "must be an absolute path, one that starts with '/'");
	assert_string_equal(value, "/run/x");
	assert_int_equal(conf_value(&item, "", value, error, sizeof(error)), 0);
	item.min = 1;
	assert_int_equal(conf_value(&item, "", value, error, sizeof(error)), -EINVAL);
}

/* The name of a credential becomes its path; a path stays one. */
static void test_file(void **state)
{
	char value[32] = "/etc/a/long/path/that/was/here";
	struct conf_item item = {.key = "key_file", .type = CONF_FILE, .size = sizeof(value)};
	static const char *const bad[] = {"./key", "certs/key", "..", ".key", "a b", "k+"};
	char error[CONF_ERROR_SIZE];

	(void)state;
	assert_int_equal(conf_value(&item, "a-name-that-is-too-long-for-it", value, error, 64),
			 -EINVAL);
	setenv("CREDENTIALS_DIRECTORY", "/run/c", 1);
	assert_int_equal(conf_value(&item, "mqtt.key", value, error, sizeof(error)), 0);
	assert_memory_equal(value, "/run/c/mqtt.key\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	assert_int_equal(conf_value(&item, "/etc/key", value, error, sizeof(error)), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(conf_value(&item, bad[i], value, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "or the name of a credential of the service"));
	assert_string_equal(value, "/etc/key");
	/* Who is not the service is pointed to the folder of our unit. */
	unsetenv("CREDENTIALS_DIRECTORY");
	char long_value[64] = "";
	item.size = sizeof(long_value);
	assert_int_equal(conf_value(&item, "mqtt", long_value, error, sizeof(error)), 0);
	assert_string_equal(long_value, "/run/credentials/hostingpid.service/mqtt");
}

static void test_addresses(void **state)
{
	static const struct conf_item listen = {
		.key = "listen", .type = CONF_LISTEN, .size = sizeof(struct addr_list)};
	static const struct conf_item allow = {
		.key = "allow", .type = CONF_ALLOW, .size = sizeof(struct addr_allow)};
	struct addr_list list = {.count = 9};
	struct addr_allow nets = {.count = 9};
	char error[CONF_ERROR_SIZE];

	(void)state;
	assert_int_equal(conf_value(&listen, "9777", &list, error, sizeof(error)), -EINVAL);
	assert_int_equal(list.count, 9);
	assert_int_equal(
		conf_value(&listen, "[::1]:9777, 127.0.0.1:9777", &list, error, sizeof(error)), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(conf_value(&listen, "", &list, error, sizeof(error)), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(conf_value(&allow, "localhost", &nets, error, sizeof(error)), -EINVAL);
	assert_int_equal(nets.count, 9);
	assert_int_equal(conf_value(&allow, "::1, 192.0.2.0/24", &nets, error, sizeof(error)), 0);
	assert_int_equal(nets.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_numbers), cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_forms),	     cmocka_unit_test(test_share),
		cmocka_unit_test(test_bool),	     cmocka_unit_test(test_word),
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_name_and_path),
		cmocka_unit_test(test_file),	     cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("configuration values", tests, NULL, NULL);
}
