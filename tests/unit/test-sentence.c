/* SPDX-License-Identifier: MIT */
/* Sentences about refusals: what they return, and that a cut is made at a character and marked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "agent/addr.h"
#include "agent/sentence.h"

static void test_whole(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(sentence_refuse(text, sizeof(text), "line %d: %s", 7, "no"), -EINVAL);
	assert_string_equal(text, "line 7: no");
	assert_int_equal(sentence_fail(-EPERM, text, sizeof(text), "%s", ""), -EPERM);
	assert_string_equal(text, "");
}

static void test_cut(void **state)
{
	char text[12], exact[11], large[4096], long_word[3000];

	(void)state;
	assert_int_equal(sentence_refuse(text, sizeof(text), "%s", "0123456789abcdef"), -EINVAL);
	assert_string_equal(text, "01234567...");
	sentence_refuse(exact, sizeof(exact), "%s", "0123456789");
	assert_string_equal(exact, "0123456789");
	/* The second byte of a letter would be the first one to go. */
	sentence_refuse(text, sizeof(text), "0123456\u00e4%s", "9abcdef");
	assert_string_equal(text, "0123456...");

	/* Longer than anything is formatted: marked as well. */
	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	sentence_fail(-EIO, large, sizeof(large), "%s", long_word);
	assert_true(strlen(large) > 512 && strlen(large) < sizeof(long_word) - 1);
	assert_string_equal(large + strlen(large) - 4, "x...");
}

/* Those who refuse input use it: a short buffer gets a sentence that is marked as cut. */
static void test_in_use(void **state)
{
	char text[24];
	struct addr addr;

	(void)state;
	assert_int_equal(addr_parse("example.org:80", &addr, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "'example.org' is not...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_in_use),
	};

	return cmocka_run_group_tests_name("sentences", tests, NULL, NULL);
}
