/* SPDX-License-Identifier: MIT */
/* Requests on the control socket: what is taken, and what each refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "agent/control.h"
#include "agent/diary.h"

#define REASON_48 "123456789 123456789 123456789 123456789 12345678"
#define WITH_REASON(reason) "{\"command\":\"drain\",\"reason\":\"" reason "\"}"

static const struct {
	const char *line;
	struct control_command command;
} good[] = {
	{"{\"command\":\"status\"}", {.verb = VERB_STATUS}},
	{" { \"command\" : \"status\" } \t\r", {.verb = VERB_STATUS}},
	{"{\"command\":\"dr\\u0061in\"}", {.verb = VERB_DRAIN}},
	{"{\"command\":\"drain\"}", {.verb = VERB_DRAIN}},
	{"{\"reason\":\"new card\",\"command\":\"drain\"}",
	 {.verb = VERB_DRAIN, .reason = "new card"}},
	{WITH_REASON(REASON_48), {.verb = VERB_DRAIN, .reason = REASON_48}},
	{WITH_REASON("\\\"~\\\\"), {.verb = VERB_DRAIN, .reason = "\"~\\"}},
	{"{\"command\":\"drain\",\"for_s\":1}", {.verb = VERB_DRAIN, .for_s = 1}},
	{"{\"for_s\":2592000,\"command\":\"drain\",\"reason\":\"x\"}",
	 {.verb = VERB_DRAIN, .for_s = 2592000, .reason = "x"}},
	{"{\"command\":\"drain\",\"for_s\":6e2}", {.verb = VERB_DRAIN, .for_s = 600}},
	{"{\"command\":\"ready\"}", {.verb = VERB_READY}},
	{"{\"command\":\"ready\",\"reason\":\"done\"}", {.verb = VERB_READY, .reason = "done"}},
	{"{\"command\":\"handover\"}", {.verb = VERB_HANDOVER}},
	{"{\"command\":\"history\"}", {.verb = VERB_HISTORY}},
	{"{\"command\":\"history\",\"series\":\"mem.headroom_bytes\"}",
	 {.verb = VERB_HISTORY, .series = "mem.headroom_bytes", .span = HISTORY_HOUR}},
	{"{\"command\":\"history\",\"series\":\"\\u001b\",\"span\":\"day\"}",
	 {.verb = VERB_HISTORY, .series = "\x1b", .span = HISTORY_DAY}},
	{"{\"command\":\"events\"}", {.verb = VERB_EVENTS, .count = DIARY_EVENTS}},
	{"{\"command\":\"events\",\"count\":1}", {.verb = VERB_EVENTS, .count = 1}},
	{"{\"command\":\"events\",\"count\":64}", {.verb = VERB_EVENTS, .count = 64}},
};

#define WITH_TEXT(text) "{\"command\":\"message\",\"text\":\"" text "\"}"

static const struct {
	const char *line;
	const char *text;
} messages[] = {
	{WITH_TEXT("x"), "x"},
	{WITH_TEXT("two\\nlines\\tand \\\"quotes\\\""), "two\nlines\tand \"quotes\""},
	{WITH_TEXT("K\xc3\xbchler \xf0\x9f\xa5\xa7"), "K\xc3\xbchler \xf0\x9f\xa5\xa7"},
	{WITH_TEXT("\\u00fc\\ud83e\\udd67"), "\xc3\xbc\xf0\x9f\xa5\xa7"},
	{WITH_TEXT("\\\\u0000"), "\\u0000"}, /* a backslash and letters */
};

