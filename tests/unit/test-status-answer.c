/* SPDX-License-Identifier: MIT */
/*
 * The answers around status pages, over HTTP, FastCGI and the stats socket: what real servers send, in
 * every split, and what a server that lies or breaks may send instead.
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

/* An answer with memory of its own, so that sanitizers see each byte beyond it. */
static struct status_answer *new_answer(void)
{
	struct status_answer *answer = calloc(1, sizeof(*answer));
	assert_non_null(answer);
	answer->body.text = malloc(STATUS_BODY_MAX + 1);
	assert_non_null(answer->body.text);
	return answer;
}

static void free_answer(struct status_answer *answer)
{
	free(answer->body.text);
	free(answer);
}

/* Feeds text in pieces, then the end of the connection. Returns the first result but 0. */
static int feed(struct status_answer *answer, const char *text, size_t length, size_t piece)
{
	status_answer_start(answer, PROTOCOL_HTTP);
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
			assert_string_equal(answer->body.text, "hello");
			assert_int_equal(answer->body.length, 5);
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
				assert_string_equal(answer->body.text, "hello");
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
	status_answer_start(answer, PROTOCOL_HTTP);
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
	assert_int_equal(answer->body.length, STATUS_ANSWER_MAX - head);
	free_answer(answer);
}

/* A record of FastCGI; returns where the next one goes. */
static char *put_record(char *at, unsigned type, const char *content, size_t length,
			unsigned padding)
{
	const char head[] = {1, (char)type, 0, 1, (char)(length >> 8), (char)length, (char)padding,
			     0};
	memcpy(at, head, sizeof(head));
	memcpy(at + 8, content, length);
	memset(at + 8 + length, 'P', padding);
	return at + 8 + length + padding;
}

static int feed_fastcgi(struct status_answer *answer, const char *data, size_t length, size_t piece)
{
	status_answer_start(answer, PROTOCOL_FASTCGI);
	for (size_t at = 0; at < length; at += piece) {
		int r = status_answer_feed(answer, data + at,
					   length - at < piece ? length - at : piece);
		if (r != 0)
			return r;
	}
	return status_answer_feed(answer, NULL, 0);
}

static void test_fastcgi_request(void **state)
{
	(void)state;
	static const char expected[] = "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
				       "\1\4\0\1\0\120\0\0"
				       "\13\7SCRIPT_NAME/status\17\7SCRIPT_FILENAME/status"
				       "\14\3QUERY_STRINGa=b\16\3REQUEST_METHODGET"
				       "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0";
	char buffer[512], path[200];
	assert_int_equal(fastcgi_request(buffer, sizeof(buffer), "/status?a=b"), sizeof(expected));
	assert_memory_equal(buffer, expected, sizeof(expected));
	memset(path, 'x', sizeof(path));
	path[127] = '\0';
	assert_true(fastcgi_request(buffer, sizeof(buffer), path) > 0);
	assert_int_equal(fastcgi_request(buffer, 300, path), -ENAMETOOLONG);
	path[127] = 'x';
	path[128] = '\0';
	assert_int_equal(fastcgi_request(buffer, sizeof(buffer), path), -ENAMETOOLONG);
}

static void test_fastcgi_answers(void **state)
{
	(void)state;
	static const char ended[8] = {0};
	static const struct {
		const char *first, *second; /* on standard output */
		int result, status;
		const char *body;
	} cases[] = {
		{"Content-type: text/plain\r\n\r\nhe", "llo", STATUS_ANSWER_DONE, 200, "hello"},
		{"Status: 404 Not Found\r\nX: y\r\n", "\r\nhello", STATUS_ANSWER_DONE, 404,
		 "hello"},
		{"X: y\nstatus:403\n", "\n", STATUS_ANSWER_DONE, 403, ""},
		{"X: y\r\n\r", "\n", STATUS_ANSWER_DONE, 200, ""},
		{"Status: no\r\n", "\r\nhello", -EPROTO, 0, ""},
		{"Status: 99999999999999999999\r\n", "\r\nhello", -EPROTO, 0, ""},
		{"Content-type: text/plain\r\n", "hello", -EPROTO, 0, ""},
		{"", "", -EPROTO, 0, ""},
	};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], *end = text;
		end = put_record(end, 7, "logged", 6, 2);
		end = put_record(end, 6, cases[i].first, strlen(cases[i].first), 0);
		end = put_record(end, 6, cases[i].second, strlen(cases[i].second), 255);
		end = put_record(end, 6, "", 0, 0);
		end = put_record(end, 3, ended, sizeof(ended), 0);
		size_t length = (size_t)(end - text);
		for (size_t piece = 1; piece <= length; piece++) {
			assert_int_equal(feed_fastcgi(answer, text, length, piece),
					 cases[i].result);
			if (cases[i].result != STATUS_ANSWER_DONE)
				continue;
			assert_int_equal(answer->status, cases[i].status);
			assert_string_equal(answer->body.text, cases[i].body);
		}
		/* Without its end it is cut off, wherever that is. */
		for (size_t cut = 0; cut + 1 < length; cut += 5)
			assert_int_equal(feed_fastcgi(answer, text, cut, 7), -ENODATA);
	}
	free_answer(answer);
}

