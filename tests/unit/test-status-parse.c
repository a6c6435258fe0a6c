/* SPDX-License-Identifier: MIT */
/*
 * The two status pages and the HTTP answers around them: what real servers print, in every
 * split, and what a server that lies or breaks may send instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/status_answer.h"
#include "collectors/status_parse.h"

/* nginx 1.22 */
#define NGINX_PAGE                                                                                 \
	"Active connections: 3 \nserver accepts handled requests\n 16 15 1800 \n"                  \
	"Reading: 1 Writing: 4 Waiting: 2 \n"
/* Apache 2.4, with the lines in between left out */
#define APACHE_PAGE                                                                                \
	"::1\nServerVersion: Apache/2.4 (Debian)\nTotal Accesses: 345\nTotal kBytes: 3\n"          \
	"ReqPerSec: 3\nBusyWorkers: 8\nGracefulWorkers: 0\nIdleWorkers: 24\n"                      \
	"Scoreboard: ______W__________________....\n"

static int parse(const char *body, struct status_reading *reading, const char **why)
{
	*why = NULL;
	return status_parse(body, strlen(body), reading, why);
}

static void test_nginx_page(void **state)
{
	(void)state;
	struct status_reading reading;
	const char *why;
	assert_int_equal(parse(NGINX_PAGE, &reading, &why), 0);
	assert_int_equal(reading.kind, STATUS_NGINX);
	assert_true(reading.requests_known);
	assert_int_equal(reading.requests, 1799); /* without the one being answered */
	assert_int_equal(reading.busy, 4);
	assert_false(reading.idle_known);
	assert_null(why);

	assert_int_equal(parse("\r\nActive connections: 1\r\nserver accepts handled requests\r\n"
			       "0 0 0\r\nReading: 0 Writing: 0 Waiting: 0\r\n",
			       &reading, &why),
			 0);
	assert_int_equal(reading.requests, 0); /* never below */
	assert_int_equal(reading.busy, 0);
}

static void test_apache_page(void **state)
{
	(void)state;
	struct status_reading reading;
	const char *why;
	assert_int_equal(parse(APACHE_PAGE, &reading, &why), 0);
	assert_int_equal(reading.kind, STATUS_APACHE);
	assert_true(reading.requests_known);
	assert_int_equal(reading.requests, 345);
	assert_int_equal(reading.busy, 7);
	assert_true(reading.idle_known);
	assert_int_equal(reading.idle, 24);

	/* Without ExtendedStatus there is no counter; "ReqPerSec" is never taken for one. */
	assert_int_equal(parse("BusyWorkers: 0\nIdleWorkers: 5\nReqPerSec: 7\n", &reading, &why),
			 0);
	assert_false(reading.requests_known);
	assert_int_equal(reading.busy, 0);
	assert_int_equal(reading.idle, 5);
}

static void test_long_scoreboard(void **state)
{
	(void)state;
	static char body[STATUS_ANSWER_MAX];
	struct status_reading reading;
	const char *why;
	strcpy(body, "Scoreboard: ");
	memset(body + strlen(body), '_', 60000);
	strcat(body, "\nTotal Accesses: 9\r\nBusyWorkers: 1\r\nIdleWorkers: 2");
	assert_int_equal(parse(body, &reading, &why), 0);
	assert_int_equal(reading.requests, 9);
	assert_int_equal(reading.idle, 2);
}

static void test_lies(void **state)
{
	(void)state;
#define NGINX_WITH(numbers, rest)                                                                  \
	"Active connections: 1\nserver accepts handled requests\n" numbers "\n" rest
	static const char *const pages[] = {
		NGINX_WITH("1 1 banana", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 -5", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 99999999999999999999", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 1.5", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 1", "Reading: 0 Writing: 1"),
		NGINX_WITH("1 1 1", "Reading: 0 Writing: 1 Waiting: 0 <html>"),
		NGINX_WITH("1 1 1",
			   "Reading: 9223372036854775807 Writing: 9223372036854775807 Waiting: 0"),
		"Active connections:",
		"BusyWorkers: 1\n",
		"IdleWorkers: 1\n",
		"BusyWorkers: one\nIdleWorkers: 2\n",
		"BusyWorkers: 1\nIdleWorkers: -2\n",
		"BusyWorkers: 1\nBusyWorkers: 2\nIdleWorkers: 2\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses: 1e3\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses:\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses: 9223372036854775808\n",
	};
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct status_reading reading = {.requests = 77};
		const char *why;
		if (parse(pages[i], &reading, &why) != -EBADMSG)
			fail_msg("taken: %s", pages[i]);
		assert_non_null(why);
		assert_int_equal(reading.requests, 77);
	}
}

