/* SPDX-License-Identifier: MIT */
/* Lengths by the rules of X and Mastodon, and texts cut down to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notifiers/post/text.h"

#define FAMILY "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466"
#define ELLIPSIS "\u2026"

static size_t length_of(const struct text_rules *rules, const char *text)
{
	size_t length;
	assert_int_equal(text_length(rules, text, &length), 0);
	return length;
}

/* What twitter-text's configuration 3 says of each; Mastodon counts what people see. */
static void test_lengths(void **state)
{
	static const struct {
		const char *text;
		size_t x, mastodon;
	} rows[] = {
		{"", 0, 0},
		{"hostingpi3: 61.2 C", 18, 18},
		{"caf\u00e9", 4, 4},
		{"cafe\u0301", 4, 4}, /* the same, before normalisation */
		{"\u65e5\u672c\u8a9e", 6, 3},
		{"\u1100", 2, 1}, /* the first one that counts double */
		{"\u10ff", 1, 1}, /* the last one that does not */
		{"\u2019", 1, 1}, /* typographic quotes count single, */
		{"\u2026", 2, 1}, /* the ellipsis does not */
		{"\U0001F680", 2, 1},
		{FAMILY, 2, 1},			/* seven code points, one picture */
		{"\U0001F1E9\U0001F1EA", 2, 1}, /* a flag */
		{"\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7", 4, 2}, /* two of them */
		{"1\uFE0F\u20E3", 2, 1},
		{"https://example.com/a/very/long/path?and=more#there", 23, 23},
		{"see https://example.com/x.", 28, 28},
		{"(http://e.com)", 25, 25},
		{"https:// nothing", 16, 16},
		{"xhttps://e.com", 32, 14}, /* no address for Mastodon; X sees the domain in it */
		{"pi3.example.org: up", 27, 19},
		{"end.Next", 23, 8}, /* the larger of both readings */
		{"192.0.2.1 v0.1 a.b 61.2", 23, 23},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t x = length_of(&text_rules_x, rows[i].text);
		size_t mastodon = length_of(&text_rules_mastodon, rows[i].text);
		if (x != rows[i].x || mastodon != rows[i].mastodon)
			fail_msg("\"%s\": %zu and %zu", rows[i].text, x, mastodon);
	}
}

static void test_not_utf8(void **state)
{
	static const char *const texts[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80",
					    "\xf4\x90\x80\x80"};
	char out[64] = "before";
	size_t length = 7;
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(text_length(&text_rules_x, texts[i], &length), -EILSEQ);
		assert_int_equal(text_fit(&text_rules_x, texts[i], out, sizeof(out)), -EILSEQ);
	}
	assert_int_equal(length, 7);
	assert_string_equal(out, "before");
}

static void test_fits(void **state)
{
	char text[281], out[300];
	(void)state;

	memset(text, 'x', 280);
	text[280] = '\0';
	assert_int_equal(text_fit(&text_rules_x, text, out, sizeof(out)), 0);
	assert_string_equal(out, text);
	assert_int_equal(text_fit(&text_rules_x, text, out, 280), -ENOSPC);
	assert_int_equal(text_fit(&text_rules_x, "", out, 1), 0);
	assert_string_equal(out, "");
	assert_int_equal(text_fit(&text_rules_x, "cafe\u0301", out, sizeof(out)), 0);
	assert_string_equal(out, "caf\u00e9");
}

static void test_cut_after_a_word(void **state)
{
	char text[400] = "", out[400];
	(void)state;

	while (strlen(text) < 300)
		strcat(text, "nine char ");
	assert_int_equal(text_fit(&text_rules_x, text, out, sizeof(out)), TEXT_CUT);
	/* 278 places are left beside the ellipsis, which counts 2: 27 times ten, "nine". */
	assert_int_equal(strlen(out), 274 + strlen(ELLIPSIS));
	assert_string_equal(out + 270, "nine" ELLIPSIS);
	assert_int_equal(length_of(&text_rules_x, out), 276);
}

static void test_cut_within_a_long_word(void **state)
{
	char text[1024], out[1024];
	(void)state;

	memset(text, 'x', 900);
	memcpy(text, "so ", 3);
	text[900] = '\0';
	assert_int_equal(text_fit(&text_rules_x, text, out, sizeof(out)), TEXT_CUT);
	assert_int_equal(length_of(&text_rules_x, out), 280);
}

static void test_cut_before_a_long_address(void **state)
{
	char text[1024] = "", out[1024];
	(void)state;

	while (strlen(text) < 260)
		strcat(text, "a word, ");
	strcat(text, "https://example.com/which-would-be-cut-in-the-middle-otherwise/");
	assert_int_equal(text_fit(&text_rules_x, text, out, sizeof(out)), TEXT_CUT);
	assert_null(strstr(out, "http"));
}

/* "https://" is no address, but with the ellipsis behind it, it would be one. */
static void test_cut_behind_a_scheme(void **state)
{
	char text[1024] = "", out[1024];
	(void)state;

	memset(text, 'x', 269);
	strcat(text, " https:// and more words that do not fit");
	assert_int_equal(text_fit(&text_rules_x, text, out, sizeof(out)), TEXT_CUT);
	assert_in_range(length_of(&text_rules_x, out), 1, 280);
}

/* Whatever is thrown at it: valid, within the limit, a beginning of the input, cut between clusters. */
static void test_random_texts(void **state)
{
	static const char *const parts[] = {
		"word ", "x",	  FAMILY,	   "\u65e5", "e\u0301",
		" ",	 "pi.io", "https://a.b/c", "\n",     "\U0001F1E9\U0001F1EA"};
	unsigned seed = (unsigned)time(NULL);
	(void)state;

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 500; i++) {
		char text[8192] = "", out[8192];
		int pieces = (int)(random() % 300), result;

		for (int k = 0; k < pieces; k++)
			strcat(text, parts[(size_t)random() % (sizeof(parts) / sizeof(*parts))]);
		result = text_fit(&text_rules_x, text, out, sizeof(out));
		assert_in_range(result, 0, TEXT_CUT);
		assert_in_range(length_of(&text_rules_x, out), 0, 280);
		assert_int_equal(result == TEXT_CUT, length_of(&text_rules_x, text) > 280);
		if (result == TEXT_CUT)
			assert_string_equal(out + strlen(out) - strlen(ELLIPSIS), ELLIPSIS);
		/* A family or a flag is there as a whole or not at all. */
		for (const char *c = out; (c = strstr(c, "\U0001F468")); c++)
			assert_memory_equal(c, FAMILY, strlen(FAMILY));
		for (const char *c = out; (c = strstr(c, "\U0001F1E9")); c++)
			assert_memory_equal(c, "\U0001F1E9\U0001F1EA", 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_cut_after_a_word),
		cmocka_unit_test(test_cut_within_a_long_word),
		cmocka_unit_test(test_cut_before_a_long_address),
		cmocka_unit_test(test_cut_behind_a_scheme),
		cmocka_unit_test(test_random_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
