/* SPDX-License-Identifier: MIT */
/* What hostingpictl shows people: the rows, and that a broken document can do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/gauges.c"
#include "agent/ctl/roster.c"
#include "agent/ctl/row.c"
#include "agent/ctl/status.c"
#include "agent/ctl/status_rows.c"
#include "agent/ctl/text.c"
#include "agent/ctl/unknown.c"
#include "agent/report.h"
#include "tests/unit/ctl-documents.h"

static const struct style plain = {.utf8 = false}, pretty = {.colour = true, .utf8 = true};

/* The text of everything that can be shown of a document, to be freed. */
static char *shown_in(const struct style *style, const cJSON *document, size_t columns)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	status_print(out, style, document, columns);
	status_print_line(out, style, document);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size); /* no NUL byte in it */
	return text;
}

static char *shown_text(const struct style *style, const char *json)
{
	cJSON *document = cJSON_Parse(json);
	char *text;

	assert_non_null(document);
	text = shown_in(style, document, 80);
	cJSON_Delete(document);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in:\n%s", part, text);
}

static void test_everything_is_shown(void **state)
{
	static const char *const rows[] = {
		"pi-attic, hostingpid 1.2\n",
		"  state         v shed: asks for less traffic\n",
		"  because       memory shrinks\n",
		" (3 min 20 s)\n",
		"  weight               42 %  [###########................]  cap 6 per balancer\n",
		"  headroom        112.0 MiB  [###.....|..................]  of 921.0 MiB\n",
		"  at work                 5  [###########................]  of 12, 28 when calm\n",
		"  time to swap         41 s\n",
		"  temperature   61.2 C, 1500 MHz, under-voltage now\n",
		"  swap          disk, 12.0 MiB of 100.0 MiB used, out 4.0 KiB/s, in 0 B/s\n",
		"  SD card       mmcblk0, writes 120.6 KiB/s, 4 ms per write, 2 write errors\n",
		"  web           12.3 requests/s, 5 busy, 3 idle, from http://[::1]/server-status?auto\n",
		"  network       in 1.2 KiB/s, out 976.0 KiB/s\n",
		"balancers ----------------------------------------------------------------------\n",
		"  lb1/pool  ::1         42 %, cap 6        every  0.5 s   0.2 s ago\n",
		"  -         192.0.2.9   42 %, cap 6                       0.4 s ago\n",
		"  agent-check   listens on [::1]:9777, 127.0.0.1:9777, not on 192.0.2.1:9777: Cannot "
		"assign requested address\n",
		"  status page   http://[::1]:9778/, port 9779 of every address, "
		"unix:/run/hostingpi/http.sock\n",
		"  MQTT          not connected to [::1]:1883, waiting before the next attempt, "
		"Connection refused\n",
		"\nnot known --",
		"  mem.psi_some_ratio  PSI is off: add psi=1 to the kernel command line\n",
		"  sd.health           the card does not tell\n",
		"  shed  weight 42  maxconn 6  headroom 112.0 MiB  swap in 41 s  61.2 C  "
		"12.3 requests/s  memory shrinks\n",
	};
	char *text = shown_text(&plain, DOCUMENT_SHED);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_has(text, rows[i]);
	/* Nothing for a terminal in what is piped. */
	for (const char *at = text; *at != '\0'; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	free(text);
	text = shown_text(&pretty, DOCUMENT_SHED);
	assert_has(text, "█");
	assert_has(text, "61.2 °C");
	assert_has(text, "\033[1;31munder-voltage now\033[0m");
	free(text);
}

static void test_health_of_the_card(void **state)
{
	char *text = shown_text(&plain, "{\"state\":{\"sd\":{\"device\":\"mmcblk0\",\"health\":"
					"\"good\",\"health_reason\":\"no bad sign\"}}}");

	(void)state;
	assert_has(text, "  SD card       mmcblk0, health good\n");
	free(text);
	text = shown_text(&pretty, "{\"state\":{\"sd\":{\"health\":\"dead\",\"health_reason\":"
				   "\"it is gone\"},\"fs\":{\"errors\":2,\"read_only\":true}}}");
	assert_has(text, "\033[1;31mhealth dead (it is gone)\033[0m");
	assert_has(text, "2 file system errors");
	assert_has(text, "file system is read-only");
	free(text);
	text = shown_text(&plain, "{\"state\":{\"sd\":{\"health\":\"failing\"}}}");
	assert_has(text, "  SD card       health failing\n");
	free(text);
}

static void test_states_in_words(void **state)
{
	char json[128], *text;

	(void)state;
	for (size_t i = 0; i < STATES; i++) {
		char row[128];

		snprintf(json, sizeof(json), "{\"decision\":{\"state\":\"%s\"}}", states[i].word);
		snprintf(row, sizeof(row), "  state         %s %s: %s\n", states[i].ascii_sign,
			 states[i].word, states[i].text);
		text = shown_text(&plain, json);
		assert_has(text, row);
		free(text);
	}
	/* The words are those of the daemon. */
	for (size_t i = 0; i < CONTROL_STATES; i++) {
		size_t j = 0;

		while (j < STATES && strcmp(states[j].word, control_state_words[i]) != 0)
			j++;
		assert_true(j < STATES);
	}
	text = shown_text(&plain, "{\"decision\":{\"state\":\"later\"},\"dry_run\":true}");
	assert_has(text, "  state         later\n");
	assert_has(text, "dry run");
	free(text);
}

/* A reason that only repeats the state takes no row; one that somebody gave does. */
static void test_plain_reasons(void **state)
{
	static const struct {
		const char *word, *reason;
		bool shown;
	} rows[] = {
		{"normal", "ok", false},
		{"hold", "operator", false},
		{"hold", "operator: card", true},
		{"shed", "memory low", true},
		{"shed", "ok", true},
		{"later", "ok", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char json[128], row[64], *text;

		snprintf(json, sizeof(json), "{\"decision\":{\"state\":\"%s\",\"reason\":\"%s\"}}",
			 rows[i].word, rows[i].reason);
		snprintf(row, sizeof(row), "  because       %s\n", rows[i].reason);
		text = shown_text(&plain, json);
		(rows[i].shown ? assert_has : assert_lacks)(text, row);
		free(text);
	}
}

static void test_without_swap(void **state)
{
	char *text = shown_text(&plain, "{\"state\":{\"swap\":{\"kind\":\"none\"}},"
					"\"decision\":{\"time_to_swap_s\":321.5}}");

	(void)state;
	assert_has(text, "  memory out     5 min 21 s\n");
	assert_has(text, "  memory runs out in 5 min 21 s\n");
	assert_lacks(text, "time to swap");
	assert_lacks(text, "swap in");
	free(text);

	text = shown_text(&plain, "{\"state\":{\"swap\":{\"kind\":\"none\"},\"unknown\":"
				  "{\"mem.time_to_swap_s\":\"headroom is not falling\"}}}");
	assert_has(text, "  memory out    headroom is not falling\n");
	assert_lacks(text, "not known --");
	free(text);
}

static void test_nothing_known(void **state)
{
	char *text = shown_text(&plain, "{}");

	(void)state;
	assert_has(text, "(without a name), hostingpid of unknown version\n");
	assert_has(text, "  weight        not known\n");
	assert_has(text, "  headroom      not known\n");
	assert_has(text, "  time to swap  not known\n");
	assert_has(text, "  temperature   not known\n");
	assert_lacks(text, "MQTT");
	free(text);

	text = shown_text(&plain, "{\"state\":{\"unknown\":{\"mem.time_to_swap_s\":"
				  "\"headroom is not falling\"}}}");
	assert_has(text, "  time to swap  headroom is not falling\n");
	assert_lacks(text, "not known --");
	free(text);
}

static void test_mqtt_rows(void **state)
{
	static const char *const rows[][2] = {
		{"{\"configured\":false}",
		 "  MQTT          no broker is configured ([mqtt] host)\n"},
		{"{\"connected\":true,\"broker\":\"b:1\",\"last_error\":\"old\"}",
		 "  MQTT          connected to b:1\n"},
		{"{\"connected\":true,\"waiting\":3,\"samples_waiting\":2,"
		 "\"events_waiting\":1,\"events_dropped\":1}",
		 "  MQTT          connected to the broker, 2 samples waiting, 1 events waiting, "
		 "1 events lost\n"},
		{"{\"connected\":true,\"samples_thinned\":4,\"too_large\":5,\"refused\":6}",
		 "  MQTT          connected to the broker, 4 samples thinned out, 5 messages too "
		 "large for the broker, 6 messages refused by the broker\n"},
		{"5", "  MQTT          not connected to the broker\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char json[256], *text;

		snprintf(json, sizeof(json), "{\"notifiers\":{\"mqtt\":%s}}", rows[i][0]);
		text = shown_text(&plain, json);
		assert_has(text, rows[i][1]);
		free(text);
	}
}

/* A web server, a broker or a balancer may have had a hand in any text. */
static void test_terminal_is_not_steered(void **state)
{
	static const char *const evil[] = {
		"\\u001b[2J", "\\u001b]0;x\\u0007", "\\u009b2J", "\\r\\b\\n", "\\u202e",
		"\\u007f",    "\xff\xfe",	    "\xc3",	 "\\u2028",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		const struct style utf8 = {.utf8 = true};
		char json[512], *text;

		snprintf(json, sizeof(json),
			 "{\"id\":\"<%s>\",\"decision\":{\"state\":\"<%s>\",\"reason\":\"<%s>\"},"
			 "\"state\":{\"unknown\":{\"<%s>\":\"<%s>\"}}}",
			 evil[i], evil[i], evil[i], evil[i], evil[i]);
		for (int style = 0; style < 2; style++) {
			text = shown_text(style == 0 ? &plain : &utf8, json);
			assert_has(text, "<?");
			for (const char *at = text; *at != '\0'; at++)
				assert_true(*at == '\n' || (unsigned char)*at >= ' ');
			assert_lacks(text, "\x7f");
			assert_lacks(text, "\xc2\x9b");
			assert_lacks(text, "\xe2\x80\xae");
			assert_lacks(text, "\xff");
			free(text);
		}
	}
	/* But what people write stays as it is. */
	char *text = shown_text(&pretty, "{\"id\":\"K\xc3\xbc"
					 "che\"}");
	assert_has(text, "K\xc3\xbc"
			 "che");
	free(text);
}

/* Puts each of the replacements in the place of each member, at every depth. */
static int mutate(cJSON *document, cJSON *container)
{
	static const char *const replacements[] = {
		"null",	 "true",    "-1", "1e300", "-1e300", "1e999",	     "\"\"",
		"\"1\"", "[1,[2]]", "{}", "[{}]",  "[null]", "{\"a\":\"\"}", "9007199254740993",
	};
	int count = 0;

	for (int i = 0; i < cJSON_GetArraySize(container); i++) {
		for (size_t j = 0; j < sizeof(replacements) / sizeof(replacements[0]); j++) {
			cJSON *item = cJSON_GetArrayItem(container, i);
			cJSON *other = cJSON_Parse(replacements[j]);

			assert_non_null(other);
			if (item->string != NULL)
				other->string = strdup(item->string);
			/* By hand, so that the original comes back as it was. */
			cJSON saved = *item;
			item->child = other->child;
			item->type = other->type;
			item->valuestring = other->valuestring;
			item->valueint = other->valueint;
			item->valuedouble = other->valuedouble;
			free(shown_in(&pretty, document, 80));
			free(shown_in(&plain, document, 80));
			*item = saved;
			cJSON_Delete(other);
			count++;
		}
		count += mutate(document, cJSON_GetArrayItem(container, i));
	}
	return count;
}

static void test_any_member_may_be_wrong(void **state)
{
	cJSON *document = cJSON_Parse(DOCUMENT_SHED);

	(void)state;
	assert_non_null(document);
	assert_true(mutate(document, document) > 1000);
	cJSON_Delete(document);
}

static void test_numbers(void **state)
{
	static const struct {
		double value;
		const char *bytes, *duration;
	} rows[] = {
		{0, "0 B", "0 s"},
		{-1, "-1 B", "0 s"},
		{59.9, "60 B", "59 s"},
		{60, "60 B", "1 min 0 s"},
		{1023, "1023 B", "17 min 3 s"},
		{1024, "1.0 KiB", "17 min 4 s"},
		{-1572864, "-1.5 MiB", "0 s"},
		{86399, "84.4 KiB", "23 h 59 min"},
		{90000, "87.9 KiB", "1 d 1 h"},
		{8e9, "7.5 GiB", "37037 d 0 h"},
		{1e300, "9.09e+287 TiB", "37037 d 0 h"},
	};
	char text[TEXT_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(text_bytes(text, rows[i].value), rows[i].bytes);
		assert_string_equal(text_duration(text, rows[i].value), rows[i].duration);
	}
}

/* A window cuts what has no room; a pipe has no edge. */
static void test_a_pipe_cuts_nothing(void **state)
{
	cJSON *document = cJSON_Parse(
		"{\"decision\":{\"capacity\":1012,\"nominal\":2028,\"headroom_bytes\":1e8},"
		"\"state\":{\"web\":{\"busy_workers\":506},\"mem\":{\"total_bytes\":1e9,"
		"\"reserve_bytes\":3e8}}}");
	char *text = shown_in(&plain, document, 80);

	(void)state;
	assert_lacks(text, "of 1012, 2028 when calm");
	free(text);
	text = shown_in(&plain, document, 0);
	assert_has(text, "  of 1012, 2028 when calm\n");
	assert_has(text, "  of 953.7 MiB, reserve 286.1 MiB\n");
	free(text);
	cJSON_Delete(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_shown),
		cmocka_unit_test(test_health_of_the_card),
		cmocka_unit_test(test_states_in_words),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_plain_reasons),
		cmocka_unit_test(test_without_swap),
		cmocka_unit_test(test_mqtt_rows),
		cmocka_unit_test(test_terminal_is_not_steered),
		cmocka_unit_test(test_any_member_may_be_wrong),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_a_pipe_cuts_nothing),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("hostingpictl: status", tests, NULL, NULL);
}
