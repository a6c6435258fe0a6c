/* SPDX-License-Identifier: MIT */
/* Addresses as they are written: what is taken, how it is shown, what each refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>

#include "agent/addr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONG_PATH_107                                                                              \
	"/run/a23456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789"     \
	"i123456789j123456789012"
#define ERROR_SIZE 512

static const struct {
	const char *text;
	const char *shown;
	int family;
} good[] = {
	{"[::1]:9777", "[::1]:9777", AF_INET6},
	{"[2001:DB8:0:0::1]:1", "[2001:db8::1]:1", AF_INET6},
	{"[::]:9777", "[::]:9777", AF_INET6},
	{":9777", "[::]:9777", AF_INET6},
	{":0", "[::]:0", AF_INET6},
	{"[fe80::1%lo]:65535", "[fe80::1%lo]:65535", AF_INET6},
	{"[fe80::1%4294967295]:7", "[fe80::1%4294967295]:7", AF_INET6},
	/* One interface has it in any case, and the kernel does not say which when asked for the address of a socket. */
	{"[::1%lo]:9777", "[::1]:9777", AF_INET6},
	{"[fd00::1%lo]:9777", "[fd00::1]:9777", AF_INET6},
	{"192.0.2.1:9777", "192.0.2.1:9777", AF_INET},
	{"0.0.0.0:9777", "0.0.0.0:9777", AF_INET},
	{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", AF_INET},
	{"unix:/run/x.sock", "unix:/run/x.sock", AF_UNIX},
	{"unix:" LONG_PATH_107, "unix:" LONG_PATH_107, AF_UNIX},
};

static const struct {
	const char *text;
	const char *error; /* a part of it */
} bad[] = {
	{"", "has no port"},
	{"9777", "has no address, ':9777' is that port of all: must be like [::1]:9777,"},
	{"192.0.2.1", "has no port"},
	{"::", "has no port"},
	{"[::1]:", "has no port"},
	{"[::1]", "has no port"},
	{":", "':' has no port: must be like"},
	{":65536", "port '65536' must be"},
	{":-1", "port '-1' must be"},
	{":+1", "port '+1' must be"},
	{":80x", "port '80x' must be"},
	{":99999999999999999999", "must be a whole number from 0 to 65535"},
	{"[::1]:http", "port 'http' must be"},
	{"::1:9777", "stands in brackets"},
	{"::1", "stands in brackets"},
	{"[::1:9777", "stands in brackets"},
	{"[::1]]:9777", "'::1]' is not an IPv6 address"},
	{"[]:9777", "'' is not an IPv6 address"},
	{"[192.0.2.1]:9777", "is not an IPv6 address"},
	{"[::1%]:9777", "'' is not a network interface"},
	{"[fe80::1%no-such-if]:9777", "'no-such-if' is not a network interface"},
	{"[fe80::1%4294967296]:9777", "'4294967296' is not a network interface"},
	{"[::%lo]:9777", "'::' is every address of every interface: name an address of 'lo'"},
	{"[fe80::1]:9777", "needs an interface, such as [fe80::1%eth0]"},
	{"localhost:9777", "'localhost' is not an IP address (names are not looked up)"},
	{"*:9777", "'*' is not an IP address"},
	{"192.0.2.256:9777", "is not an IP address"},
	{"192.0.2:9777", "is not an IP address"},
	{"192.0.2.01:9777", "is not an IP address"},
	{" :9777", "is not an IP address"},
	{"unix:", "needs an absolute path"},
	{"unix:x.sock", "needs an absolute path"},
	{"unix:@abstract", "needs an absolute path"},
	{"unix:" LONG_PATH_107 "4", "at most 107 bytes long: it has 108"},
	{LONG_PATH_107 LONG_PATH_107 ":1", "too long"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char error[ERROR_SIZE] = "", text[ADDR_TEXT_SIZE];
		struct addr addr, again;

		memset(&addr, 0x55, sizeof(addr));
		if (addr_parse(good[i].text, &addr, error, sizeof(error)) != 0)
			fail_msg("'%s': %s", good[i].text, error);
		assert_int_equal(addr.any.sa.sa_family, good[i].family);
		assert_string_equal(addr_format(&addr.any.sa, text, sizeof(text)), good[i].shown);
		/* What is shown can be read back, to the same bytes. */
		memset(&again, 0xaa, sizeof(again));
		assert_int_equal(addr_parse(text, &again, error, sizeof(error)), 0);
		assert_memory_equal(&again, &addr, sizeof(addr));
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char error[ERROR_SIZE] = "";
		struct addr addr, before;

		memset(&addr, 0x55, sizeof(addr));
		memcpy(&before, &addr, sizeof(addr));
		if (addr_parse(bad[i].text, &addr, error, sizeof(error)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i].text);
		if (!strstr(error, bad[i].error))
			fail_msg("'%s': %s", bad[i].text, error);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
}

static void test_format(void **state)
{
	union addr_any mapped = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)}};
	union addr_any full = {.un = {.sun_family = AF_UNIX}};
	union addr_any other = {.sa = {.sa_family = AF_UNSPEC}};
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.in6.sin6_addr), 1);
	assert_string_equal(addr_format(&mapped.sa, text, sizeof(text)), "192.0.2.1:80");
	assert_string_equal(addr_format_host(&mapped.sa, text, sizeof(text)), "192.0.2.1");
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &mapped.in6.sin6_addr), 1);
	assert_string_equal(addr_format_host(&mapped.sa, text, sizeof(text)), "2001:db8::1");
	assert_string_equal(addr_format(&mapped.sa, text, 8), "[2001:d");
	/* A client's end of a Unix socket has no name; a path of full length has no NUL byte. */
	assert_string_equal(addr_format(&full.sa, text, sizeof(text)), "unix:");
	memset(full.un.sun_path, 'x', sizeof(full.un.sun_path));
	assert_int_equal(strlen(addr_format(&full.sa, text, sizeof(text))), 5 + 108);
	assert_string_equal(addr_format(&other.sa, text, sizeof(text)), "address of family 0");
}

