/* SPDX-License-Identifier: MIT */
/* Requests of friends and strangers: what is understood, what is refused, and that pieces do not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "notifiers/http_accept.h"
#include "notifiers/http_request.h"

static struct http_request request;

/* Everything in one piece; what is left over is told. */
static enum http_progress take(const char *bytes, size_t length, size_t *ret_used)
{
	http_request_start(&request);
	return http_request_take(&request, bytes, length, ret_used);
}

static void check_whole(const char *text)
{
	size_t used;

	assert_int_equal(take(text, strlen(text), &used), HTTP_COMPLETE);
	assert_int_equal(request.status, 0);
	assert_int_equal(used, strlen(text));
}

static void check_refused(const char *text, int status)
{
	size_t used;

	if (take(text, strlen(text), &used) != HTTP_COMPLETE || request.status != status) {
		print_error("%d instead of %d: %s\n", request.status, status, text);
		fail();
	}
}

static void check_path(const char *target, const char *path, const char *query)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: pi\r\n\r\n", target);
	check_whole(text);
	assert_true(http_text_is(&request.path, path));
	assert_true(query ? http_text_is(&request.query, query) : request.query.length == 0);
}

static void test_good_ones(void **state)
{
	(void)state;
	check_whole(
		"GET /health HTTP/1.1\r\nHost: pi\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n");
	assert_true(request.keep_alive && !request.head && !request.old && !request.body);
	assert_string_equal(request.agent, "curl/7.88.1");
	assert_string_equal(request.accept, "*/*");
	check_whole("HEAD / HTTP/1.0\r\n\r\n");
	assert_true(request.head && request.old && !request.keep_alive);
	check_whole("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(request.keep_alive);
	check_whole("GET / HTTP/1.1\r\nhOsT: pi\r\nConnection: close\r\n\r\n");
	assert_false(request.keep_alive);
	/* Empty lines before a request, line ends without CR, a list in two lines. */
	check_whole(
		"\r\n\r\nGET / HTTP/1.1\nHost:\nAccept: text/plain\nAccept: text/html;q=0.5\n\n");
	assert_string_equal(request.accept, "text/plain,text/html;q=0.5");
	/* An offer to speak something else need not be taken. */
	check_whole("GET / HTTP/1.1\r\nHost: pi\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n");
}

static void test_targets(void **state)
{
	(void)state;
	check_path("/", "/", NULL);
	check_path("/health?soft=404", "/health", "soft=404");
	check_path("http://pi.example:9778/metrics", "/metrics", NULL);
	check_path("http://[2001:db8::1]:9778/health?soft=404", "/health", "soft=404");
	check_path("http://pi", "/", NULL);
	check_path("http://pi?x", "/", "x");
	check_path("/a?b#c", "/a", "b");
	/* Not decoded: none of our paths has an escape, so this one is not there. */
	check_path("/%68ealth", "/%68ealth", NULL);
	check_path("/../health", "/../health", NULL);
}

static void test_refusals(void **state)
{
	char text[8192];

	(void)state;
	check_refused("GET / HTTP/1.1\r\n\r\n", 400);
	check_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
	check_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400);
	check_refused("hello\r\n\r\n", 400);
	check_refused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400); /* TLS */
	check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
	check_refused("GET / HTTP/2.0\r\nHost: pi\r\n\r\n", 505);
	check_refused("GET /\r\n\r\n", 505); /* HTTP/0.9 */
	check_refused("GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: -1\r\n\r\n", 400);
	check_refused(
		"GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		400);
	check_refused("GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 4\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n",
		      400);
	check_refused("GET / HTTP/1.1\r\nHost: pi\r\nHo st: x\r\n\r\n", 400);
	check_refused("POST /health HTTP/1.1\r\nHost: pi\r\n\r\n", 405);
	check_refused("OPTIONS * HTTP/1.1\r\nHost: pi\r\n\r\n", 405);
	check_refused("CONNECT pi:80 HTTP/1.1\r\nHost: pi\r\n\r\n", 405);
	check_refused("GET / HTTP/1.1\r\nHost: pi\r\nExpect: tea\r\n\r\n", 417);
	check_refused("GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 65537\r\n\r\n", 413);
	check_refused(
		"GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		400);
	snprintf(text, sizeof(text), "GET /%0257d HTTP/1.1\r\nHost: pi\r\n\r\n", 0);
	check_refused(text, 414);
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: pi\r\nX: %04096d\r\n\r\n", 0);
	check_refused(text, 431);
	assert_false(request.keep_alive);
}

static void test_bodies_end_the_connection(void **state)
{
	static const char length[] = "GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 5\r\n\r\nhello";
	static const char chunks[] =
		"GET / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
	static const char expect[] = "GET / HTTP/1.1\r\nHost: pi\r\nExpect: 100-Continue\r\n"
				     "Content-Length: 5\r\n\r\n";
	static const char *const codings[] = {"gzip", "identity", "xchunked", "chunked, identity",
					      "\vchunked"};
	size_t used;

	(void)state;
	assert_int_equal(take(length, strlen(length), &used), HTTP_COMPLETE);
	assert_true(request.status == 0 && request.body && !request.keep_alive);
	assert_string_equal(length + used, "hello");
	assert_int_equal(take(chunks, strlen(chunks), &used), HTTP_COMPLETE);
	assert_true(request.status == 0 && request.body && !request.keep_alive);
	assert_int_equal(take(expect, strlen(expect), &used), HTTP_COMPLETE);
	assert_true(request.status == 0 && request.body && !request.keep_alive);
	check_whole("GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 0\r\n\r\n");
	assert_true(request.keep_alive && !request.body);
	/* A proxy may take any coding for "chunked", or read until the end of the connection. */
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: %s\r\n\r\n", codings[i]);
		check_whole(text);
		assert_true(request.body && !request.keep_alive);
	}
}

