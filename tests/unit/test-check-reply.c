/* SPDX-License-Identifier: MIT */
/* Answers to /health, honest and hostile, in pieces of any size; and what they are as exit codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/check_exit.c"
#include "agent/ctl/check_reply.c"

#define HEADERS(state, weight)                                                                     \
	"X-Hostingpi-State: " state "\r\nX-Hostingpi-Weight: " weight                              \
	"\r\nContent-Type: text/plain\r\n"
#define SHED                                                                                       \
	"HTTP/1.1 200 OK\r\nDate: today\r\n" HEADERS(                                              \
		"shed",                                                                            \
		"60") "X-Hostingpi-Maxconn: 8\r\n"                                                 \
		      "X-Hostingpi-Reason: memory shrinks 12 MB/s\r\nContent-Length: 47\r\n\r\n"   \
		      "up 60% maxconn:8 # shed memory shrinks 12 MB/s\n"

/* Feeds text in pieces and then the end; what the last call said. */
static int feed(struct check_reply *reply, const char *text, size_t piece)
{
	size_t length = strlen(text);
	int result = 0;

	check_reply_start(reply);
	for (size_t at = 0; result == 0 && at < length; at += piece)
		result = check_reply_feed(reply, text + at,
					  length - at < piece ? length - at : piece);
	return result == 0 ? check_reply_feed(reply, NULL, 0) : result;
}

static struct check_answer answer_of(const char *text)
{
	struct check_answer answer, again;
	struct check_reply reply;
	char error[256] = "";

	assert_int_equal(feed(&reply, text, 4096), CHECK_REPLY_DONE);
	assert_int_equal(check_reply_get(&reply, &answer, error, sizeof(error)), 0);
	for (size_t piece = 1; piece < 40; piece++) { /* however it arrives */
		assert_int_equal(feed(&reply, text, piece), CHECK_REPLY_DONE);
		assert_int_equal(check_reply_get(&reply, &again, error, sizeof(error)), 0);
		assert_int_equal(again.weight, answer.weight);
		assert_int_equal(again.told_weight, answer.told_weight);
		assert_int_equal(again.drain, answer.drain);
		assert_string_equal(again.reason, answer.reason);
	}
	return answer;
}

static void test_headers_are_read(void **state)
{
	struct check_answer answer = answer_of(SHED);

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.state, CONTROL_SHED);
	assert_int_equal(answer.weight, 60);
	assert_int_equal(answer.told_weight, 60);
	assert_int_equal(answer.maxconn, 8);
	assert_string_equal(answer.reason, "memory shrinks 12 MB/s");
	assert_false(answer.drain || answer.fail || answer.dry_run);
}

/* Names of headers in any case, no cap, no reason, chunks, and a body that ends with the connection. */
static void test_other_forms_of_the_same(void **state)
{
	struct check_answer answer = answer_of(
		"HTTP/1.0 200 fine\nx-hostingpi-STATE:normal\nX-HOSTINGPI-weight:  100 \n\n"
		"up 100% # normal\nand more");

	(void)state;
	assert_int_equal(answer.state, CONTROL_NORMAL);
	assert_int_equal(answer.weight, 100);
	assert_int_equal(answer.maxconn, 0);
	assert_string_equal(answer.reason, "");
	answer = answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" HEADERS(
		"hard", "7") "\r\n4\r\nup 5\r\n3\r\n% #\r\n0\r\n\r\n");
	assert_int_equal(answer.weight, 7);
	assert_int_equal(answer.told_weight, 5);
	answer = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" HEADERS("blind", "9") "\r\n");
	assert_int_equal(answer.told_weight, 9); /* no body: as the header says */
}

static struct check_result result_of(const char *status, const char *word, const char *body)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %s x\r\nX-Hostingpi-State: %s\r\nX-Hostingpi-Weight: 40\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 status, word, strlen(body), body);
	return (struct check_result){.answered = true, .answer = answer_of(text)};
}