static const struct {
	const char *text;
	size_t count;
	const char *error; /* NULL: good */
} lists[] = {
	{"", 0, NULL},
	{" \t ", 0, NULL},
	{"[::1]:9777", 1, NULL},
	{"[::1]:9777, 127.0.0.1:9777", 2, NULL},
	{" [::1]:9777 ,127.0.0.1:9777\t", 2, NULL},
	{"[::1]:9777 unix:/a unix:/b :80", 4, NULL},
	{":0, :0", 2, NULL},
	{":80, :81", 2, NULL},
	{"0.0.0.0:80, [::1]:80", 2, NULL},
	{":1, :2, :3, :4, :5", 0, "at most 4 addresses"},
	{",", 0, "a comma too many"},
	{":80,", 0, "a comma too many"},
	{",:80", 0, "a comma too many"},
	{":80,,:81", 0, "a comma too many"},
	{":80, , :81", 0, "a comma too many"},
	{":80, :80", 0, "':80' is covered by an address before it"},
	{":80, 192.0.2.1:80", 0, "'192.0.2.1:80' is covered"},
	{"[::1]:80, :80", 0, "':80' is covered"},
	{"192.0.2.1:80, 0.0.0.0:80", 0, "is covered"},
	{"192.0.2.1:80, [::ffff:192.0.2.1]:80", 0, "is covered"},
	{"unix:/a, unix:/a", 0, "'unix:/a' is covered"},
	{":80, localhost:80", 0, "'localhost' is not an IP address"},
	{LONG_PATH_107 LONG_PATH_107, 0, "is too long"},
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		char error[ERROR_SIZE] = "";
		struct addr_list list = {.count = 99};
		int r = addr_list_parse(lists[i].text, &list, error, sizeof(error));

		if (r != (lists[i].error ? -EINVAL : 0))
			fail_msg("'%s' gave %d: %s", lists[i].text, r, error);
		assert_int_equal(list.count, lists[i].error ? 99 : lists[i].count);
		if (lists[i].error && !strstr(error, lists[i].error))
			fail_msg("'%s': %s", lists[i].text, error);
	}
}

