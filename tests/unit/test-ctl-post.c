/* SPDX-License-Identifier: MIT */
/*
 * What `hostingpictl post --wait` makes of the status: exit code and words, whatever the document holds; and
 * the row of posts in the status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/client.c"
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/post.c"
#include "agent/ctl/row.c"
#include "agent/ctl/status_rows.c"
#include "agent/ctl/text.c"

static void check(const char *post, int code, const char *words)
{
	char json[1024], text[256] = "";
	cJSON *status;

	snprintf(json, sizeof(json), "{\"notifiers\":{\"post\":%s}}", post);
	status = cJSON_Parse(json);
	assert_non_null(status);
	assert_int_equal(post_judge(status, "a-1", text, sizeof(text)), code);
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, text);
	cJSON_Delete(status);
}

#define RECENT(result, more)                                                                       \
	"{\"queue\":[\"a-0\",\"a-1\"],\"why_waiting\":\"min_gap\",\"recent\":["                    \
	"{\"id\":\"a-0\",\"result\":\"rejected\"},{\"id\":\"a-1\",\"result\":\"" result "\"" more  \
	"},{\"id\":\"a-1\",\"result\":\"posted\"}]}"

static void test_results(void **state)
{
	(void)state;
	check(RECENT("posted", ",\"remote_id\":\"42\""), 0, "posted as 42");
	check(RECENT("duplicate", ""), 0, "duplicate");
	check(RECENT("rejected", ",\"detail\":\"rude\""), 65, "rejected: rude");
	check(RECENT("dropped", ""), 65, "dropped");
	check(RECENT("unsure", ",\"detail\":\"may have been posted\""), 1,
	      "unsure: may have been posted");
	check(RECENT("unauthorised", ",\"detail\":\"keys\""), 77, "unauthorised: keys");
	check(RECENT("no_credit", ""), 77, "no_credit");
	check(RECENT("unusable", ""), 77, "unusable");
	check(RECENT("retry", ",\"detail\":\"no way\""), -1, "min_gap; last attempt: no way");
	check("{\"queue\":[\"a-1\"],\"why_waiting\":\"mend\",\"last_result\":{\"id\":\"a-0\",\"detail\":\"keys\"}}",
	      -1, "mend; last attempt: keys");
	check(RECENT("something", ""), -1, "stays in the queue: min_gap");
}

static void test_no_result_yet(void **state)
{
	(void)state;
	check("{\"queue\":[\"a-1\"]}", -1, "its turn comes");
	check("{\"queue\":[\"a-1\"],\"recent\":[]}", -1, "its turn comes");
	check("{\"queue\":[\"a-11\"],\"recent\":[{\"id\":\"a\",\"result\":\"posted\"}]}",
	      CTL_FAILED, "not known what became");
}

static void test_any_member_may_be_wrong(void **state)
{
	(void)state;
	check("null", CTL_FAILED, "not known");
	check("{\"queue\":5,\"recent\":{\"id\":\"a-1\"}}", CTL_FAILED, "not known");
	check("{\"queue\":[null,1,[\"a-1\"]],\"recent\":[1,null,{\"id\":1},{\"id\":\"a-1\",\"result\":7}]}",
	      CTL_FAILED, "not known");
}

static char *shown_rows(const char *json)
{
	static const struct style plain = {.utf8 = false};
	cJSON *document = cJSON_Parse(json);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct row row = {.out = out, .style = &plain, .document = document};

	assert_non_null(document);
	status_rows_print(&row);
	assert_int_equal(fclose(out), 0);
	cJSON_Delete(document);
	return text;
}

static void test_post_rows(void **state)
{
	static const char *const rows[][2] = {
		{"{\"configured\":false,\"why_waiting\":\"nothing is posted: set service\"}",
		 "  posts         nothing is posted: set service\n"},
		{"{\"service\":\"x\",\"posted\":3,\"waiting\":2,\"rejected\":1,\"why_waiting\":\"min_gap\","
		 "\"next_attempt\":1795255213043}",
		 "  posts         to x, 3 posted, 1 refused, 2 waiting, min_gap, next attempt 21 Nov "
		 "10:00\n"},
		{"{\"service\":\"x\",\"posted\":0,\"next_attempt\":1e300,\"last_result\":{\"result\":\"retry\","
		 "\"detail\":\"no \\u001b[2J\",\"ts\":-1}}",
		 "  posts         to x, 0 posted, last: retry, no ?[2J\n"},
		{"5", "  posts         not known\n"},
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char json[512], *text;

		snprintf(json, sizeof(json), "{\"notifiers\":{\"post\":%s}}", rows[i][0]);
		text = shown_rows(json);
		if (strstr(text, rows[i][1]) == NULL)
			fail_msg("\"%s\" is not in:\n%s", rows[i][1], text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_no_result_yet),
		cmocka_unit_test(test_any_member_may_be_wrong),
		cmocka_unit_test(test_post_rows),
	};

	return cmocka_run_group_tests_name("hostingpictl post", tests, NULL, NULL);
}
