/* SPDX-License-Identifier: MIT */
/* Results: what is taken of the line that hostingpi-post prints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "notifiers/post_result.h"

static void test_results(void **state)
{
	static const char line[] =
		"{\"id\":\"a-1\",\"result\":\"retry\",\"status\":429,\"remote_id\":null,"
		"\"retry_after_s\":900,\"detail\":\"slow \\u001bdown\",\"cut\":false,"
		"\"via\":\"nat64\",\"prefix\":\"64:ff9b::/96\"}\nmore";
	static const char *const others[] = {
		"",
		"\n",
		"posted\n",
		"{\"id\":\"a-1\",\"result\":\"retry\"}", /* no line end: it was cut */
		"{\"id\":\"a-2\",\"result\":\"posted\"}\n",
		"{\"id\":null,\"result\":\"posted\"}\n",
		"{\"id\":\"a-1\",\"result\":\"unusable\"}\n",
		"{\"id\":\"a-1\",\"result\":7}\n",
		"[\"a-1\",\"posted\"]\n",
	};
	static const char odd[] = "{\"id\":\"a-1\",\"result\":\"posted\",\"status\":1e99,"
				  "\"retry_after_s\":-5,\"detail\":[],\"via\":\"far too long\"}\n";
	struct post_result result = {.status = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(post_result_parse(others[i], strlen(others[i]), "a-1", &result),
				 -EBADMSG);
		assert_int_equal(result.status, 7);
	}
	assert_int_equal(post_result_parse(line, sizeof(line) - 1, "a-1", &result), 0);
	assert_int_equal(result.word, POST_RESULT_RETRY);
	assert_int_equal(result.status, 429);
	assert_int_equal(result.retry_after_s, 900);
	assert_string_equal(result.remote_id, "");
	assert_string_equal(result.detail, "slow  down");
	assert_string_equal(result.via, "nat64");
	assert_string_equal(result.prefix, "64:ff9b::/96");
	assert_int_equal(post_result_parse(odd, sizeof(odd) - 1, "a-1", &result), 0);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.retry_after_s, 0);
	assert_string_equal(result.detail, "");
	assert_string_equal(result.via, "far ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
