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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_pieces),
		cmocka_unit_test(test_answers_without_a_body),
		cmocka_unit_test(test_interim_answers),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_floods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
