/* SPDX-License-Identifier: MIT */
/* Headers of the PROXY protocol as proxies send them, broken ones, and what only looks like one. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "notifiers/http_proxy.h"

#define BEGIN "\r\n\r\n\0\r\nQUIT\n"

static struct http_proxy proxy;

static void check(const char *bytes, size_t length, enum http_proxy_progress expected, size_t rest)
{
	size_t used;

	http_proxy_start(&proxy);
	assert_int_equal(http_proxy_take(&proxy, bytes, length, &used), expected);
	if (expected == HTTP_PROXY_SOURCE || expected == HTTP_PROXY_PLAIN)
		assert_int_equal(length - used, rest);
	if (expected == HTTP_PROXY_OPEN)
		assert_int_equal(used, length);
	/* Nothing that belongs to somebody else is lost. */
	if (expected == HTTP_PROXY_NONE)
		assert_memory_equal(proxy.bytes, bytes, used);
}

static void check_host(const char *text)
{
	char shown[INET6_ADDRSTRLEN];

	assert_string_equal(inet_ntop(AF_INET6, &proxy.host, shown, sizeof(shown)), text);
}

#define CHECK(text, expected, rest) check(text, sizeof(text) - 1, HTTP_PROXY_##expected, rest)

static void test_lines(void **state)
{
	(void)state;
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET", SOURCE, 3);
	check_host("::ffff:192.0.2.1");
	CHECK("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", SOURCE, 0);
	check_host("2001:db8::1");
	CHECK("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	      SOURCE, 0);
	CHECK("PROXY UNKNOWN\r\nx", PLAIN, 1);
	CHECK("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	      PLAIN, 0);
	CHECK("PROXY TCP4 192.0.2.1", OPEN, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r", OPEN, 0);
}

static void test_broken_lines(void **state)
{
	(void)state;
	CHECK("PROXY \r\n", BAD, 0);
	CHECK("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n", BAD, 0);
	CHECK("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", BAD, 0);
	CHECK("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\0\r\n", BAD, 0);
	CHECK("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
	      "0123456789012345678901234567890123456789\r\n",
	      BAD, 0);
}

static void test_binary(void **state)
{
	char long_one[16 + HTTP_PROXY_MORE + 1] = BEGIN "\x21\x11\x10\x00\xc0\x00\x02\x01";

	(void)state;
	CHECK(BEGIN "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbbGET", SOURCE,
	      3);
	check_host("::ffff:192.0.2.1");
	CHECK(BEGIN "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xdc\x04\x01\xbbx",
	      SOURCE, 1);
	check_host("2001:db8::1");
	/* HAProxy's own checks; behind the addresses that it need not send something may follow. */
	CHECK(BEGIN "\x20\x00\x00\x00GET", PLAIN, 3);
	CHECK(BEGIN "\x20\x11\x00\x03xyzGET", PLAIN, 3);
	/* A TLV behind the addresses. */
	CHECK(BEGIN
	      "\x21\x11\x00\x10\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb\x04\x00\x01\x00G",
	      SOURCE, 1);
	CHECK(BEGIN "\x21\x11\x00\x10\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb\x04", OPEN,
	      0);
	/* No family; a Unix socket, whose paths have 216 bytes. */
	CHECK(BEGIN "\x21\x00\x00\x00G", PLAIN, 1);
	memset(long_one + 16, 'x', 217);
	memcpy(long_one + 12, "\x21\x31\x00\xd8", 4);
	check(long_one, 16 + 217, HTTP_PROXY_PLAIN, 1);
	memcpy(long_one + 12, "\x21\x11\x10\x00", 4);
	check(long_one, sizeof(long_one), HTTP_PROXY_SOURCE, 1);
}

static void test_broken_binary(void **state)
{
	(void)state;
	CHECK(BEGIN "\x11\x11\x00\x0c", BAD, 0); /* version */
	CHECK(BEGIN "\x22\x11\x00\x0c", BAD, 0); /* command */
	CHECK(BEGIN "\x21\x41\x00\x0c", BAD, 0); /* family */
	CHECK(BEGIN "\x21\x13\x00\x0c", BAD, 0); /* transport */
	CHECK(BEGIN "\x21\x11\x00\x0b", BAD, 0); /* too short for its family */
	CHECK(BEGIN "\x21\x21\x00\x0c", BAD, 0);
	CHECK(BEGIN "\x21\x11\x10\x01", BAD, 0); /* longer than anybody needs */
	CHECK(BEGIN "\x21\x11\x00", OPEN, 0);
}

static void test_what_is_none(void **state)
{
	(void)state;
	CHECK("GET / HTTP/1.1\r\n", NONE, 0);
	CHECK("PROPFIND / HTTP/1.1\r\n", NONE, 0);
	CHECK("PROXYx", NONE, 0);
	CHECK("\r\nGET / HTTP/1.1\r\n", NONE, 0);
	CHECK("\r\n\r\nGET / HTTP/1.1\r\n", NONE, 0);
	CHECK(BEGIN, OPEN, 0);
	CHECK("\r\n\r\n\0\r\nQUIT\r", NONE, 0);
	CHECK("\r\n\r\n", OPEN, 0);
	CHECK("PRO", OPEN, 0);
}

static void test_pieces_do_not_matter(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} seeds[] = {
#define SEED(text) {text, sizeof(text) - 1}
		SEED("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\nGET"),
		SEED(BEGIN
		     "\x21\x11\x00\x10\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb\x04\x00"
		     "\x01\x00G"),
		SEED("\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
		SEED("PROXY UNKNOWN x\r\n"),
	};
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);

	(void)state;
	print_message("SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < 4000; i++) {
		size_t length = seeds[i % 4].length, consumed = 0, used, whole;
		char bytes[128];

		memcpy(bytes, seeds[i % 4].bytes, length);
		if (rand() % 2)
			bytes[(size_t)rand() % length] = (char)rand();
		http_proxy_start(&proxy);
		enum http_proxy_progress at_once = http_proxy_take(&proxy, bytes, length, &whole);
		struct in6_addr host = proxy.host;
		enum http_proxy_progress progress = HTTP_PROXY_OPEN;

		http_proxy_start(&proxy);
		while (consumed < length && progress == HTTP_PROXY_OPEN) {
			size_t piece = 1 + (size_t)rand() % (length - consumed);
			char *copy = malloc(piece);

			assert_non_null(copy);
			memcpy(copy, bytes + consumed, piece);
			progress = http_proxy_take(&proxy, copy, piece, &used);
			free(copy);
			consumed += used;
		}
		assert_int_equal(progress, at_once);
		assert_int_equal(consumed, whole);
		if (progress == HTTP_PROXY_SOURCE)
			assert_memory_equal(&host, &proxy.host, sizeof(host));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	     cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_binary),	     cmocka_unit_test(test_broken_binary),
		cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_pieces_do_not_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
