/* SPDX-License-Identifier: MIT */
/* Every spelling of a host that `hostingpictl check` takes, and what it says of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/check_race.c"
#include "agent/ctl/check_target.c"

static const struct {
	const char *text, *address, *host;
} addresses[] = {
	{"[2001:db8::1]:9000", "[2001:db8::1]:9000", "[2001:db8::1]"},
	{"[2001:db8::1]", "[2001:db8::1]:9778", "[2001:db8::1]"},
	{"2001:db8::1", "[2001:db8::1]:9778", "[2001:db8::1]"},
	/* Without brackets the last group is no port. */
	{"2001:db8::1:9000", "[2001:db8::1:9000]:9778", "[2001:db8::1:9000]"},
	{"[::1]", "[::1]:9778", "[::1]"},
	{"::1", "[::1]:9778", "[::1]"},
	{"::", "[::]:9778", "[::]"},
	{"2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]:9778", "[2001:0DB8:0:0:0:0:0:1]"},
	{"fe80::1%lo", "[fe80::1%lo]:9778", "[fe80::1]"},
	{"[fe80::1%1]:80", "[fe80::1%lo]:80", "[fe80::1]"},
	/* IPv4 in IPv6 clothes is IPv4. */
	{"::ffff:192.0.2.1", "192.0.2.1:9778", "[::ffff:192.0.2.1]"},
	{"[::ffff:192.0.2.1]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]"},
	{"[::ffff:c000:201]", "192.0.2.1:9778", "[::ffff:c000:201]"},
	{"192.0.2.1", "192.0.2.1:9778", "192.0.2.1"},
	{"192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1"},
	{"unix:/run/x.sock", "unix:/run/x.sock", "localhost"},
};

static void test_addresses_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct check_target target;
		char error[CHECK_ERROR_SIZE] = "", text[ADDR_TEXT_SIZE];

		assert_int_equal(
			check_target_parse(addresses[i].text, &target, error, sizeof(error)), 0);
		assert_false(target.named);
		assert_string_equal(addr_format(&target.addr.any.sa, text, sizeof(text)),
				    addresses[i].address);
		assert_string_equal(target.host, addresses[i].host);
		assert_string_equal(error, "");
	}
}

static void test_names_are_taken(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} names[] = {
		{"pi1", "pi1", "9778"},
		{"pi1:80", "pi1", "80"},
		{"pi-1.example.net.", "pi-1.example.net.", "9778"},
		{"my_pi.local:1", "my_pi.local", "1"},
		{"3com", "3com", "9778"},
		{"1.2.3.4.example", "1.2.3.4.example", "9778"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct check_target target;
		char error[CHECK_ERROR_SIZE];

		assert_int_equal(check_target_parse(names[i].text, &target, error, sizeof(error)),
				 0);
		assert_true(target.named);
		assert_string_equal(target.host, names[i].host);
		assert_string_equal(target.port, names[i].port);
	}
}

/* What is refused, and the words without which the sentence would not help. */
static const struct {
	const char *text, *words;
} refused[] = {
	{"", "empty word"},
	{"[::1", "[2001:db8::1]:9778"},
	{"[::1]9778", "[2001:db8::1]:9778"},
	{"[]", "not an IPv6 address"},
	{"[192.0.2.1]", "not an IPv6 address"},
	{"[pi1]", "not an IPv6 address"},
	{"::1]", "not an IPv6 address"},
	{":::", "not an IPv6 address"},
	{"1:2:3:4:5:6:7:8:9", "not an IPv6 address"},
	{"a:b:c", "expected NAME"},
	{"fe80::1", "[fe80::1%eth0]"},
	{"fe80::1%no-such-0", "not a network interface"},
	{"192.0.2.1%eth0", "behind an IPv6 address only"},
	{"pi1%eth0", "behind an IPv6 address only"},
	{"[::1]:", "1 to 65535"},
	{"[::1]:0", "1 to 65535"},
	{"[::1]:65536", "1 to 65535"},
	{"[::1]:http", "1 to 65535"},
	{"pi1:+80", "1 to 65535"},
	{"pi1: 80", "1 to 65535"},
	{":9778", "neither an address nor a name"},
	{"192.0.2", "neither an address nor a name"},
	{"192.0.2.256", "neither an address nor a name"},
	{"2130706433", "neither an address nor a name"},
	{"127.0X1", "neither an address nor a name"},
	{"0x7f000001", "neither an address nor a name"},
	{"127.0x1", "neither an address nor a name"},
	{"pi 1", "neither an address nor a name"},
	{"pi..local", "neither an address nor a name"},
	{".local", "neither an address nor a name"},
	{"b\303\274cher.example", "neither an address nor a name"},
	{"pi1\r\nHost", "neither an address nor a name"},
	{"http://pi1:9778/health", "is a URL"},
	{"unix:", "absolute path"},
	{"unix:run/x", "absolute path"},
};

