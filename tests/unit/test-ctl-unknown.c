/* SPDX-License-Identifier: MIT */
/* hostingpictl's list of what is not known: one line for each reason, whatever the names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/row.c"
#include "agent/ctl/text.c"
#include "agent/ctl/unknown.c"

/* The list of a status document, to be freed. */
static char *shown_text(const char *json)
{
	const struct style plain = {.utf8 = false};
	struct row row = {.style = &plain, .document = cJSON_Parse(json)};
	char *text = NULL;
	size_t size;

	assert_non_null(row.document);
	row.out = open_memstream(&text, &size);
	unknown_print(&row);
	assert_int_equal(fclose(row.out), 0);
	cJSON_Delete((cJSON *)row.document);
	return text;
}

static void test_nothing_is_shown_of_nothing(void **state)
{
	static const char *const documents[] = {
		"{}",
		"{\"state\":5}",
		"{\"state\":{\"unknown\":{}}}",
		"{\"state\":{\"unknown\":[\"a\"]}}",
		"{\"state\":{\"unknown\":{\"mem.time_to_swap_s\":\"headroom is not falling\"}}}",
		"{\"state\":{\"unknown\":{\"fs.a\":\"not applicable: no NFS\"}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		char *text = shown_text(documents[i]);

		assert_string_equal(text, "");
		free(text);
	}
}

static void test_a_reason_is_shown_once(void **state)
{
	static const char *const rows[][2] = {
		/* Not side by side, and among others. */
		{"\"web.a\":\"no page\",\"soc.c\":\"no chip\",\"web.b\":\"no page\",\"x.d\":5",
		 "  web.* (2)  no page\n"
		 "  soc.c      no chip\n"
		 "  x.d        (no reason was given)\n"},
		/* One group, two reasons. */
		{"\"web.a\":\"p\",\"web.b\":\"q\",\"web.c\":\"p\"", "  web.* (2)  p\n"
								    "  web.b      q\n"},
		{"\"sd.a\":\"r\",\"net.b\":\"r\",\"sd.c\":\"r\"", "  sd.* (2), net.b  r\n"},
		/* What begins alike is not one group. */
		{"\"web.a\":\"r\",\"we.b\":\"r\",\"web\":\"r\"", "  web.* (2), we.b  r\n"},
		/* What does not fit is counted. */
		{"\"sd.write_bytes_s\":\"r\",\"swap.in_bytes_s\":\"r\",\"net.rx\":\"r\","
		 "\"net.tx\":\"r\"",
		 "  sd.write_bytes_s, 3 more  r\n"},
		{"\"sd.a\":\"r\",\"mem.time_to_swap_s\":\"r\"", "  sd.a  r\n"},
		/* What this machine cannot have is passed over. */
		{"\"fs.a\":\"not applicable: r\",\"sd.a\":\"r\",\"fs.b\":\"not applicable\"",
		 "  sd.a  r\n"
		 "  fs.b  not applicable\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char json[256], list[160], *text;

		snprintf(json, sizeof(json), "{\"state\":{\"unknown\":{%s}}}", rows[i][0]);
		snprintf(list, sizeof(list), "\nnot known\n%s", rows[i][1]);
		text = shown_text(json);
		assert_string_equal(text, list);
		free(text);
	}
}

/* Names without end: each is cut, and that is marked. */
static void test_long_names(void **state)
{
	char json[2048], name[400], *text;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(
		json, sizeof(json),
		"{\"state\":{\"unknown\":{\"%s\":\"r\",\"a.b\":\"r\",\"%s.y\":\"s\",\"%s.z\":\"s\"}}}",
		name, name, name);
	text = shown_text(json);
	name[60] = '\0';
	snprintf(json, sizeof(json), "\nnot known\n  %s..., 1 more  r\n  %s...  s\n", name, name);
	assert_string_equal(text, json);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_shown_of_nothing),
		cmocka_unit_test(test_a_reason_is_shown_once),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("hostingpictl: unknown", tests, NULL, NULL);
}