static void test_broken_fastcgi(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
		{"\2\6\0\1\0\0\0\0", 8}, /* version */
		{"\1\6\0\2\0\0\0\0", 8}, /* another request */
		{"\1\6\1\1\0\0\0\0", 8},
		{"\1\1\0\1\0\0\0\0", 8},		   /* a record for servers */
		{"\1\3\0\1\0\7\0\0", 8},		   /* too short an end */
		{"\1\3\0\1\0\10\0\0\0\0\0\0\2\0\0\0", 16}, /* overloaded */
	};
	struct status_answer *answer = new_answer();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece <= cases[i].length; piece++)
			assert_int_equal(feed_fastcgi(answer, cases[i].text, cases[i].length,
						      piece),
					 -EPROTO);

	char record[8 + 60000];
	static char filler[60000];
	memset(filler, 'x', sizeof(filler));
	put_record(record, 6, filler, sizeof(filler), 0);
	status_answer_start(answer, PROTOCOL_FASTCGI);
	assert_int_equal(status_answer_feed(answer, record, sizeof(record)), 0);
	assert_int_equal(status_answer_feed(answer, record, sizeof(record)), -EFBIG);
	free_answer(answer);
}

static void test_console_answers(void **state)
{
	(void)state;
	struct status_answer *answer = new_answer();
	status_answer_start(answer, PROTOCOL_CONSOLE);
	assert_int_equal(status_answer_feed(answer, NULL, 0), -ENODATA);
	status_answer_start(answer, PROTOCOL_CONSOLE);
	assert_int_equal(status_answer_feed(answer, "hel", 3), 0);
	assert_int_equal(status_answer_feed(answer, "lo", 2), 0);
	assert_int_equal(status_answer_feed(answer, NULL, 0), STATUS_ANSWER_DONE);
	assert_int_equal(answer->status, 200);
	assert_string_equal(answer->body.text, "hello");

	int r = 0;
	status_answer_start(answer, PROTOCOL_CONSOLE);
	for (size_t sent = 0; r == 0 && sent < 2 * STATUS_ANSWER_MAX; sent += 10)
		r = status_answer_feed(answer, "0123456789", 10);
	assert_int_equal(r, -EFBIG);
	free_answer(answer);
}

/* Metrics may be longer than what is kept, but not without end; one line of them may not. */
static void test_long_metrics(void **state)
{
	(void)state;
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n# HELP x words\n";
	static char line[4096];
	struct status_answer *answer = new_answer();
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	status_answer_start(answer, PROTOCOL_HTTP);
	assert_int_equal(status_answer_feed(answer, head, strlen(head)), 0);
	size_t sent = strlen(head);
	int r = 0;
	for (; r == 0; sent += sizeof(line))
		r = status_answer_feed(answer, line, sizeof(line));
	assert_int_equal(r, -EFBIG);
	assert_in_range(sent, STATUS_METRICS_MAX, STATUS_METRICS_MAX + 2 * sizeof(line));

	line[sizeof(line) - 1] = 'x';
	status_answer_start(answer, PROTOCOL_HTTP);
	r = status_answer_feed(answer, head, strlen(head));
	for (sent = 0; r == 0; sent += sizeof(line))
		r = status_answer_feed(answer, line, sizeof(line));
	assert_int_equal(r, -EFBIG);
	assert_in_range(sent, STATUS_BODY_MAX, STATUS_BODY_MAX + 2 * sizeof(line));
	free_answer(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_pieces),
		cmocka_unit_test(test_answers_without_a_body),
		cmocka_unit_test(test_interim_answers),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_fastcgi_request),
		cmocka_unit_test(test_fastcgi_answers),
		cmocka_unit_test(test_broken_fastcgi),
		cmocka_unit_test(test_console_answers),
		cmocka_unit_test(test_long_metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
