/* SPDX-License-Identifier: MIT */
/* The reaction table: what each answer of X and Mastodon means, with headers of each generation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "notifiers/post/answer.h"

#define NOW INT64_C(1790000000)

struct row {
	int status;
	const char *headers[4];
	const char *body;
	enum answer_result result;
	int64_t retry_after_s;
	const char *detail; /* a part of it */
};

static struct answer judge(enum post_service service, const struct row *row)
{
	struct answer_headers headers = {0};
	struct answer answer;

	for (size_t i = 0; i < 4 && row->headers[i]; i++)
		answer_header(&headers, row->headers[i], strlen(row->headers[i]));
	answer_judge(service, row->status, &headers, row->body, row->body ? strlen(row->body) : 0,
		     NOW, &answer);
	return answer;
}

static void check(enum post_service service, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct answer answer = judge(service, &rows[i]);
		if (answer.result != rows[i].result ||
		    answer.retry_after_s != rows[i].retry_after_s ||
		    !strstr(answer.detail, rows[i].detail))
			fail_msg("row %zu (HTTP %d): %s, %lld s, \"%s\"", i, rows[i].status,
				 answer_result_words[answer.result],
				 (long long)answer.retry_after_s, answer.detail);
	}
}

#define CHECK(service, rows) check(service, rows, sizeof(rows) / sizeof(*(rows)))

