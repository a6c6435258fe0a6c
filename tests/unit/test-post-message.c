/* SPDX-License-Identifier: MIT */
/* The message on standard input: what is taken, and that everything else is refused and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/post/message.h"

static struct message message;
static char error[256];

static int parse(const char *text)
{
	error[0] = '\0';
	return message_parse(text, strlen(text), &message, error, sizeof(error));
}

static void test_taken(void **state)
{
	(void)state;

	assert_int_equal(parse("{\"id\":\"pi-1.2:3_4\",\"text\":\"61.2 \\u00b0C\\nfine\"}\n"), 0);
	assert_string_equal(message.id, "pi-1.2:3_4");
	assert_string_equal(message.text, "61.2 \u00b0C\nfine");
	/* Members of later versions are not ours to refuse. */
	assert_int_equal(parse(" {\"text\":\"a\",\"kind\":7,\"id\":\"b\"}"), 0);
	/* A backslash before a "u0000" that is none. */
	assert_int_equal(parse("{\"id\":\"a\",\"text\":\"\\\\u0000\"}"), 0);
	assert_string_equal(message.text, "\\u0000");
}

static void test_refused(void **state)
{
	static const struct {
		const char *input, *says;
	} rows[] = {
		{"", "one JSON object"},
		{"[]", "one JSON object"},
		{"\"text\"", "one JSON object"},
		{"{\"id\":\"a\",\"text\":\"b\"} {}", "one JSON object"},
		{"{\"id\":\"a\",\"text\":\"b\"", "one JSON object"},
		{"{\"text\":\"b\"}", "\"id\""},
		{"{\"id\":7,\"text\":\"b\"}", "\"id\""},
		{"{\"id\":\"\",\"text\":\"b\"}", "id must be"},
		{"{\"id\":\"a b\",\"text\":\"b\"}", "id must be"},
		{"{\"id\":\"a\\r\\nX: y\",\"text\":\"b\"}", "id must be"},
		{"{\"id\":\"a\"}", "\"text\""},
		{"{\"id\":\"a\",\"text\":[\"b\"]}", "\"text\""},
		{"{\"id\":\"a\",\"text\":\"\"}", "empty"},
		{"{\"id\":\"a\",\"text\":\" \\n\\t \"}", "empty"},
		{"{\"id\":\"a\",\"text\":\"\\u001b[31m\"}", "control characters"},
		{"{\"id\":\"a\",\"text\":\"b\\u0000c\"}", "NUL"},
		{"{\"id\":\"a\",\"text\":\"b\\\\\\u0000c\"}", "NUL"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (parse(rows[i].input) != -EINVAL || !strstr(error, rows[i].says))
			fail_msg("%s: \"%s\"", rows[i].input, error);
	}
}

static void test_id_of_a_refused_message(void **state)
{
	(void)state;

	assert_int_equal(parse("{\"id\":\"a\",\"text\":\"\"}"), -EINVAL);
	assert_string_equal(message.id, "a");
	assert_int_equal(parse("{\"id\":\"a"), -EINVAL);
	assert_string_equal(message.id, "");
}

static void test_lengths(void **state)
{
	static char big[2 * MESSAGE_INPUT_SIZE];
	(void)state;

	memset(big, ' ', sizeof(big));
	assert_int_equal(message_parse(big, MESSAGE_INPUT_SIZE + 1, &message, error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "longer than"));

	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"id\":\"a\",\"text\":\"", 18);
	memcpy(big + 18 + MESSAGE_TEXT_SIZE - 1, "\"}", 3);
	assert_int_equal(parse(big), 0);
	assert_int_equal(strlen(message.text), MESSAGE_TEXT_SIZE - 1);
	memset(big + 18, 'x', MESSAGE_TEXT_SIZE);
	memcpy(big + 18 + MESSAGE_TEXT_SIZE, "\"}", 3);
	assert_int_equal(parse(big), -EINVAL);
	assert_non_null(strstr(error, "longer than"));
}

static void test_binary(void **state)
{
	(void)state;

	assert_int_equal(message_parse("{\"id\":\"a\",\0\"text\":\"b\"}", 22, &message, error,
				       sizeof(error)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_id_of_a_refused_message),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_binary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