/* Well formed, and absurd: the first page of each pair is the last one that is believed. */
static void test_what_is_not_plausible(void **state)
{
	(void)state;
#define NGINX_COUNTS(active, requests, reading, writing, waiting)                                  \
	"Active connections: " active "\nserver accepts handled requests\n 1 1 " requests          \
	"\nReading: " reading " Writing: " writing " Waiting: " waiting "\n"
#define APACHE_COUNTS(busy, idle, total)                                                           \
	"BusyWorkers: " busy "\nIdleWorkers: " idle "\nTotal Accesses: " total "\n"
	static const struct {
		const char *good, *bad;
	} pairs[] = {
		{NGINX_COUNTS("1000000", "1", "0", "1", "0"),
		 NGINX_COUNTS("1000001", "1", "0", "1", "0")},
		{NGINX_COUNTS("1", "9007199254740992", "0", "1", "0"),
		 NGINX_COUNTS("1", "9007199254740993", "0", "1", "0")},
		{NGINX_COUNTS("1", "1", "1000000", "1", "0"),
		 NGINX_COUNTS("1", "1", "1000001", "1", "0")},
		{NGINX_COUNTS("1", "1", "0", "1000000", "0"),
		 NGINX_COUNTS("1", "1", "0", "9223372036854775806", "0")},
		{NGINX_COUNTS("1", "1", "0", "1", "1000000"),
		 NGINX_COUNTS("1", "1", "0", "1", "1000001")},
		{APACHE_COUNTS("1000000", "1", "1"),
		 APACHE_COUNTS("9223372036854775806", "1", "1")},
		{APACHE_COUNTS("1", "1000000", "1"), APACHE_COUNTS("1", "1000001", "1")},
		{APACHE_COUNTS("1", "1", "9007199254740992"),
		 APACHE_COUNTS("1", "1", "9007199254740993")},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct status_reading reading = {.requests = 77};
		const char *why;
		if (parse(pairs[i].bad, &reading, &why) != -EBADMSG ||
		    !strstr(why, "not a plausible number"))
			fail_msg("believed: %s", pairs[i].bad);
		assert_int_equal(reading.requests, 77);
		if (parse(pairs[i].good, &reading, &why) != 0)
			fail_msg("%s: %s", why, pairs[i].good);
	}
}

static void test_other_pages(void **state)
{
	(void)state;
	static const struct {
		const char *body, *why;
	} pages[] = {
		{"", "neither nginx"},
		{"<html>hello</html>", "neither nginx"},
		{"xBusyWorkers: 1\n", "neither nginx"},
		{"<html><head>\n<title>Apache Status</title>", "add ?auto"},
		{"Total Accesses: 5\nBusyServers: 1\nIdleServers: 2\n", "lighttpd"},
	};
	struct status_reading reading;
	const char *why;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		assert_int_equal(parse(pages[i].body, &reading, &why), -EPROTO);
		if (!strstr(why, pages[i].why))
			fail_msg("'%s' instead of '%s'", why, pages[i].why);
	}
	static const char binary[] = NGINX_PAGE "\0 rest";
	assert_int_equal(status_parse(binary, sizeof(binary) - 1, &reading, &why), -EPROTO);
}

/* An answer with memory of its own, so that sanitizers see each byte beyond it. */
static struct status_answer *new_answer(void)
{
	struct status_answer *answer = calloc(1, sizeof(*answer));
	assert_non_null(answer);
	answer->body = malloc(STATUS_ANSWER_MAX + 1);
	assert_non_null(answer->body);
	return answer;
}

static void free_answer(struct status_answer *answer)
{
	free(answer->body);
	free(answer);
}

/* Feeds text in pieces, then the end of the connection. Returns the first result but 0. */
static int feed(struct status_answer *answer, const char *text, size_t length, size_t piece)
{
	status_answer_start(answer);
	for (size_t at = 0; at < length; at += piece) {
		size_t n = length - at < piece ? length - at : piece;
		int r = status_answer_feed(answer, text + at, n);
		if (r != 0)
			return r;
	}
	return status_answer_feed(answer, NULL, 0);
}

static void test_answers_in_pieces(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more that nobody wanted",
		"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t length = strlen(texts[i]);
		for (size_t piece = 1; piece <= length; piece++) {
			assert_int_equal(feed(answer, texts[i], length, piece), STATUS_ANSWER_DONE);
			assert_int_equal(answer->status, 200);
			assert_string_equal(answer->body, "hello");
			assert_int_equal(answer->body_length, 5);
		}
	}
	free_answer(answer);
}