static void test_exit_codes(void **state)
{
	static const struct {
		const char *status, *word, *body;
		int plain, keepalived, nagios;
	} cases[] = {
		{"200", "normal", "up 100% maxconn:9 # normal\n", 0, 102, NAGIOS_OK},
		{"200", "recover", "up 40% maxconn:9 # recover\n", 0, 42, NAGIOS_OK},
		{"200", "shed", "up 40% maxconn:9 # shed x\n", 0, 42, NAGIOS_WARNING},
		{"404", "shed", "up 40% maxconn:9 # shed x\n", 1, 42, NAGIOS_WARNING},
		{"200", "blind", "up 40% # blind x\n", 0, 42, NAGIOS_WARNING},
		/* pis-only: it stays in, with next to nothing */
		{"503", "hard", "up 1% maxconn:1 # hard x\n", 1, 3, NAGIOS_CRITICAL},
		/* mixed: others remain */
		{"503", "hard", "fail 1% maxconn:1 # hard x\n", 1, 2, NAGIOS_CRITICAL},
		{"503", "hold", "up 1% maxconn:1 drain # hold new card\n", 1, 2, NAGIOS_WARNING},
		{"404", "hold", "up 1% maxconn:1 drain # hold new card\n", 1, 2, NAGIOS_WARNING},
		{"503", "hold", "", 1, 2, NAGIOS_WARNING},
		/* balancers are told nothing of it */
		{"200", "hold", "up 100% # dry-run would 40% drain hold x\n", 0, 102,
		 NAGIOS_WARNING},
		{"200", "hard", "up 100% # dry-run would fail 1% hard x\n", 0, 102,
		 NAGIOS_CRITICAL},
	};
	struct check_result nothing = {.error = "no"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct check_result result =
			result_of(cases[i].status, cases[i].word, cases[i].body);

		assert_int_equal(check_exit_code(CHECK_PLAIN, &result), cases[i].plain);
		assert_int_equal(check_exit_code(CHECK_KEEPALIVED, &result), cases[i].keepalived);
		assert_int_equal(check_exit_code(CHECK_NAGIOS, &result), cases[i].nagios);
		assert_int_equal(result.answer.dry_run, strstr(cases[i].body, "dry-run") != NULL);
	}
	assert_int_equal(check_exit_code(CHECK_PLAIN, &nothing), 3);
	assert_int_equal(check_exit_code(CHECK_KEEPALIVED, &nothing), 1);
	assert_int_equal(check_exit_code(CHECK_NAGIOS, &nothing), NAGIOS_CRITICAL);
}

/* Whatever the agent says, keepalived is told a weight of 0 to 100 and never "as it was". */
static void test_keepalived_is_never_told_nothing(void **state)
{
	(void)state;
	for (int weight = 1; weight <= 100; weight++) {
		struct check_result result = {
			.answered = true,
			.answer = {.status = 200, .weight = weight, .told_weight = weight}};

		assert_int_equal(check_exit_code(CHECK_KEEPALIVED, &result), weight + 2);
	}
	assert_int_equal(check_exit_usage(CHECK_KEEPALIVED), 1);
	assert_int_equal(check_exit_usage(CHECK_NAGIOS), NAGIOS_UNKNOWN);
	assert_int_equal(check_exit_usage(CHECK_PLAIN), CTL_USAGE);
}

/* A body that is no line of agent-check changes nothing. */
static void test_strange_bodies_say_nothing(void **state)
{
	static const char *const bodies[] = {
		"hello\n",   "up\n", "up down 50%\n",  "up fail 3%\n", "up 0%\n",
		"up 101%\n", "%\n",  "up -5% drain\n", "50%\n",	       "up 5.5%\n",
		"\n",	     "#\n",  "drain fail\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct check_result result = result_of("200", "shed", bodies[i]);

		if (strcmp(bodies[i], "up down 50%\n") == 0) {
			assert_int_equal(result.answer.told_weight,
					 50); /* unknown words are skipped */
			continue;
		}
		assert_int_equal(result.answer.told_weight, 40);
		assert_false(result.answer.drain || result.answer.fail);
	}
}

