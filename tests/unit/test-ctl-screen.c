/* SPDX-License-Identifier: MIT */
/* What hostingpictl writes to a terminal fits it, and what comes from the keyboard is understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <locale.h>
#include <math.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/screen.c"
#include "agent/ctl/text.c"

static const struct style plain = {.utf8 = false}, pretty = {.colour = true, .utf8 = true};

static void test_cut(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *plain, *pretty;
	} rows[] = {
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 5, "abcd~", "abcd\033[0m…"},
		{"abc", 1, "~", "\033[0m…"},
		{"abc", 0, "", ""},
		{"\033[1mab\033[0mc", 3, "\033[1mab\033[0mc", "\033[1mab\033[0mc"},
		{"\033[1mabcd\033[0m", 3, "\033[1mab~", "\033[1mab\033[0m…"},
		{"ä日本", 5, NULL, "ä日本"},
		{"ä日本", 4, NULL, "ä日\033[0m…"},
		{"ä日本", 3, NULL, "ä\033[0m…"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int j = 0; j < 2; j++) {
			const char *wanted = j == 0 ? rows[i].plain : rows[i].pretty;
			char *text = NULL;
			size_t size;
			FILE *out = open_memstream(&text, &size);

			text_cut(out, j == 0 ? &plain : &pretty, rows[i].text, strlen(rows[i].text),
				 rows[i].columns);
			fclose(out);
			if (wanted != NULL)
				assert_string_equal(text, wanted);
			free(text);
		}
	}
}

/* Cursor keys contain letters that are keys. */
static void test_escape_sequences_are_no_keys(void **state)
{
	static const struct {
		const char *typed, *keys;
	} rows[] = {
		{"qhd ?", "qhd ?"},
		{"\033[Aq", "q"},
		{"\033[1;5Dq", "q"},
		{"\033OHd", "d"},
		{"\033qe", "e"},
		{"\033\033[Be", "e"},
		{"\033[200~x\033[201~", "x"},
		{"\t\n\x7f\xc3q", "q"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum screen_escape escape = ESCAPE_NONE;
		char keys[16] = "";
		size_t count = 0;

		for (const char *at = rows[i].typed; *at != '\0'; at++)
			if (screen_take_byte(&escape, (unsigned char)*at))
				keys[count++] = *at;
		assert_string_equal(keys, rows[i].keys);
	}
}

static void test_bars(void **state)
{
	static const struct {
		double share, mark;
		size_t width;
		const char *plain, *pretty;
	} rows[] = {
		{-1, (double)NAN, 6, "[....]", "░░░░░░"},
		{0.5, (double)NAN, 6, "[##..]", "███░░░"},
		{1e9, (double)NAN, 6, "[####]", "██████"},
		{(double)NAN, 0.5, 6, "[..|.]", "░░░┃░░"},
		{0.2, 0, 6, "[|...]", "┃░░░░░"},
		{0.2, 7, 6, "[#..|]", "█░░░░┃"},
		{1, (double)NAN, 2, "", "██"},
		{1, (double)NAN, 0, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct style utf8 = {.utf8 = true};
		const struct text_bar bar = {rows[i].share, rows[i].mark, rows[i].width};

		for (int j = 0; j < 2; j++) {
			char *text = NULL;
			size_t size;
			FILE *out = open_memstream(&text, &size);

			text_bar(out, j == 0 ? &plain : &utf8, TONE_GOOD, &bar);
			fclose(out);
			assert_string_equal(text, j == 0 ? rows[i].plain : rows[i].pretty);
			free(text);
		}
	}
}

static char *composed(const char *text, size_t columns, size_t rows)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	screen_compose(out, &plain, text, columns, rows);
	fclose(out);
	return bytes;
}

/* Line ends where there is another line only, and each line clears what stood behind it, but for one that is full. */
static void test_compose(void **state)
{
	static const struct {
		const char *text;
		size_t columns, rows;
		const char *bytes;
	} rows[] = {
		{"ab\ncd\n", 9, 3, "\033[Hab\033[K\r\ncd\033[K\r\n\033[J"},
		{"ab\ncd\n", 9, 2, "\033[Hab\033[K\r\ncd\033[K"},
		{"ab\ncd\nef\n", 50, 2,
		 "\033[Hab\033[K\r\n(2 more lines in a taller window)\033[K"},
		{"ab\ncd\n", 6, 1, "\033[H(2 mo~"},
		{"abcdef\n", 3, 1, "\033[Hab~"},
		{"abc\n", 3, 2, "\033[Habc\r\n\033[J"},
		{"", 3, 1, "\033[H\033[J"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *bytes = composed(rows[i].text, rows[i].columns, rows[i].rows);

		assert_string_equal(bytes, rows[i].bytes);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_escape_sequences_are_no_keys),
		cmocka_unit_test(test_compose),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("hostingpictl: screen", tests, NULL, NULL);
}