static void test_answers_without_a_body(void **state)
{
	(void)state;
	static const char head[] = "HTTP/1.1 %d X\r\nContent-Length: 1000000000\r\n\r\n";
	static const int codes[] = {101, 204, 301, 403, 404, 503};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char text[sizeof(head) + 8];
		snprintf(text, sizeof(text), head, codes[i]);
		assert_int_equal(feed(answer, text, strlen(text), 7), STATUS_ANSWER_DONE);
		assert_int_equal(answer->status, codes[i]);
	}
	free_answer(answer);
}

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define EARLY_HINTS                                                                                \
	"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\nConnection: close\r\n\r\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void test_interim_answers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result, status;
	} cases[] = {
		{CONTINUE HELLO, STATUS_ANSWER_DONE, 200},
		{EARLY_HINTS HELLO, STATUS_ANSWER_DONE, 200},
		{CONTINUE EARLY_HINTS EARLY_HINTS CONTINUE HELLO, STATUS_ANSWER_DONE, 200},
		/* They have no body, whatever they say. */
		{"HTTP/1.1 102 X\r\nContent-Length: 9\r\n\r\n" HELLO, STATUS_ANSWER_DONE, 200},
		{"HTTP/1.1 102 X\r\nTransfer-Encoding: chunked\r\n\r\n" HELLO, STATUS_ANSWER_DONE,
		 200},
		{CONTINUE "HTTP/1.1 403 Forbidden\r\n\r\n", STATUS_ANSWER_DONE, 403},
		{EARLY_HINTS "HTTP/1.1 101 Switching Protocols\r\n\r\n" HELLO, STATUS_ANSWER_DONE,
		 101},
		/* One too many is the answer. */
		{CONTINUE CONTINUE CONTINUE CONTINUE EARLY_HINTS HELLO, STATUS_ANSWER_DONE, 103},
		{CONTINUE, -ENODATA, 0},
		{CONTINUE "HTTP/1.1 2", -ENODATA, 0},
		{CONTINUE "SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, 0},
	};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].text);
		for (size_t piece = 1; piece <= length; piece++) {
			assert_int_equal(feed(answer, cases[i].text, length, piece),
					 cases[i].result);
			if (cases[i].result != STATUS_ANSWER_DONE)
				continue;
			assert_int_equal(answer->status, cases[i].status);
			if (answer->status == 200)
				assert_string_equal(answer->body, "hello");
		}
	}
	free_answer(answer);
}

static void test_broken_answers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"", -ENODATA},
		{"HTTP/1.1 200 OK\r\nConte", -ENODATA},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", -ENODATA},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", -ENODATA},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EPROTO},
		{"\x15\x03\x03\x02\x02", -EPROTO},
		{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", -EPROTO},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EPROTO},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -EPROTO},
		{"HTTP/1.1 20x OK\r\n\r\n", -EPROTO},
	};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 40; piece++)
			assert_int_equal(feed(answer, cases[i].text, strlen(cases[i].text), piece),
					 cases[i].result);
	free_answer(answer);
}

/* Feeds head and then filler until it is refused; at most twice the limit. */
static int flood(struct status_answer *answer, const char *head, const char *filler)
{
	status_answer_start(answer);
	int r = status_answer_feed(answer, head, strlen(head));
	for (size_t sent = 0; r == 0 && sent < 2 * STATUS_ANSWER_MAX; sent += strlen(filler))
		r = status_answer_feed(answer, filler, strlen(filler));
	return r;
}

static void test_floods(void **state)
{
	(void)state;
	struct status_answer *answer = new_answer();
	assert_int_equal(flood(answer, "HTTP/1.1 200 OK\r\n\r\n", "0123456789"), -EFBIG);
	assert_int_equal(flood(answer, "HTTP/1.1 200 OK\r\nX: ", "0123456789"), -EFBIG);
	assert_int_equal(flood(answer, "HTTP/1.1 200 OK\r\n", "A: b\r\n"), -EFBIG);
	assert_int_equal(flood(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			       "1\r\nx\r\n"),
			 -EFBIG);
	assert_int_equal(flood(answer, CONTINUE "HTTP/1.1 103 X\r\n", "A: b\r\n"), -EFBIG);

	/* What is exactly as large as may be is taken. */
	static char whole[STATUS_ANSWER_MAX + 1];
	int head = snprintf(whole, sizeof(whole), "HTTP/1.0 200 OK\r\n\r\n");
	memset(whole + head, 'x', STATUS_ANSWER_MAX - (size_t)head);
	assert_int_equal(feed(answer, whole, STATUS_ANSWER_MAX, 4096), STATUS_ANSWER_DONE);
	assert_int_equal(answer->body_length, STATUS_ANSWER_MAX - head);
	free_answer(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nginx_page),
		cmocka_unit_test(test_apache_page),
		cmocka_unit_test(test_long_scoreboard),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_what_is_not_plausible),
		cmocka_unit_test(test_other_pages),
		cmocka_unit_test(test_answers_in_pieces),
		cmocka_unit_test(test_answers_without_a_body),
		cmocka_unit_test(test_interim_answers),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_floods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
