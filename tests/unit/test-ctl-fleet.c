/* SPDX-License-Identifier: MIT */
/* `hostingpictl watch --mqtt`: messages in, rows out; and messages that nobody of us has written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/text.c"
#include "agent/env.h"
#include "notifiers/ctl_fleet.h"
#include "notifiers/ctl_fleet_show.h"

#define S NS_PER_S
#define STATE                                                                                      \
	"{\"ts\":1000000,\"seq\":5,\"interval_ms\":1000,\"mem\":{\"headroom_bytes\":536870912,"    \
	"\"time_to_swap_s\":200.5},\"soc\":{\"temp_c\":61.234},\"web\":{\"requests_s\":12.5},"     \
	"\"sd\":{\"health\":\"good\"}}"
#define WEIGHT "{\"weight\":60,\"maxconn\":8,\"state\":\"shed\",\"reason\":\"memory\"}"
#define EVENT(ts)                                                                                  \
	"{\"ts\":" ts ",\"id\":1,\"kind\":\"sd-stall\",\"severity\":\"warning\","                  \
	"\"text\":\"a write took 12 s and so on and on and on\"}"

static struct ctl_fleet fleet;
static struct fleet_pi *order[FLEET_PIS];

static int set_up(void **state)
{
	(void)state;
	memset(&fleet, 0, sizeof(fleet));
	fleet.prefix = "hostingpi";
	return 0;
}

static void take(const char *topic, const char *data, int64_t now_ns)
{
	fleet_take(&fleet, topic, data, strlen(data), false, now_ns);
}

static void take_kept(const char *topic, const char *data)
{
	fleet_take(&fleet, topic, data, strlen(data), true, S);
}

/* The table at this time, to be freed. */
static char *table(int64_t now_ns, size_t columns, bool colour)
{
	const struct style style = {.colour = colour};
	char *text = NULL;
	size_t size, count;
	FILE *out = open_memstream(&text, &size);

	fleet_look(&fleet, now_ns);
	count = fleet_order(&fleet, order);
	fleet_print_table(out, &style, order, count, now_ns, columns);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void expect_table(int64_t now_ns, size_t columns, const char *expected)
{
	char *text = table(now_ns, columns, false);

	assert_string_equal(text, expected);
	free(text);
}

static void expect_json(size_t index, int64_t now_ns, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fleet_look(&fleet, now_ns);
	fleet_print_json(out, &fleet.pis[index], now_ns);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void expect_order(int64_t now_ns, const char *expected)
{
	char all[256] = "";

	fleet_look(&fleet, now_ns);
	for (size_t i = 0, count = fleet_order(&fleet, order); i < count; i++) {
		strcat(all, i > 0 ? " " : "");
		strcat(all, order[i]->id);
	}
	assert_string_equal(all, expected);
}

static void test_a_row(void **state)
{
	(void)state;
	take_kept("hostingpi/pi-1/availability", "online");
	take_kept("hostingpi/pi-1/weight", WEIGHT);
	expect_table(
		S, 120,
		"ID    LINK    STATE    WGHT  CONN  HEADRM  SWAP  TEMP  REQ/S  SD  LAST EVENT\n"
		"pi-1  online  shed      60%     8       -     -     -      -  -   -\n");
	take("hostingpi/pi-1/state", STATE, 100 * S);
	take("hostingpi/pi-1/event", EVENT("820000"), 101 * S); /* 180 s before that sample */
	expect_table(
		102 * S, 120,
		"ID    LINK    STATE    WGHT  CONN  HEADRM  SWAP  TEMP  REQ/S  SD    LAST EVENT\n"
		"pi-1  online  shed      60%     8    512M    3m   61C   12.5  good  3m a write took "
		"12 s and so on and on and on\n");
	expect_json(
		0, 102 * S,
		"{\"id\":\"pi-1\",\"presence\":\"online\",\"state\":\"shed\",\"reason\":\"memory\","
		"\"weight\":60,\"maxconn\":8,\"headroom_bytes\":536870912,\"time_to_swap_s\":200.5,"
		"\"temp_c\":61.234,\"requests_s\":12.5,\"sd_health\":\"good\",\"age_ms\":2000,"
		"\"event\":{\"kind\":\"sd-stall\",\"severity\":\"warning\",\"text\":\"a write took "
		"12 s and so on and on and on\",\"age_ms\":182000}}\n");
	/* What a later sample does not have is not known any more. */
	take("hostingpi/pi-1/state", "{\"interval_ms\":1000}", 103 * S);
	assert_false(fleet.pis[0].known[FLEET_HEADROOM]);
	assert_string_equal(fleet.pis[0].sd_health, "");
	assert_int_equal(fleet.ignored, 0);
}

/* Columns go, and what the last word on presence was comes where it still can be seen. */
static void test_widths(void **state)
{
	static const size_t widths[] = {200, 120, 100, 80, 72, 60, 40, 24};

	(void)state;
	take("hostingpi/pi-0123456789ab/weight", WEIGHT, S);
	take("hostingpi/pi-0123456789ab/state", STATE, S);
	take("hostingpi/pi-0123456789ab/event", EVENT("1000000"), S);
	take("hostingpi/gone/availability", "offline", S);
	take("hostingpi/gone/weight", "{\"state\":\"normal\"}", S);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		char *text = table(S, widths[i], false);

		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= widths[i]);
		assert_non_null(strstr(text, "offline"));
		assert_non_null(strstr(text, "shed"));
		free(text);
	}
	expect_table(
		S, 80,
		"ID               STATE    WGHT  HEADRM  SWAP  TEMP  REQ/S  SD    LAST EVENT\n"
		"gone             offline     -       -     -     -      -  -     -\n"
		"pi-0123456789ab  shed      60%    512M    3m   61C   12.5  good  0s sd-stall\n");
}