static const struct {
	const char *line;
	const char *error; /* a part of it */
} bad[] = {
	{"", "not a JSON object"},
	{"status", "not a JSON object"},
	{"\"status\"", "not a JSON object"},
	{"[]", "not a JSON object"},
	{"{", "not a JSON object"},
	{"{\"command\":\"status\"", "not a JSON object"},
	{"{\"command\":\"status\"}}", "not a JSON object"},
	{"{\"command\":\"status\"}{\"command\":\"drain\"}", "not a JSON object"},
	{"{\"command\":\"status\"} # yes", "not a JSON object"},
	{"{}", "is one of status, history, events, drain, ready, handover, message"},
	{"{\"reason\":\"because\"}",
	 "is one of status, history, events, drain, ready, handover, message"},
	{"{\"command\":\"Status\"}",
	 "is one of status, history, events, drain, ready, handover, message"},
	{"{\"command\":\"\"}",
	 "is one of status, history, events, drain, ready, handover, message"},
	{"{\"command\":\"histories\"}",
	 "is one of status, history, events, drain, ready, handover, message"},
	{"{\"command\":null}", "\"command\" must be a text"},
	{"{\"command\":[\"drain\"]}", "\"command\" must be a text"},
	{"{\"command\":\"drain\",\"reason\":1}", "\"reason\" must be a text"},
	{"{\"command\":\"drain\",\"command\":\"ready\"}", "\"command\" stands twice"},
	{"{\"command\":\"drain\",\"reson\":\"x\"}", "unknown member"},
	{"{\"Command\":\"drain\"}", "unknown member"},
	{"{\"command\":\"status\",\"reason\":\"x\"}", "belongs to the command drain or ready"},
	{"{\"command\":\"ready\",\"reason\":\"a\\nb\"}", "1 to 48 printable"},
	{"{\"command\":\"ready\",\"for_s\":5}", "\"for_s\" belongs to the command drain"},
	{"{\"command\":\"status\",\"count\":5}", "belongs to the command events"},
	{"{\"command\":\"status\",\"series\":\"a\"}", "belongs to the command history"},
	{"{\"command\":\"events\",\"span\":\"day\"}", "belongs to the command history"},
	{"{\"command\":\"history\",\"span\":\"day\"}", "\"span\" needs a \"series\""},
	{"{\"command\":\"history\",\"series\":\"a\",\"span\":\"week\"}", "is one of hour, day"},
	{"{\"command\":\"history\",\"series\":\"a\",\"span\":\"\"}", "is one of hour, day"},
	{"{\"command\":\"history\",\"series\":\"\"}", "1 to 63 characters"},
	{"{\"command\":\"history\",\"series\":\"" REASON_48 "123456789 123456\"}",
	 "1 to 63 characters"},
	{"{\"command\":\"history\",\"series\":5}", "\"series\" must be a text"},
	{"{\"command\":\"drain\",\"for_s\":\"5\"}", "\"for_s\" must be a number"},
	{"{\"command\":\"drain\",\"for_s\":true}", "\"for_s\" must be a number"},
	{"{\"command\":\"drain\",\"for_s\":0}", "\"for_s\" must be a whole number of 1 to 2592000"},
	{"{\"command\":\"drain\",\"for_s\":-1}", "whole number of 1 to 2592000"},
	{"{\"command\":\"drain\",\"for_s\":1.5}", "whole number of 1 to 2592000"},
	{"{\"command\":\"drain\",\"for_s\":2592001}", "whole number of 1 to 2592000"},
	{"{\"command\":\"drain\",\"for_s\":1e999}", "whole number of 1 to 2592000"},
	{"{\"command\":\"drain\",\"for_s\":1e300}", "whole number of 1 to 2592000"},
	{"{\"command\":\"events\",\"count\":65}", "whole number of 1 to 64"},
	{"{\"command\":\"events\",\"count\":0}", "whole number of 1 to 64"},
	{WITH_REASON(""), "1 to 48 printable"},
	{WITH_REASON(REASON_48 "9"), "1 to 48 printable"},
	{WITH_REASON("a#b"), "1 to 48 printable"},
	{WITH_REASON("a\\nb"), "1 to 48 printable"},
	{WITH_REASON("\\u001b[2J"), "1 to 48 printable"},
	{WITH_REASON("K\xc3\xbchler"), "1 to 48 printable"},
	{"{\"command\":\"message\"}", "1 to 2000 bytes"},
	{"{\"command\":\"message\",\"text\":null}", "must be a text"},
	{"{\"command\":\"message\",\"text\":\"a\",\"text\":\"b\"}", "stands twice"},
	{"{\"command\":\"message\",\"text\":\"a\",\"reason\":\"b\"}",
	 "belongs to the command drain or ready"},
	{"{\"command\":\"drain\",\"text\":\"a\"}", "belongs to the command message"},
	{"{\"command\":\"status\",\"text\":\"a\"}", "belongs to the command message"},
	{WITH_TEXT(""), "1 to 2000 bytes"},
	{WITH_TEXT(" \\n\\t "), "1 to 2000 bytes"},
	{WITH_TEXT("a\\u001b[2J"), "1 to 2000 bytes"},
	{WITH_TEXT("a\\rb"), "1 to 2000 bytes"},
	{WITH_TEXT("a\x7f"), "1 to 2000 bytes"},
	{WITH_TEXT("a\xff"), "1 to 2000 bytes"},
	{WITH_TEXT("a\xed\xa0\x80"), "1 to 2000 bytes"}, /* half of a pair */
	{WITH_TEXT("a\\u0000b"), "not a JSON object"},
	{WITH_TEXT("\\ud83e"), "not a JSON object"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct control_command command;
		char error[120] = "";

		if (control_parse(good[i].line, strlen(good[i].line), &command, error,
				  sizeof(error)) < 0)
			fail_msg("%s: %s", good[i].line, error);
		assert_int_equal(command.verb, good[i].command.verb);
		assert_string_equal(command.reason, good[i].command.reason);
		assert_int_equal(command.for_s, good[i].command.for_s);
		assert_string_equal(command.series, good[i].command.series);
		assert_int_equal(command.span, good[i].command.span);
		if (command.verb == VERB_EVENTS)
			assert_int_equal(command.count, good[i].command.count);
		assert_string_equal(error, "");
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct control_command command = {.verb = VERB_READY, .reason = "untouched"};
		char error[120] = "";

		if (control_parse(bad[i].line, strlen(bad[i].line), &command, error,
				  sizeof(error)) != -EINVAL)
			fail_msg("%s: taken", bad[i].line);
		if (strstr(error, bad[i].error) == NULL)
			fail_msg("%s: %s", bad[i].line, error);
		assert_true(strlen(error) < sizeof(error) - 1);
		assert_int_equal(command.verb, VERB_READY);
		assert_string_equal(command.reason, "untouched");
	}
}

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct control_command command;
		char error[120] = "";

		if (control_parse(messages[i].line, strlen(messages[i].line), &command, error,
				  sizeof(error)) < 0)
			fail_msg("%s: %s", messages[i].line, error);
		assert_int_equal(command.verb, VERB_MESSAGE);
		assert_string_equal(command.text, messages[i].text);
	}
}