static void test_others_are_told_apart(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"HTTP/1.1 301 Moved\r\nLocation: https://pi1/health\r\n\r\n",
		 "redirected (301) to https"},
		{"HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\n", "not hostingpid (status 302"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		 "not hostingpid (status 200"},
		{"HTTP/1.1 404 Not Found\r\n\r\n", "not hostingpid (status 404"},
		{"HTTP/1.1 401 no\r\nX-Hostingpi-State: normal\r\n\r\n", "same version"},
		{"HTTP/1.1 200 OK\r\n" HEADERS("calm", "60") "\r\n", "same version"},
		{"HTTP/1.1 200 OK\r\n" HEADERS("shed", "0") "\r\n", "same version"},
		{"HTTP/1.1 200 OK\r\n" HEADERS("shed", "101") "\r\n", "same version"},
		{"HTTP/1.1 200 OK\r\n" HEADERS("shed", "60%") "\r\n", "same version"},
		{"HTTP/1.1 200 OK\r\n" HEADERS("shed", "99999999999999999999") "\r\n",
		 "same version"},
		{"HTTP/1.1 200 OK\r\nX-Hostingpi-Maxconn: 0\r\n" HEADERS("shed", "6") "\r\n",
		 "same version"},
		{"HTTP/1.1 200 OK\r\nX-Hostingpi-Reason: \033[31m\r\n" HEADERS("shed", "6") "\r\n",
		 "same version"},
		{"HTTP/1.1 500 no\r\nContent-Length: 0\r\n" HEADERS("shed", "60") "\r\n",
		 "same version"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct check_answer answer;
		struct check_reply reply;
		char error[256] = "";

		for (size_t piece = 1; piece < 200; piece += 7) {
			assert_int_equal(feed(&reply, cases[i].text, piece), CHECK_REPLY_DONE);
			assert_int_equal(check_reply_get(&reply, &answer, error, sizeof(error)),
					 -EBADMSG);
			if (strstr(error, cases[i].words) == NULL)
				fail_msg("%s: %s", cases[i].text, error);
		}
	}
}

static void test_broken_answers(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"", -ENODATA},
		{"HTTP/1.1 200 OK\r\nX-Hosting", -ENODATA},
		{"HTTP/1.1 200 OK\r\n" HEADERS("shed", "6") "Content-Length: 9\r\n\r\nup 6%",
		 -ENODATA},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EPROTO},
		{"up 60% maxconn:8 # shed\n", -EPROTO},
		{"GET / HTTP/1.1\r\n\r\n", -EPROTO},
		{"HTTP/1.1 2000 OK\r\n\r\n", -EPROTO},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -EPROTO},
		{"\377\376\001", -EPROTO},
	};
	struct check_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(feed(&reply, cases[i].text, 4096), cases[i].error);
		assert_int_equal(feed(&reply, cases[i].text, 1), cases[i].error);
	}
	feed(&reply, "up 60% maxconn:8 # shed memory shrinks\n", 4096);
	assert_string_equal(reply.begin, "up 60% maxconn:8 # shed"); /* for a message */
}

/* A weight of 50 of which the last digit comes after more blanks than are kept. */
static void test_long_value_is_refused(void **state)
{
	static char text[1024];
	struct check_reply reply;
	struct check_answer answer;
	char error[256];

	(void)state;
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\n" HEADERS("shed", "5%500s0") "Content-Length: 0\r\n\r\n", "");
	assert_int_equal(feed(&reply, text, 4096), CHECK_REPLY_DONE);
	assert_true(check_reply_get(&reply, &answer, error, sizeof(error)) < 0);
}

/* Headers without end, one header without end, a line without end: all are bounded. */
static void test_endless_answers(void **state)
{
	static const char *const starts[] = {
		"HTTP/1.1 200 OK\r\nX: ",
		"HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 ",
		"HTTP/1.1 200 OK\r\n" HEADERS("shed", "6") "Transfer-Encoding: chunked\r\n\r\n1;",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct check_reply reply;
		size_t sent = strlen(starts[i]);

		check_reply_start(&reply);
		int result = check_reply_feed(&reply, starts[i], sent);
		for (; result == 0 && sent < 1000000; sent += 7)
			result = check_reply_feed(&reply, i == 1 ? "A: bb\r\n" : "aaaaaaa", 7);
		assert_int_equal(result, -EFBIG);
		assert_true(sent <= CHECK_REPLY_MAX + 7);
	}
}

/* No line end comes, but enough for all that a line can say. */
static void test_long_body_is_cut(void **state)
{
	static char text[4096] = "HTTP/1.1 200 OK\r\n" HEADERS("shed", "6") "\r\nup 50% drain # ";
	struct check_answer answer;
	struct check_reply reply;
	char error[256];
	size_t length = strlen(text);

	(void)state;
	memset(text + length, 'x', sizeof(text) - 1 - length);
	assert_int_equal(feed(&reply, text, 100), CHECK_REPLY_DONE);
	assert_int_equal(check_reply_get(&reply, &answer, error, sizeof(error)), 0);
	assert_int_equal(answer.told_weight, 50);
	assert_true(answer.drain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_are_read),
		cmocka_unit_test(test_other_forms_of_the_same),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_keepalived_is_never_told_nothing),
		cmocka_unit_test(test_strange_bodies_say_nothing),
		cmocka_unit_test(test_others_are_told_apart),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_long_value_is_refused),
		cmocka_unit_test(test_endless_answers),
		cmocka_unit_test(test_long_body_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