static void test_presence(void **state)
{
	(void)state;
	take("hostingpi/a/availability", "online", S);
	take("hostingpi/b/availability", "offline", S);
	take("hostingpi/c/state", STATE, 10 * S);
	expect_order(10 * S, "b a c");
	assert_int_equal(fleet.pis[0].presence, FLEET_ONLINE);
	/* No sample ever came. */
	expect_order(12 * S, "b a c");
	assert_int_equal(fleet.pis[0].presence, FLEET_STALE);
	assert_int_equal(fleet.pis[2].presence, FLEET_ONLINE);
	/* Three intervals and a margin are over, and this one is told. */
	fleet.pis[2].changed = false;
	fleet_look(&fleet, 15 * S);
	assert_false(fleet.pis[2].changed);
	fleet_look(&fleet, 15 * S + 1);
	assert_true(fleet.pis[2].changed);
	assert_int_equal(fleet.pis[2].presence, FLEET_STALE);
	take("hostingpi/c/state", STATE, 16 * S);
	fleet_look(&fleet, 16 * S);
	assert_int_equal(fleet.pis[2].presence, FLEET_ONLINE);
	take("hostingpi/c/availability", "offline", 16 * S);
	fleet_look(&fleet, 16 * S);
	assert_int_equal(fleet.pis[2].presence, FLEET_OFFLINE);
	/* Forgotten: the row goes. */
	take("hostingpi/b/availability", "", 17 * S);
	expect_order(17 * S, "c a");
	take("hostingpi/b/availability", "", 17 * S);
	assert_int_equal(fleet.count, 2);
}

static void test_trouble_comes_first(void **state)
{
	static const char *const words[] = {"normal", "recover", "shed", "hold", "blind", "hard"};
	char topic[64], data[64];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(topic, sizeof(topic), "hostingpi/%s/weight", words[i]);
		snprintf(data, sizeof(data), "{\"state\":\"%s\"}", words[i]);
		take(topic, data, S);
	}
	take("hostingpi/x-10/state", "{}", S);
	take("hostingpi/x-9/state", "{}", S);
	take("hostingpi/dying/state", "{\"sd\":{\"health\":\"failing\"}}", S);
	take("hostingpi/worn/state", "{\"sd\":{\"health\":\"worn\"}}", S);
	take("hostingpi/away/availability", "offline", S);
	expect_order(S, "away hard blind dying hold shed recover worn normal x-9 x-10");
}