/* 2000 bytes are taken, also where each of them is escaped; one more is not. */
static void test_longest_message(void **state)
{
	static const char *const units[] = {"x", "\\n", "\xf0\x9f\xa5\xa7"};
	static const size_t bytes[] = {1, 1, 4};

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t more = 0; more < 2; more++) {
			char line[2 * CONTROL_LINE_MAX] = "{\"command\":\"message\",\"text\":\"x";
			struct control_command command;
			char error[120];
			size_t used = strlen(line);

			/* The first is an 'x', so that there is more than blanks. */
			for (size_t length = 1; length + bytes[i] <= 2000 + more * bytes[i];
			     length += bytes[i])
				used += (size_t)sprintf(line + used, "%s", units[i]);
			used += (size_t)sprintf(line + used, "\"}");
			assert_true(more || used <= CONTROL_LINE_MAX);
			assert_int_equal(control_parse(line, used, &command, error, sizeof(error)),
					 more ? -EINVAL : 0);
		}
	}
}

/* The length counts, not a NUL byte; and the line is not ended by one. */
static void test_length_counts(void **state)
{
	static const char line[] = "{\"command\":\"status\"}\0{\"command\":\"drain\"}";
	struct control_command command;
	char error[120];

	(void)state;
	assert_int_equal(control_parse(line, sizeof(line) - 1, &command, error, sizeof(error)),
			 -EINVAL);
	assert_int_equal(control_parse(line, 20, &command, error, sizeof(error)), 0);
	assert_int_equal(control_parse(line, 19, &command, error, sizeof(error)), -EINVAL);
}

/* A line of brackets is the deepest nesting that a client can send. */
static void test_deep_nesting(void **state)
{
	char line[CONTROL_LINE_MAX];
	struct control_command command;
	char error[120];

	(void)state;
	memset(line, '[', sizeof(line));
	assert_int_equal(control_parse(line, sizeof(line), &command, error, sizeof(error)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_messages),      cmocka_unit_test(test_longest_message),
		cmocka_unit_test(test_length_counts), cmocka_unit_test(test_deep_nesting),
	};

	return cmocka_run_group_tests_name("control requests", tests, NULL, NULL);
}
