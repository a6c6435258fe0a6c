/* SPDX-License-Identifier: MIT */
/* NAT64 prefixes: the examples of RFC 6052 and RFC 7050, and every way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notifiers/nat64.h"

static struct in6_addr v6(const char *text)
{
	struct in6_addr address;
	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

static struct in_addr v4(const char *text)
{
	struct in_addr address;
	assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return address;
}

static struct nat64_prefix prefix_of(const char *text)
{
	struct nat64_prefix prefix;
	char error[200] = "";
	if (nat64_prefix_parse(text, &prefix, error, sizeof(error)) != 0)
		fail_msg("%s: %s", text, error);
	return prefix;
}

/* RFC 6052, section 2.4: the two tables. */
static void test_rfc6052(void **state)
{
	static const char *const rows[][3] = {
		{"2001:db8::/32", "192.0.2.33", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "192.0.2.33", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "192.0.2.33", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::192.0.2.33"},
		/* The well-known prefix, with an address that it may carry. */
		{"64:ff9b::/96", "192.31.196.10", "64:ff9b::192.31.196.10"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nat64_prefix prefix = prefix_of(rows[i][0]);
		struct in6_addr address, expected = v6(rows[i][2]);
		struct in_addr back, ipv4 = v4(rows[i][1]);
		char text[NAT64_PREFIX_TEXT_SIZE];

		assert_int_equal(nat64_embed(&prefix, ipv4, &address), 0);
		assert_memory_equal(&address, &expected, sizeof(address));
		assert_true(nat64_extract(&prefix, &address, &back));
		assert_int_equal(back.s_addr, ipv4.s_addr);
		assert_string_equal(nat64_prefix_format(&prefix, text), rows[i][0]);
	}
}

static void test_refused_prefixes(void **state)
{
	static const char *const texts[] = {
		"",
		"64:ff9b::",
		"64:ff9b::/",
		"64:ff9b::/95",
		"64:ff9b::/128",
		"64:ff9b::/0",
		"64:ff9b::/-96",
		"64:ff9b::/96 ",
		"64:ff9b::/+96",
		"64:ff9b::/0000096",
		"64:ff9b::1/96",
		"2001:db8:1::/32",
		"192.0.2.0/24",
		"::ffff:192.0.2.0",
		"pi.example/96",
		"[64:ff9b::]/96",
		"2001:db8::ff00:0:0:0/96",
		"/96",
		"64:ff9b::/96/96",
		"64:ff9b::/4294967392",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/96",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nat64_prefix prefix = {.length = 7};
		char error[200] = "";
		if (nat64_prefix_parse(texts[i], &prefix, error, sizeof(error)) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_true(error[0] != '\0');
		assert_int_equal(prefix.length, 7); /* untouched */
	}
}

static void test_well_known_refuses_private(void **state)
{
	static const char *const refused[] = {
		"0.0.0.0",     "10.64.0.10", "100.64.0.10",    "100.127.255.255", "127.0.0.1",
		"169.254.1.1", "172.16.0.1", "172.31.255.255", "192.0.0.170",	  "192.0.2.33",
		"192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.20",	  "203.0.113.10",
		"192.88.99.1", "224.0.0.1",  "239.1.2.3",      "240.0.0.1",	  "255.255.255.255",
	};
	static const char *const fine[] = {
		"1.1.1.1",    "9.255.255.255",	 "11.0.0.0",	  "100.63.255.255", "100.128.0.0",
		"172.15.0.1", "172.32.0.1",	 "192.31.196.10", "192.0.1.1",	    "198.17.0.1",
		"198.20.0.1", "223.255.255.255", "192.167.0.1",	  "203.0.112.1",
	};
	struct nat64_prefix prefix = prefix_of("64:ff9b::/96"), own = prefix_of("2001:db8:64::/96");
	struct in6_addr address;
	(void)state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		assert_int_equal(nat64_embed(&prefix, v4(refused[i]), &address), -EADDRNOTAVAIL);
		assert_int_equal(nat64_embed(&own, v4(refused[i]), &address), 0);
	}
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		assert_int_equal(nat64_embed(&prefix, v4(fine[i]), &address), 0);
}

/* Any address behind any prefix of any length comes back, and discovery finds the prefix. */
static void test_there_and_back(void **state)
{
	static const int lengths[] = {32, 40, 48, 56, 64, 96};
	unsigned seed = (unsigned)time(NULL);
	(void)state;

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 20000; i++) {
		struct nat64_prefix prefix = {.length = lengths[random() % 6]};
		struct nat64_prefix found[NAT64_PREFIXES];
		struct in_addr ipv4 = {.s_addr = (uint32_t)random() << 1}, back;
		struct in6_addr address, answers[2];

		for (int k = 0; k < prefix.length / 8; k++)
			prefix.address.s6_addr[k] = (uint8_t)random();
		prefix.address.s6_addr[8] = 0;
		assert_int_equal(nat64_embed(&prefix, ipv4, &address), 0);
		assert_true(nat64_extract(&prefix, &address, &back));
		assert_int_equal(back.s_addr, ipv4.s_addr);
		assert_int_equal(nat64_embed(&prefix, v4("192.0.0.170"), &answers[0]), 0);
		assert_int_equal(nat64_embed(&prefix, v4("192.0.0.171"), &answers[1]), 0);
		assert_int_equal(nat64_from_answers(answers, 2, found), 1);
		assert_true(nat64_prefix_equal(&found[0], &prefix));
	}
}

static void test_other_prefix_is_not_extracted(void **state)
{
	struct nat64_prefix prefix = prefix_of("2001:db8:122:344::/64");
	struct in6_addr other = v6("2001:db8:122:345:c0:2:2100::");
	struct in6_addr u_set = v6("2001:db8:122:344:ffc0:2:2100::");
	struct in_addr ipv4;
	(void)state;

	assert_false(nat64_extract(&prefix, &other, &ipv4));
	assert_false(nat64_extract(&prefix, &u_set, &ipv4));
}

static void test_discovery(void **state)
{
	struct nat64_prefix found[NAT64_PREFIXES];
	struct in6_addr two_prefixes[] = {
		v6("64:ff9b::192.0.0.170"),
		v6("2001:db8:64:64:c0:0:aa00::"),
		v6("64:ff9b::192.0.0.171"),
		v6("2001:db8:64:64:c0:0:ab00::"),
	};
	struct in6_addr none[] = {v6("2001:db8::1"), v6("64:ff9b::192.0.0.172"), v6("::")};
	(void)state;

	assert_int_equal(nat64_from_answers(two_prefixes, 4, found), 2);
	assert_int_equal(found[0].length, 96);
	assert_int_equal(found[1].length, 64);
	assert_int_equal(nat64_from_answers(none, 3, found), 0);
	assert_int_equal(nat64_from_answers(NULL, 0, found), 0);
	/* One answer alone is enough where it fits one length only. */
	assert_int_equal(nat64_from_answers(two_prefixes, 1, found), 1);
}

/* RFC 7050, section 3: a prefix that itself contains the well-known address. */
static void test_discovery_of_an_ambiguous_prefix(void **state)
{
	/* 2001:db8:c000:aa::/96 fits /32 as well, but only there once 192.0.0.170. */
	struct in6_addr answers[] = {
		v6("2001:db8:c000:aa::192.0.0.170"),
		v6("2001:db8:c000:aa::192.0.0.171"),
	};
	struct nat64_prefix found[NAT64_PREFIXES], expected = prefix_of("2001:db8:c000:aa::/96");
	(void)state;

	assert_int_equal(nat64_from_answers(answers, 2, found), 1);
	assert_true(nat64_prefix_equal(&found[0], &expected));
	/* With one of the two alone nobody can tell. */
	assert_int_equal(nat64_from_answers(answers, 1, found), 0);
}

static void test_more_prefixes_than_room(void **state)
{
	struct in6_addr answers[NAT64_PREFIXES + 5];
	struct nat64_prefix found[NAT64_PREFIXES];
	(void)state;

	for (size_t i = 0; i < NAT64_PREFIXES + 5; i++) {
		answers[i] = v6("2001:db8:64::192.0.0.170");
		answers[i].s6_addr[7] = (uint8_t)i;
	}
	assert_int_equal(nat64_from_answers(answers, NAT64_PREFIXES + 5, found), NAT64_PREFIXES);
}

static void test_prefixes(void **state)
{
	static const char *const refused[] = {
		"", "auto,none", "Auto", "64:ff9b::/97", "x", "64:ff9b::/96,bad", "64:ff9b::1/96"};
	struct nat64_prefix prefixes[NAT64_PREFIXES];
	char error[200];
	size_t count = 7;
	bool automatic;
	(void)state;

	assert_int_equal(nat64_prefixes_parse("auto", &automatic, prefixes, &count, error,
					      sizeof(error)),
			 0);
	assert_true(automatic);
	assert_int_equal(nat64_prefixes_parse("none", &automatic, prefixes, &count, error,
					      sizeof(error)),
			 0);
	assert_false(automatic);
	assert_int_equal(count, 0);
	assert_int_equal(nat64_prefixes_parse("64:ff9b::/96, 2001:db8::/32", &automatic, prefixes,
					      &count, error, sizeof(error)),
			 0);
	assert_int_equal(count, 2);
	assert_int_equal(prefixes[1].length, 32);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(nat64_prefixes_parse(refused[i], &automatic, prefixes, &count,
						      error, sizeof(error)),
				 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6052),
		cmocka_unit_test(test_refused_prefixes),
		cmocka_unit_test(test_well_known_refuses_private),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_other_prefix_is_not_extracted),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_discovery_of_an_ambiguous_prefix),
		cmocka_unit_test(test_more_prefixes_than_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
