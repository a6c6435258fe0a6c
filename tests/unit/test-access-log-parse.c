/* SPDX-License-Identifier: MIT */
/* Lines of access logs as the servers write them, as clients try to forge them, and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/access_log_parse.h"

struct row {
	const char *line;
	int status; /* or -EINVAL */
};

#define DATE "[21/Nov/2026:09:00:00 +0000] "

/* Copies to memory of its own size, so that a sanitizer sees a read behind the end. */
static int status_of(const char *line, size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, line, length);
	int status = access_log_status(copy, length);
	free(copy);
	return status;
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status = status_of(rows[i].line, strlen(rows[i].line));

		if (status != rows[i].status)
			fail_msg("%s: %d", rows[i].line, status);
	}
}

static void formats_of_servers(void **state)
{
	static const struct row rows[] = {
		/* common */
		{"::1 - - " DATE "\"GET / HTTP/1.1\" 200 612", 200},
		{"127.0.0.1 - frank " DATE "\"GET / HTTP/1.0\" 304 -", 304},
		/* combined: nginx, Apache */
		{"::1 - - " DATE "\"GET /a?b=c HTTP/2.0\" 503 190 \"-\" \"curl/8\"", 503},
		/* Apache's other_vhosts_access.log; the vhost is in front */
		{"a.example:443 ::1 - - " DATE "\"GET / HTTP/1.1\" 500 1 \"-\" \"-\"", 500},
		/* lighttpd has the host name in the place of the ident */
		{"::1 localhost - " DATE "\"GET / HTTP/1.1\" 404 341 \"-\" \"x\"", 404},
		/* with times behind it */
		{"::1 - - " DATE "\"GET / HTTP/1.1\" 502 1 \"-\" \"-\" 0.001 \"0.001\"", 502},
		/* Apache's empty user name */
		{"::1 - \"\" " DATE "\"GET / HTTP/1.1\" 401 1", 401},
		/* a connection without a request; nginx */
		{"::1 - - " DATE "\"\" 400 0 \"-\" \"-\"", 400},
		{"::1 - - " DATE "\"-\" 408 -", 408},
		{"::1 - - " DATE "\"GET / HTTP/1.1\" 000 0", 0},
		{"::1 - - " DATE "\"GET / HTTP/1.1\" 499 0 \"-\" \"-\"", 499},
		/* nothing behind the status */
		{"\"GET /\" 200", 200},
		/* Caddy */
		{"{\"level\":\"info\",\"logger\":\"http.log.access\",\"request\":{\"method\":\"GET\","
		 "\"headers\":{\"Status\":[\"1\"]},\"tls\":{\"status\":1}},\"size\":0,"
		 "\"status\":504,\"resp_headers\":{}}",
		 504},
		/* nginx with escape=json */
		{"{ \"time\": \"x\", \"status\": \"201\" }", 201},
		{"{\"status\" :\t429}", 429},
	};
	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void clients_forge_nothing(void **state)
{
	static const struct row rows[] = {
		/* quotes in the request, as Apache and nginx write them */
		{"::1 - - " DATE "\"GET /\\\" 500 HTTP/1.1\" 200 1", 200},
		{"::1 - - " DATE "\"GET /\\x22 500 HTTP/1.1\" 200 1", 200},
		{"::1 - - " DATE "\"GET /\\\\\" 200 1", 200},
		/* a program and a referer with what looks like a status */
		{"::1 - - " DATE "\"GET / HTTP/1.1\" 200 1 \"\\\" 500 \" \"\" 500", 200},
		/* inside strings, in objects and lists, and as a value */
		{"{\"uri\":\"\\\"status\\\":500\",\"request\":{\"status\":501},\"a\":[{\"status\":502}],"
		 "\"k\":\"status\",\"status\":200}",
		 200},
	};
	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void no_status(void **state)
{
	static const struct row rows[] = {
		{"", -EINVAL},
		{"\"", -EINVAL},
		{"\\", -EINVAL},
		{"\"\\", -EINVAL},
		{"\"a\"", -EINVAL},
		{"\"a\" ", -EINVAL},
		{"\"a\" 20", -EINVAL},
		{"\"a\" 2000", -EINVAL},
		{"\"a\" -20 ", -EINVAL},
		{"\"a\" 200x", -EINVAL},
		{"\"a\"200", -EINVAL},
		{"::1 - - " DATE "\"GET / HTTP/1.1\" - -", -EINVAL},
		{"{", -EINVAL},
		{"{}", -EINVAL},
		{"{\"status\"", -EINVAL},
		{"{\"status\":", -EINVAL},
		{"{\"status\":\"", -EINVAL},
		{"{\"status\":20", -EINVAL},
		{"{\"status\":2000}", -EINVAL},
		{"{\"status\":null}", -EINVAL},
		{"{\"status", -EINVAL},
		{"{{\"status\":200}}", -EINVAL},
		{"}}}}{\"status\":200}", -EINVAL},
	};
	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Whatever is cut off behind the status changes nothing, whatever is missing before yields none. */
static void cut_anywhere(void **state)
{
	static const char line[] = "::1 - - " DATE "\"GET / HTTP/1.1\" 503 612 \"-\" \"curl\"";
	const size_t behind = (size_t)(strstr(line, "503") + 3 - line);
	(void)state;

	for (size_t length = 0; length < sizeof(line); length++)
		assert_int_equal(status_of(line, length), length < behind ? -EINVAL : 503);
}

static void counts_complete_lines(void **state)
{
	static const char text[] = "\"a\" 200\n\"a\" 599\nx\n\"a\" 600\n\"a\" 50";
	struct access_log_tally tally = {0};
	(void)state;

	assert_int_equal(access_log_count(&tally, text, sizeof(text) - 1), sizeof(text) - 1 - 6);
	assert_int_equal(tally.requests, 4);
	assert_int_equal(tally.errors_5xx, 1);
	assert_int_equal(tally.unparsed, 1);
	assert_int_equal(access_log_count(&tally, text, 0), 0);
	assert_int_equal(access_log_count(&tally, text, 7), 0);
	assert_int_equal(tally.requests, 4);
}

/* What we ask ourselves is no visitor; nobody else can make a line look so by what he asks for. */
static void our_own_questions(void **state)
{
	(void)state;
	static const char text[] =
		"::1 - - " DATE "\"GET /nginx_status HTTP/1.1\" 404 162 \"-\" \"hostingpi-agent\"\n"
		"{\"request\":{\"headers\":{\"User-Agent\":[\"hostingpi-agent\"]}},\"status\":404}\n"
		"::1 - - " DATE "\"GET /\\x22hostingpi-agent\\x22 HTTP/1.1\" 404 1 \"-\" \"x\"\n"
		"::1 - - " DATE "\"GET /\\\"hostingpi-agent\\\" HTTP/1.1\" 404 1 \"-\" \"x\"\n"
		"::1 - - " DATE "\"GET / HTTP/1.1\" 200 1 \"-\" \"hostingpi-agent/1\"\n";
	struct access_log_tally tally = {0};
	assert_int_equal(access_log_count(&tally, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(tally.requests, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_questions),	 cmocka_unit_test(formats_of_servers),
		cmocka_unit_test(clients_forge_nothing), cmocka_unit_test(no_status),
		cmocka_unit_test(cut_anywhere),		 cmocka_unit_test(counts_complete_lines),
	};

	return cmocka_run_group_tests_name("access-log-parse", tests, NULL, NULL);
}