/* Words say everything; with colours nothing but colours is added. */
static void test_colours(void **state)
{
	char *coloured, *plain, *target;

	(void)state;
	take("hostingpi/a/weight", WEIGHT, S);
	take("hostingpi/a/state", STATE, S);
	take("hostingpi/b/availability", "offline", S);
	plain = table(S, 100, false);
	coloured = target = table(S, 100, true);
	assert_non_null(strstr(coloured, "\033["));
	for (const char *c = coloured; *c; c++) {
		if (*c == '\033')
			c += strcspn(c, "m");
		else
			*target++ = *c;
	}
	*target = '\0';
	assert_string_equal(coloured, plain);
	free(coloured);
	free(plain);
}

static void test_topics_that_are_not_ours(void **state)
{
	static const char *const topics[] = {
		"",
		"/",
		"hostingpi",
		"hostingpi/",
		"hostingpi//state",
		"hostingpi/a",
		"hostingpi/a/",
		"hostingpi/a/b/state",
		"hostingpi/a/history",
		"hostingpi/a/states",
		"hostingpix/a/state",
		"x/hostingpi/a/state",
		"hostingpi/a b/state",
		"hostingpi/\033[2J/state",
		"hostingpi/\xc3\xbc/state",
		"hostingpi/+/state",
		"hostingpi/0123456789012345678901234567890123456789012345678901234567890123/state",
	};
	size_t count = sizeof(topics) / sizeof(topics[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		take(topics[i], "{}", S);
	assert_int_equal(fleet.count, 0);
	assert_int_equal(fleet.ignored, count);
}

static void test_payloads_that_are_not_ours(void **state)
{
	static const char *const payloads[] = {"x", "[]", "5", "null", "{", "{\"weight\":", "\xff"};
	size_t count = sizeof(payloads) / sizeof(payloads[0]);
	char *huge = calloc(1, FLEET_PAYLOAD_MOST + 2);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		take("hostingpi/a/state", payloads[i], S);
		take("hostingpi/a/weight", payloads[i], S);
		take("hostingpi/a/event", payloads[i], S);
		take("hostingpi/a/availability", payloads[i], S);
	}
	memset(huge, ' ', FLEET_PAYLOAD_MOST + 1);
	take("hostingpi/a/state", huge, S);
	memset(huge, '[', FLEET_PAYLOAD_MOST);
	huge[FLEET_PAYLOAD_MOST] = '\0';
	take("hostingpi/a/state", huge, S);
	free(huge);
	/* News that were kept are old. */
	take_kept("hostingpi/a/state", STATE);
	take_kept("hostingpi/a/event", EVENT("5"));
	assert_int_equal(fleet.count, 0);
	assert_int_equal(fleet.ignored, 4 * count + 4);
}

static void test_values_that_are_none(void **state)
{
	static const char *const numbers[] = {"-1",   "1e300", "-1e300", "\"5\"",
					      "true", "null",  "[1]"};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char data[256];

		snprintf(data, sizeof(data), "{\"weight\":%s,\"maxconn\":%s,\"state\":5}",
			 numbers[i], numbers[i]);
		take("hostingpi/a/weight", data, S);
		snprintf(data, sizeof(data),
			 "{\"ts\":%s,\"interval_ms\":%s,\"mem\":{\"time_to_swap_s\":%s},"
			 "\"web\":{\"requests_s\":%s},\"soc\":[],\"sd\":{\"health\":{}}}",
			 numbers[i], numbers[i], numbers[i], numbers[i]);
		take("hostingpi/a/state", data, S);
		snprintf(data, sizeof(data), "{\"ts\":%s,\"kind\":7,\"text\":[]}", numbers[i]);
		take("hostingpi/a/event", data, S);
		expect_table(
			S, 80,
			"ID  LINK    STATE    WGHT  CONN  HEADRM  SWAP  TEMP  REQ/S  SD  LAST "
			"EVENT\n"
			"a   online  -           -     -       -     -     -      -  -   0s -\n");
	}
	/* Headroom may be negative: the reserve of the kernel is in use. */
	take("hostingpi/a/state", "{\"mem\":{\"headroom_bytes\":-12582912}}", S);
	assert_int_equal(fleet.pis[0].readings[FLEET_HEADROOM], -12582912);
}