static void test_the_longest_head_is_taken(void **state)
{
	char text[HTTP_HEAD_SIZE + 2];
	size_t used;
	static const char start[] = "GET / HTTP/1.1\r\nHost: pi\r\nX: ";

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + HTTP_HEAD_SIZE - 4, "\r\n\r\n", 5);
	check_whole(text);
	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + HTTP_HEAD_SIZE - 3, "\r\n\r\n", 5);
	assert_int_equal(take(text, strlen(text), &used), HTTP_COMPLETE);
	assert_int_equal(request.status, 431);
}

static void test_long_fields_are_cut(void **state)
{
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text),
		 "GET / HTTP/1.1\r\nHost: pi\r\nUser-Agent: a\tb\xe9%0200d\r\nAccept: %0500d\r\n"
		 "User-Agentx: no\r\nUser-Agen: no\r\n\r\n",
		 0, 0);
	check_whole(text);
	assert_int_equal(strlen(request.agent), HTTP_AGENT_SIZE - 1);
	assert_memory_equal(request.agent, "a?b?000", 7);
	assert_int_equal(strlen(request.accept), HTTP_ACCEPT_SIZE - 1);
}

static void check_query(const char *query, const char *key, const char *value)
{
	char text[256];
	struct http_text found;

	snprintf(text, sizeof(text), "GET /?%s HTTP/1.0\r\n\r\n", query);
	check_whole(text);
	bool there = http_request_query(&request, key, &found);
	assert_int_equal(there, value != NULL);
	if (value)
		assert_true(http_text_is(&found, value));
}

static void test_queries(void **state)
{
	(void)state;
	check_query("soft=404", "soft", "404");
	check_query("a=1&soft=404&b", "soft", "404");
	check_query("a=1&&b", "b", "");
	check_query("soft", "soft", "");
	check_query("soft==", "soft", "=");
	check_query("xsoft=404", "soft", NULL);
	check_query("", "soft", NULL);
}

static bool openmetrics(const char *accept)
{
	return http_accept_prefers(accept, "application/openmetrics-text", "1.0.0", "text/plain");
}

static void test_accept(void **state)
{
	(void)state;
	assert_true(openmetrics("application/openmetrics-text"));
	assert_true(openmetrics("Application/OpenMetrics-Text; version=1.0.0"));
	/* Prometheus 2.42 and 3. */
	assert_true(openmetrics("application/openmetrics-text;version=1.0.0,"
				"application/openmetrics-text;version=0.0.1;q=0.75,"
				"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
	assert_true(
		openmetrics("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
			    "application/openmetrics-text;version=0.0.1;q=0.4,"
			    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"));
	assert_false(openmetrics(""));
	assert_false(openmetrics("*/*"));
	assert_false(openmetrics("application/openmetrics-text;version=0.0.1"));
	assert_false(openmetrics("application/openmetrics-text;q=0"));
	assert_false(openmetrics("application/openmetrics-text;q=0.4, text/plain"));
	assert_false(openmetrics(";;;,,;q=1,;"));
	assert_true(http_accept_prefers("text/plain", "text/plain", NULL, "text/html"));
	assert_false(http_accept_prefers("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain",
					 NULL, "text/html"));
}

/* What matters of an outcome, as text. */
static void describe(enum http_progress progress, size_t consumed, char *text, size_t size)
{
	/* Where a refusal is found depends on the pieces, and does not matter. */
	if (request.status) {
		snprintf(text, size, "%d", request.status);
		return;
	}
	snprintf(text, size, "%d %d %zu %d%d%d%d <%.*s> <%.*s> <%s> <%s>", progress, request.status,
		 consumed, request.head, request.keep_alive, request.old, request.body,
		 (int)request.path.length, request.path.length ? request.path.bytes : "",
		 (int)request.query.length, request.query.length ? request.query.bytes : "",
		 request.agent, request.accept);
}

static void take_in_pieces(const char *bytes, size_t length, char *text, size_t size)
{
	enum http_progress progress = HTTP_OPEN;
	size_t consumed = 0, used;

	http_request_start(&request);
	while (consumed < length && progress == HTTP_OPEN) {
		size_t piece = 1 + (size_t)rand() % (length - consumed);

		/* A copy of the exact size, so that reading beyond it is seen. */
		char *copy = malloc(piece);
		assert_non_null(copy);
		memcpy(copy, bytes + consumed, piece);
		progress = http_request_take(&request, copy, piece, &used);
		free(copy);
		assert_true(used <= piece);
		assert_true(progress == HTTP_COMPLETE || used == piece);
		consumed += used;
	}
	describe(progress, consumed, text, size);
}

static void test_pieces_do_not_matter(void **state)
{
	static const char *const seeds[] = {
		"GET /health?soft=404 HTTP/1.1\r\nHost: pi\r\nUser-Agent: a b\r\nAccept: c\r\nAccept: "
		"d\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"HEAD http://pi/x HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: pi\r\nContent-Length: 70000\r\n\r\nxxx",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	};
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);

	(void)state;
	print_message("SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < 4000; i++) {
		char bytes[512], once[1024], again[1024];
		size_t length = strlen(seeds[i % 4]);

		memcpy(bytes, seeds[i % 4], length);
		for (int wrong = rand() % 4; wrong > 0; wrong--)
			bytes[(size_t)rand() % length] = (char)rand();
		take_in_pieces(bytes, length, once, sizeof(once));
		take_in_pieces(bytes, length, again, sizeof(again));
		assert_string_equal(once, again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_ones),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bodies_end_the_connection),
		cmocka_unit_test(test_the_longest_head_is_taken),
		cmocka_unit_test(test_long_fields_are_cut),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_pieces_do_not_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