static void test_x(void **state)
{
	static const struct row rows[] = {
		{201, {0}, "{\"data\":{\"id\":\"17\",\"text\":\"hi\"}}", ANSWER_POSTED, 0, ""},
		{200, {0}, "{\"id_str\":\"17\",\"id\":17}", ANSWER_POSTED, 0, ""}, /* v1.1 */
		{200,
		 {0},
		 "<html>Welcome to our hotel</html>",
		 ANSWER_RETRY,
		 600,
		 "may have arrived"},
		{201, {0}, NULL, ANSWER_RETRY, 600, "names no post"},
		{201, {0}, "{\"data\":{\"id\":17}}", ANSWER_RETRY, 600, "names no post"},
		{401,
		 {0},
		 "{\"title\":\"Unauthorized\",\"status\":401}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "credential_file): Unauthorized"},
		{401,
		 {0},
		 "{\"errors\":[{\"code\":32,\"message\":\"Could not authenticate you.\"}]}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "Could not authenticate"},
		{402, {0}, "{\"title\":\"CreditsDepleted\"}", ANSWER_NO_CREDIT, 0, "Credits"},
		{403,
		 {0},
		 "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,\"detail\":\"You "
		 "are not allowed to create a Tweet with duplicate content.\"}",
		 ANSWER_DUPLICATE,
		 0,
		 "already"},
		{403,
		 {0},
		 "{\"errors\":[{\"code\":187,\"message\":\"Status is a repeat.\"}]}",
		 ANSWER_DUPLICATE,
		 0,
		 "already"},
		{403,
		 {0},
		 "{\"errors\":[{\"code\":453,\"message\":\"You have a subset\"}]}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "subset"},
		{403,
		 {0},
		 "{\"detail\":\"Your client app is not configured with the appropriate oauth1 app "
		 "permissions for this endpoint.\"}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "permissions"},
		{403, {0}, "{\"detail\":\"Not this one.\"}", ANSWER_REJECTED, 0, "Not this one."},
		{403, {0}, "", ANSWER_REJECTED, 0, "refuses this message"},
	};
	(void)state;

	CHECK(POST_X, rows);
}

static void test_x_in_trouble(void **state)
{
	static const struct row rows[] = {
		{404, {0}, "{\"title\":\"Not Found\"}", ANSWER_RETRY, 3600, "is url right"},
		{301, {"location: https://elsewhere/"}, NULL, ANSWER_RETRY, 3600, "HTTP 301"},
		{400,
		 {0},
		 "{\"detail\":\"One or more parameters is invalid\"}",
		 ANSWER_REJECTED,
		 0,
		 "parameters"},
		{413, {0}, "", ANSWER_REJECTED, 0, "refuses"},
		{500, {0}, "oops", ANSWER_RETRY, 0, "HTTP 500"},
		{504, {0}, "", ANSWER_RETRY, 0, "may have arrived"},
		{201, {0}, "{\"id\":\"1", ANSWER_RETRY, 600, "may have arrived"},
		{503, {"Retry-After: 120"}, "", ANSWER_RETRY, 120, "HTTP 503"},
		{503,
		 {"retry-after: Mon, 21 Sep 2026 14:41:40 GMT\r\n"},
		 "",
		 ANSWER_RETRY,
		 1700,
		 "HTTP 503"},
	};
	(void)state;

	CHECK(POST_X, rows);
}

static void test_limits(void **state)
{
	static const struct row rows[] = {
		/* Nobody says when. */
		{429, {0}, "{\"title\":\"Too Many Requests\"}", ANSWER_RETRY, 0, "Too Many"},
		{429, {"x-rate-limit-reset: 1790000900"}, "", ANSWER_RETRY, 900, "too many"},
		{429,
		 {"X-Rate-Limit-Limit: 100", "X-Rate-Limit-Remaining: 0",
		  "X-Rate-Limit-Reset: 1790000060"},
		 "",
		 ANSWER_RETRY,
		 60,
		 ""},
		/* The window still has room, the day has not: the day counts. */
		{429,
		 {"x-rate-limit-remaining: 50", "x-rate-limit-reset: 1790000900",
		  "x-user-limit-24hour-remaining: 0", "x-user-limit-24hour-reset: 1790040000"},
		 "",
		 ANSWER_RETRY,
		 40000,
		 ""},
		{429,
		 {"x-app-limit-24hour-remaining: 0", "x-app-limit-24hour-reset: 1790007200",
		  "x-user-limit-24hour-remaining: 0", "x-user-limit-24hour-reset: 1790003600"},
		 "",
		 ANSWER_RETRY,
		 7200,
		 ""},
		/* Mastodon's form. */
		{429,
		 {"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 2026-09-21T14:45:00.123456Z"},
		 "{\"error\":\"Too many requests\"}",
		 ANSWER_RETRY,
		 1900,
		 "Too many requests"},
		{429,
		 {"retry-after: 5", "x-rate-limit-reset: 1790000900"},
		 "",
		 ANSWER_RETRY,
		 900,
		 ""},
		/* What cannot be meant. */
		{429, {"x-rate-limit-reset: 1"}, "", ANSWER_RETRY, 0, ""},
		{429, {"x-rate-limit-reset: 99999999999"}, "", ANSWER_RETRY, 86400, ""},
		{429, {"x-rate-limit-reset: -5", "retry-after: soon"}, "", ANSWER_RETRY, 0, ""},
		{429, {"x-rate-limit-reset: 999999999999999999999999"}, "", ANSWER_RETRY, 0, ""},
		{429,
		 {"x-rate-limit-reset", ":", "x-rate-limit-: 5", ": 7"},
		 "",
		 ANSWER_RETRY,
		 0,
		 ""},
	};
	(void)state;

	CHECK(POST_X, rows);
	CHECK(POST_MASTODON, rows);
}

static void test_mastodon(void **state)
{
	static const struct row rows[] = {
		{200, {0}, "{\"id\":\"103254962155278888\",\"uri\":\"u\"}", ANSWER_POSTED, 0, ""},
		{200, {0}, "{\"id\":5}", ANSWER_RETRY, 600, "names no post"},
		{401,
		 {0},
		 "{\"error\":\"The access token is invalid\"}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "token is invalid"},
		{403,
		 {0},
		 "{\"error\":\"This action is outside the authorized scopes\"}",
		 ANSWER_UNAUTHORISED,
		 0,
		 "scopes"},
		{403,
		 {0},
		 "{\"error\":\"This action is not allowed\"}",
		 ANSWER_REJECTED,
		 0,
		 "allowed"},
		{422,
		 {0},
		 "{\"error\":\"Validation failed: Text can't be blank\"}",
		 ANSWER_REJECTED,
		 0,
		 "blank"},
		{404, {0}, "{\"error\":\"Record not found\"}", ANSWER_RETRY, 3600, "not found"},
	};
	(void)state;

	CHECK(POST_MASTODON, rows);
}

static void test_clock(void **state)
{
	static const struct row rows[] = {
		/* 1790000000 is Mon, 21 Sep 2026 14:13:20 GMT; ten minutes in between. */
		{401,
		 {"Date: Mon, 21 Sep 2026 14:23:20 GMT"},
		 "",
		 ANSWER_RETRY,
		 300,
		 "600 s behind that of the service"},
		{401,
		 {"Date: Mon, 21 Sep 2026 14:03:20 GMT"},
		 "",
		 ANSWER_RETRY,
		 300,
		 "600 s ahead of that of the service"},
		{401, {"Date: Mon, 21 Sep 2026 14:13:30 GMT"}, "", ANSWER_UNAUTHORISED, 0, ""},
		{401, {"Date: yesterday"}, "", ANSWER_UNAUTHORISED, 0, ""},
	};
	(void)state;

	CHECK(POST_X, rows);
}

static void test_posted_has_its_id(void **state)
{
	static const struct row x = {
		201, {0}, "{\"data\":{\"id\":\"1445880548472328192\"}}", ANSWER_POSTED, 0, ""};
	struct answer answer = judge(POST_X, &x);
	(void)state;

	assert_string_equal(answer.remote_id, "1445880548472328192");
	assert_string_equal(answer.detail, "");
}

static void test_hostile(void **state)
{
	static const struct row control = {
		403, {0},	 "{\"detail\":\"a\\u001b[31mb\\nc\\u0000d\"}", ANSWER_REJECTED,
		0,   "a [31mb c"};
	char big[70000];
	struct answer_headers headers = {0};
	struct answer answer = judge(POST_X, &control);
	(void)state;

	assert_null(strchr(answer.detail, '\x1b'));
	assert_null(strchr(answer.detail, '\n'));

	/* A long complaint is cut, and marked. */
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"detail\":\"", 11);
	memcpy(big + sizeof(big) - 2, "\"}", 2);
	answer_judge(POST_X, 403, &headers, big, sizeof(big), NOW, &answer);
	assert_int_equal(answer.result, ANSWER_REJECTED);
	assert_string_equal(answer.detail + strlen(answer.detail) - 3, "...");

	/* Nested for ever, cut in the middle, and header lines of any length and content. */
	memset(big, '[', sizeof(big));
	answer_judge(POST_X, 201, &headers, big, sizeof(big), NOW, &answer);
	assert_int_equal(answer.result, ANSWER_RETRY);
	memset(big, 'h', sizeof(big));
	answer_header(&headers, big, sizeof(big));
	answer_header(&headers, "retry-after\0: 5", 15);
	answer_header(&headers, "", 0);
	assert_false(headers.retry_after_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x),	cmocka_unit_test(test_x_in_trouble),
		cmocka_unit_test(test_limits),	cmocka_unit_test(test_mastodon),
		cmocka_unit_test(test_clock),	cmocka_unit_test(test_posted_has_its_id),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