/* Nothing that is sent can steer a terminal or break the JSON. */
static void test_hostile_texts(void **state)
{
	char *text;

	(void)state;
	take("hostingpi/a/weight",
	     "{\"state\":\"\\u001b[31mhard\\r\\n\",\"reason\":\"\\u009b2J\\u202e\xc3\xbc\"}", S);
	take("hostingpi/a/event",
	     "{\"kind\":\"012345678901234567890123456789\",\"text\":\"a\\u0000b\\u0007\\t\\\"\"}",
	     S);
	assert_string_equal(fleet.pis[0].state, "?[31mhard??");
	assert_string_equal(fleet.pis[0].reason, "?2J??");
	assert_string_equal(fleet.pis[0].event_kind, "0123456789012345678901~");
	text = table(S, 200, false);
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	free(text);
}

static void test_more_than_a_thousand(void **state)
{
	char topic[64], *text;

	(void)state;
	for (int i = 0; i < FLEET_PIS + 5; i++) {
		snprintf(topic, sizeof(topic), "hostingpi/pi-%d/state", i);
		take(topic, "{}", S);
	}
	assert_int_equal(fleet.count, FLEET_PIS);
	assert_int_equal(fleet.crowded, 5);
	take("hostingpi/pi-7/weight", WEIGHT, S);
	text = table(S, 80, false);
	assert_non_null(strstr(text, "\npi-7 "));
	assert_true(strstr(text, "pi-1023 ") > strstr(text, "pi-999 "));
	free(text);
	/* One that goes makes room. */
	take("hostingpi/pi-0/availability", "", S);
	take("hostingpi/late/state", "{}", S);
	assert_int_equal(fleet.crowded, 5);
	assert_int_equal(fleet.count, FLEET_PIS);
}

/* Clocks that go wrong, and events that waited: an age is never negative, nor out of bounds. */
static void test_ages_of_events(void **state)
{
	static const struct {
		const char *ts;
		int64_t age_s;
	} ages[] = {{"999000", 6},  {"0", 0},	    {"-5", 0},
		    {"2000000", 0}, {"1e300", 0},   {"\"a\"", 0},
		    {"1005000", 0}, {"995000", 10}, {"9007199254740993", 0}};

	(void)state;
	take("hostingpi/a/state", STATE, 100 * S);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		char data[64];

		snprintf(data, sizeof(data), "{\"ts\":%s}", ages[i].ts);
		take("hostingpi/a/event", data, 105 * S);
		assert_int_equal(fleet.pis[0].event_ns, (105 - ages[i].age_s) * S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_row, set_up),
		cmocka_unit_test_setup(test_widths, set_up),
		cmocka_unit_test_setup(test_presence, set_up),
		cmocka_unit_test_setup(test_trouble_comes_first, set_up),
		cmocka_unit_test_setup(test_colours, set_up),
		cmocka_unit_test_setup(test_topics_that_are_not_ours, set_up),
		cmocka_unit_test_setup(test_payloads_that_are_not_ours, set_up),
		cmocka_unit_test_setup(test_values_that_are_none, set_up),
		cmocka_unit_test_setup(test_hostile_texts, set_up),
		cmocka_unit_test_setup(test_more_than_a_thousand, set_up),
		cmocka_unit_test_setup(test_ages_of_events, set_up),
	};

	return cmocka_run_group_tests_name("ctl-fleet", tests, NULL, NULL);
}
