/* SPDX-License-Identifier: MIT */
/* The lines about balancers: who is silent, what each of them hears, and names whole where nothing has an edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <locale.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/roster.c"
#include "agent/ctl/row.c"
#include "agent/ctl/text.c"

static const char long_name[] = "balancer-with-a-name-of-its-own/pool-of-the-attic";

/* The lines for these balancers and these other members of the document; whole: for a pipe. To be freed. */
static char *lines(const char *balancers, const char *more, bool whole)
{
	static const struct style plain = {.utf8 = false};
	char json[8192], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	snprintf(json, sizeof(json), "{\"balancers\":[%s]%s}", balancers, more);
	cJSON *document = cJSON_Parse(json);
	struct row row = {.out = out,
			  .style = &plain,
			  .document = document,
			  .columns = whole ? 120 : 80,
			  .whole = whole};

	assert_non_null(document);
	roster_print(&row);
	assert_int_equal(fclose(out), 0);
	cJSON_Delete(document);
	return text;
}

static void expect(const char *balancers, const char *more, const char *part)
{
	char *text = lines(balancers, more, false);

	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
	free(text);
}

/* Three of its intervals and a second. */
static void test_silence(void **state)
{
	(void)state;
	expect("{\"name\":\"lb1\",\"seen_s\":7,\"interval_ms\":2000}", "", "  7.0 s ago\n");
	expect("{\"name\":\"lb1\",\"seen_s\":7.1,\"interval_ms\":2000}", "", "  silent for 7 s\n");
	expect("{\"name\":\"lb1\",\"seen_s\":0.9,\"interval_ms\":100}", "", "  0.9 s ago\n");
	/* Without a rhythm nobody is late. */
	expect("{\"name\":\"lb1\",\"seen_s\":99,\"interval_ms\":0}", "", "  99.0 s ago\n");
	expect("{\"name\":\"lb1\",\"seen_s\":99}", "", "  99.0 s ago\n");
}

static void test_what_it_hears(void **state)
{
	static const char fresh[] = "{\"name\":\"lb1\"}";
	static const char drained[] = "{\"name\":\"lb1\",\"told\":\"drain\"}";

	(void)state;
	expect(fresh, ",\"decision\":{\"weight\":42,\"maxconn\":6}", "  lb1  -   42 %, cap 6 ");
	expect(fresh, ",\"decision\":{\"weight\":42}", "  lb1  -   42 % ");
	expect(fresh, "", "  lb1  -  - ");
	expect(fresh, ",\"decision\":{\"weight\":42,\"drain\":true}", "  not yet: drain ");
	expect(drained, ",\"decision\":{\"weight\":42,\"drain\":true}", "  -  drain ");
	expect(drained, ",\"decision\":{\"weight\":42}", "  not yet: ready ");
	expect(drained, ",\"dry_run\":true,\"decision\":{\"drain\":true}", "  nothing: dry run ");
}

static void test_who_is_one(void **state)
{
	char many[4096] = "", *text;

	(void)state;
	expect("", "", "  none has asked lately\n");
	expect("{\"seen_s\":1},5,\"x\"", "", "  none has asked lately\n");
	expect("{\"address\":\"::1\"}", "", "  -  ::1  ");
	for (int i = 0; i < ROSTER_MOST + 1; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
			 "%s{\"name\":\"lb%02d\"}", i ? "," : "", i);
	text = lines(many, "", false);
	assert_non_null(strstr(text, "  lb31  "));
	assert_null(strstr(text, "  lb32  "));
	free(text);
}

static void test_long_names(void **state)
{
	char one[128], *text;

	(void)state;
	snprintf(one, sizeof(one), "{\"name\":\"%s\"}", long_name);
	text = lines(one, "", false);
	assert_null(strstr(text, long_name));
	assert_non_null(strstr(text, "  balancer-with-a-name"));
	for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
		assert_in_range(end - at, 1, 80);
	free(text);
	text = lines(one, "", true);
	assert_non_null(strstr(text, long_name));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_what_it_hears),
		cmocka_unit_test(test_who_is_one),
		cmocka_unit_test(test_long_names),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