static const struct {
	const char *allow;
	const char *yes; /* peers, separated by blanks */
	const char *no;
} nets[] = {
	{"", "::1 127.0.0.1 2001:db8::1 ::ffff:192.0.2.1", ""},
	{"::1", "::1", "::2 127.0.0.1 ::ffff:0.0.0.1"},
	{"192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1", "192.0.2.2 ::c000:201 ::1"},
	{"192.0.2.0/24", "192.0.2.0 192.0.2.255 ::ffff:192.0.2.7", "192.0.3.0 192.0.1.255"},
	{"192.0.2.128/25", "192.0.2.128 192.0.2.255", "192.0.2.127"},
	{"192.0.2.4/31", "192.0.2.4 192.0.2.5", "192.0.2.3 192.0.2.6"},
	{"2001:db8::/32", "2001:db8:: 2001:db8:ffff::1", "2001:db9:: 192.0.2.1"},
	{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
	{"2001:db8::1/128", "2001:db8::1", "2001:db8::"},
	{"0.0.0.0/0", "127.0.0.1 ::ffff:192.0.2.1", "::1 2001:db8::1"},
	{"::/0", "::1 2001:db8::1", "127.0.0.1 ::ffff:192.0.2.1"},
	{"::ffff:192.0.2.0/120", "192.0.2.7 ::ffff:192.0.2.7", "192.0.3.1"},
	{"::1, 127.0.0.1 198.51.100.0/24", "::1 127.0.0.1 198.51.100.9", "::2 127.0.0.2"},
};

static void expect_peers(const struct addr_allow *allow, const char *peers, bool expected,
			 const char *nets_text)
{
	char copy[128], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", peers);
	for (char *peer; (peer = strtok_r(rest, " ", &rest));) {
		union addr_any any = {.sa = {.sa_family = strchr(peer, ':') ? AF_INET6 : AF_INET}};
		void *address =
			strchr(peer, ':') ? (void *)&any.in6.sin6_addr : (void *)&any.in.sin_addr;

		assert_int_equal(inet_pton(any.sa.sa_family, peer, address), 1);
		if (addr_allowed(allow, &any.sa) != expected)
			fail_msg("allow = %s: %s must be %s", nets_text, peer,
				 expected ? "allowed" : "refused");
	}
}

static void test_allowed(void **state)
{
	union addr_any local = {.sa = {.sa_family = AF_UNIX}};
	union addr_any other = {.sa = {.sa_family = AF_APPLETALK}};
	struct addr_allow allow;

	(void)state;
	for (size_t i = 0; i < COUNT(nets); i++) {
		char error[ERROR_SIZE] = "";

		if (addr_allow_parse(nets[i].allow, &allow, error, sizeof(error)) != 0)
			fail_msg("'%s': %s", nets[i].allow, error);
		expect_peers(&allow, nets[i].yes, true, nets[i].allow);
		expect_peers(&allow, nets[i].no, false, nets[i].allow);
		assert_true(addr_allowed(&allow, &local.sa));
		assert_int_equal(addr_allowed(&allow, &other.sa), allow.count == 0);
	}
}

static const struct {
	const char *text;
	const char *error;
} bad_nets[] = {
	{"192.0.2.1/24", "'192.0.2.1/24' has bits set behind its prefix: write '192.0.2.0/24', or "
			 "'192.0.2.1' for this one address"},
	{"2001:db8::1/32", "write '2001:db8::/32', or '2001:db8::1'"},
	{"::1/0", "write '::/0'"},
	{"1.0.0.0/0", "write '0.0.0.0/0'"},
	{"::ffff:192.0.2.1/120", "write '::ffff:192.0.2.0/120'"},
	{"192.0.2.1/33", "'/33' must be a whole number from 0 to 32: '192.0.2.1/32' is"},
	{"::1/129", "'/129' must be a whole number from 0 to 128: '::1/128' is"},
	{"::1/", "'/' must be a whole number"},
	{"::1/64/64", "'/64/64' must be"},
	{"192.0.2.0/255.255.255.0", "must be a whole number from 0 to 32"},
	{"::1/-1", "'/-1' must be"},
	{"localhost", "'localhost' must be an IP address or a network"},
	{"[::1]", "no brackets"},
	{"192.0.2.1:80", "no port"},
	{"192.0.2", "must be an IP address"},
	{"fe80::1%lo", "must be an IP address"},
	{"all", "must be an IP address"},
	{"/24", "must be an IP address"},
	{"::1,", "a comma too many"},
	{"::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9 ::a ::b ::c ::d ::e ::f ::10 ::11", "at most 16"},
};

static void test_bad_nets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_nets); i++) {
		char error[ERROR_SIZE] = "";
		struct addr_allow allow = {.count = 99};

		if (addr_allow_parse(bad_nets[i].text, &allow, error, sizeof(error)) != -EINVAL)
			fail_msg("'%s' was taken", bad_nets[i].text);
		if (!strstr(error, bad_nets[i].error))
			fail_msg("'%s': %s", bad_nets[i].text, error);
		assert_int_equal(allow.count, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_format),	cmocka_unit_test(test_lists),
		cmocka_unit_test(test_allowed), cmocka_unit_test(test_bad_nets),
	};

	return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
