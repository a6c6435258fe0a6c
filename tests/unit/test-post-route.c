/* SPDX-License-Identifier: MIT */
/* In which order a host's addresses are tried, and what is left out and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "notifiers/post/route.h"

static void v6(struct route_facts *facts, const char *text)
{
	assert_int_equal(inet_pton(AF_INET6, text, &facts->ipv6[facts->ipv6_count++]), 1);
}

static void v4(struct route_facts *facts, const char *text)
{
	assert_int_equal(inet_pton(AF_INET, text, &facts->ipv4[facts->ipv4_count++]), 1);
}

static void prefix(struct route_facts *facts, const char *text)
{
	char error[200];
	assert_int_equal(nat64_prefix_parse(text, &facts->prefixes[facts->prefix_count++], error,
					    sizeof(error)),
			 0);
}

static void assert_row(const struct route *route, size_t i, enum route_via via, const char *text)
{
	assert_in_range(i, 0, route->count - 1);
	assert_int_equal(route->addresses[i].via, via);
	assert_string_equal(route->addresses[i].text, text);
}

static void test_native_before_nat64_before_ipv4(void **state)
{
	struct route_facts facts = {0};
	struct route route;
	(void)state;

	v6(&facts, "2001:db8:64::c01f:c40a"); /* what a DNS64 made, comes first here */
	v6(&facts, "2001:db8::1");
	v4(&facts, "192.31.196.10");
	prefix(&facts, "2001:db8:64::/96");
	route_order(&facts, &route);
	assert_int_equal(route.count, 3);
	assert_row(&route, 0, ROUTE_IPV6, "2001:db8::1");
	assert_row(&route, 1, ROUTE_NAT64, "2001:db8:64::c01f:c40a");
	assert_row(&route, 2, ROUTE_IPV4, "192.31.196.10");
	assert_int_equal(route.addresses[1].prefix.length, 96);
	assert_string_equal(route.note, "");
}

static void test_own_synthesis_with_each_prefix(void **state)
{
	struct route_facts facts = {0};
	struct route route;
	(void)state;

	v4(&facts, "192.31.196.10");
	prefix(&facts, "64:ff9b::/96");
	prefix(&facts, "2001:db8:122:344::/64");
	route_order(&facts, &route);
	assert_int_equal(route.count, 3);
	assert_row(&route, 0, ROUTE_NAT64, "64:ff9b::c01f:c40a");
	assert_row(&route, 1, ROUTE_NAT64, "2001:db8:122:344:c0:1fc4:a00:0");
	assert_row(&route, 2, ROUTE_IPV4, "192.31.196.10");
}

static void test_without_prefix(void **state)
{
	struct route_facts facts = {0};
	struct route route;
	(void)state;

	v6(&facts, "64:ff9b::c01f:c40a"); /* nobody told us that this is one */
	v4(&facts, "192.31.196.10");
	route_order(&facts, &route);
	assert_int_equal(route.count, 2);
	assert_row(&route, 0, ROUTE_IPV6, "64:ff9b::c01f:c40a");
	assert_row(&route, 1, ROUTE_IPV4, "192.31.196.10");
}

static void test_private_address_and_well_known_prefix(void **state)
{
	struct route_facts facts = {0};
	struct route route;
	(void)state;

	v6(&facts, "64:ff9b::a40:a"); /* some DNS64 servers do that */
	v4(&facts, "10.64.0.10");
	prefix(&facts, "64:ff9b::/96");
	route_order(&facts, &route);
	assert_int_equal(route.count, 1);
	assert_row(&route, 0, ROUTE_IPV4, "10.64.0.10");
	assert_non_null(strstr(route.note, "10.64.0.10 is not a global address"));
}

static void test_more_than_room(void **state)
{
	struct route_facts facts = {.prefix_count = 0};
	struct route route;
	(void)state;

	for (int i = 0; i < ROUTE_LOOKUPS; i++) {
		facts.ipv6[i].s6_addr[15] = (uint8_t)(i + 1);
		facts.ipv4[i].s_addr = htonl(0xc01fc400U + (unsigned)i);
	}
	facts.ipv6_count = facts.ipv4_count = ROUTE_LOOKUPS;
	for (int i = 0; i < NAT64_PREFIXES; i++)
		prefix(&facts, "2001:db8:64::/96");
	for (int i = 0; i < NAT64_PREFIXES; i++)
		facts.prefixes[i].address.s6_addr[7] = (uint8_t)i;
	route_order(&facts, &route);
	assert_int_equal(route.count, ROUTE_ADDRESSES);
}

static void test_literals(void **state)
{
	struct route route;
	char error[200] = "";
	(void)state;

	assert_int_equal(route_find("[2001:db8::1]", "none", "", &route, error, sizeof(error)), 0);
	assert_row(&route, 0, ROUTE_IPV6, "2001:db8::1");
	assert_int_equal(
		route_find("192.31.196.10", "64:ff9b::/96", "", &route, error, sizeof(error)), 0);
	assert_row(&route, 0, ROUTE_NAT64, "64:ff9b::c01f:c40a");
	assert_row(&route, 1, ROUTE_IPV4, "192.31.196.10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native_before_nat64_before_ipv4),
		cmocka_unit_test(test_own_synthesis_with_each_prefix),
		cmocka_unit_test(test_without_prefix),
		cmocka_unit_test(test_private_address_and_well_known_prefix),
		cmocka_unit_test(test_more_than_room),
		cmocka_unit_test(test_literals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