static void test_others_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct check_target target = {.port = "mine"};
		char error[CHECK_ERROR_SIZE] = "";

		assert_int_equal(check_target_parse(refused[i].text, &target, error, sizeof(error)),
				 -EINVAL);
		if (strstr(error, refused[i].words) == NULL)
			fail_msg("'%s': %s", refused[i].text, error);
		assert_string_equal(target.port, "mine"); /* untouched */
	}
}

static void test_length_is_bounded(void **state)
{
	char text[700], error[CHECK_ERROR_SIZE];
	struct check_target target;

	(void)state;
	for (size_t length = 1; length < sizeof(text); length += 3) {
		/* Labels of 60 characters, so that only the whole is too long. */
		for (size_t i = 0; i < length; i++)
			text[i] = i % 61 == 60 ? '.' : 'a';
		text[length] = '\0';
		assert_int_equal(check_target_parse(text, &target, error, sizeof(error)),
				 length <= 253 ? 0 : -EINVAL);
	}
	memset(text, 'a', 64);
	memcpy(text + 64, ".b", 3);
	assert_int_equal(check_target_parse(text, &target, error, sizeof(error)), -EINVAL);
	text[1] = '.'; /* 62 characters are fine */
	assert_int_equal(check_target_parse(text, &target, error, sizeof(error)), 0);
}

/* Families in the order of the result; the port is the place before. */
static void order(const char *families, char ret_order[RACE_MAX + 1])
{
	struct addr addrs[RACE_MAX] = {0};
	size_t count = strlen(families);

	for (size_t i = 0; i < count; i++) {
		addrs[i].any.sa.sa_family = families[i] == '6' ? AF_INET6 : AF_INET;
		addrs[i].any.in.sin_port = (in_port_t)i;
	}
	race_order(addrs, count);
	for (size_t i = 0; i < count; i++) {
		ret_order[i] = addrs[i].any.sa.sa_family == AF_INET6 ? '6' : '4';
		for (size_t j = 0; j < i; j++) /* nobody is lost, nobody overtakes his family */
			if (addrs[j].any.sa.sa_family == addrs[i].any.sa.sa_family)
				assert_true(addrs[j].any.in.sin_port < addrs[i].any.in.sin_port);
	}
	ret_order[count] = '\0';
}

static void test_families_take_turns(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"4", "4"},
		{"46", "64"},
		{"4446", "6444"},
		{"6664", "6466"},
		{"444666", "646464"},
		{"4444444444444444", "4444444444444444"},
	};
	char result[RACE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		order(cases[i][0], result);
		assert_string_equal(result, cases[i][1]);
	}
}

/* A listening socket on a loopback address; ret_addr is where. */
static int listen_on(const char *text, struct addr *ret_addr)
{
	char error[CHECK_ERROR_SIZE];
	struct addr wanted;

	assert_int_equal(addr_parse(text, &wanted, error, sizeof(error)), 0);
	return addr_listen(&wanted, 4, ret_addr);
}

static void test_race_goes_on_behind_those_that_refuse(void **state)
{
	char error[CHECK_ERROR_SIZE] = "";
	struct addr addrs[3];
	size_t winner = 9;
	int server, closed;

	(void)state;
	server = listen_on("127.0.0.1:0", &addrs[2]);
	closed = listen_on("127.0.0.1:0", &addrs[0]);
	assert_true(server >= 0 && closed >= 0);
	close(closed);
	addrs[1] = addrs[0];
	int fd = race_connect(addrs, 3, race_now_ns() + 60 * NS_PER_S, &winner, error,
			      sizeof(error));
	assert_true(fd >= 0);
	assert_int_equal(winner, 2);
	close(fd);
	/* Nobody is left: each is named. */
	assert_int_equal(race_connect(addrs, 2, race_now_ns() + 60 * NS_PER_S, &winner, error,
				      sizeof(error)),
			 -ECONNREFUSED);
	assert_non_null(strstr(error, "Connection refused; 127.0.0.1:"));
	close(server);
}

static void test_race_ends_with_the_deadline(void **state)
{
	char error[CHECK_ERROR_SIZE] = "";
	struct addr addr, full[1];
	size_t winner;
	int server = listen_on("127.0.0.1:0", &addr), held[64], count = 0;

	(void)state;
	assert_true(server >= 0);
	/* Nobody accepts: when the backlog is full, the kernel drops what comes. */
	for (; count < 64; count++) {
		held[count] = race_connect(&addr, 1, race_now_ns() + 50 * NS_PER_MS, &winner, error,
					   sizeof(error));
		if (held[count] < 0)
			break;
	}
	assert_true(count < 64);
	full[0] = addr;
	assert_int_equal(race_connect(full, 1, race_now_ns(), &winner, error, sizeof(error)),
			 -ETIMEDOUT);
	assert_non_null(strstr(error, "no answer to the connection"));
	while (count-- > 0)
		close(held[count]);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_are_taken),
		cmocka_unit_test(test_names_are_taken),
		cmocka_unit_test(test_others_are_refused),
		cmocka_unit_test(test_length_is_bounded),
		cmocka_unit_test(test_families_take_turns),
		cmocka_unit_test(test_race_goes_on_behind_those_that_refuse),
		cmocka_unit_test(test_race_ends_with_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
