/* SPDX-License-Identifier: MIT */
/* The last events over two lives of the agent, and every way in which the text between them can be broken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/diary_image.h"
#include "agent/keep.h"

static struct diary diary, next;
static char text[DIARY_IMAGE_SIZE];

static int setup(void **state)
{
	(void)state;
	memset(&diary, 0, sizeof(diary));
	memset(&next, 0, sizeof(next));
	return 0;
}

static void put(uint64_t id, const char *sentence)
{
	struct event event = {.id = id, .ts_ms = 1795255000000, .kind = "sd-health"};

	event.severity = (enum severity)(id % 3);
	text_copy(event.text, sizeof(event.text), sentence);
	for (uint64_t i = 0; i < id % (EVENT_VALUES + 1); i++)
		event_put(&event, i % 2 ? "weight" : "headroom_bytes",
			  i % 2 ? -INT64_MAX : (int64_t)id);
	diary_put(&diary, &event);
}

static void assert_same(const struct event *event, const struct event *other)
{
	assert_int_equal(event->id, other->id);
	assert_int_equal(event->ts_ms, other->ts_ms);
	assert_int_equal(event->severity, other->severity);
	assert_string_equal(event->kind, other->kind);
	assert_string_equal(event->text, other->text);
	for (size_t i = 0; i < EVENT_VALUES; i++) {
		assert_int_equal(!event->values[i].name, !other->values[i].name);
		if (!event->values[i].name)
			continue;
		assert_string_equal(event->values[i].name, other->values[i].name);
		assert_int_equal(event->values[i].value, other->values[i].value);
	}
}

static void test_another_life(void **state)
{
	(void)state;
	for (uint64_t count = 0; count <= 2 * DIARY_EVENTS; count++) {
		size_t length = diary_format(&diary, "boot-1", text);

		assert_int_equal(length, strlen(text));
		memset(&next, 0, sizeof(next));
		assert_int_equal(diary_parse(&next, "boot-1", text), 0);
		assert_int_equal(next.count, diary.count);
		for (size_t ago = 0; ago < diary.count; ago++)
			assert_same(diary_get(&next, ago), diary_get(&diary, ago));
		put(count + 1, count % 2 ? "good -> failing: failed requests: 1"
					 : "Gr\xc3\xbc\xc3\x9f"
					   "e");
	}
	/* The names are in the new diary, each once, and not in the text. */
	memset(text, 'x', sizeof(text));
	assert_string_equal(diary_get(&next, 0)->values[0].name, "headroom_bytes");
	assert_string_equal(next.names[1], "weight");
	assert_string_equal(next.names[2], "");
}

/* As long as events get, and nothing that would break a line. */
static void test_the_longest(void **state)
{
	struct event event = {.id = UINT64_C(1) << 62, .ts_ms = INT64_C(1) << 53, .severity = 2};

	(void)state;
	memset(event.kind, 'k', sizeof(event.kind) - 1);
	memset(event.text, '\n', sizeof(event.text) - 1);
	event.text[7] = '\x7f';
	event.text[8] = '\xff';
	for (int i = 0; i < EVENT_VALUES; i++)
		event_put(&event, "a_rather_long_name_of_a_value", INT64_MIN);
	for (size_t i = 0; i < DIARY_EVENTS; i++)
		diary_put(&diary, &event);
	assert_in_range(diary_format(&diary, "0123456789012345678901234567890123456789", text), 1,
			sizeof(text) - 1);
	assert_int_equal(diary_parse(&next, "0123456789012345678901234567890123456789", text), 0);
	assert_int_equal(next.count, DIARY_EVENTS);
	assert_int_equal(strlen(diary_get(&next, 63)->text), EVENT_TEXT_SIZE - 1);
	assert_string_equal(diary_get(&next, 63)->values[5].name, "a_rather_long_name_of_a");
	/* One more than the least: that has no counterpart. */
	assert_true(diary_get(&next, 63)->values[5].value == -INT64_MAX);
}

static void refuse(const char *broken, int expected)
{
	memset(&next, 0, sizeof(next));
	if (diary_parse(&next, "b", broken) != expected)
		fail_msg("%d expected for: %s", expected, broken);
	assert_int_equal(next.count, 0);
	assert_null(diary_get(&next, 0));
	assert_string_equal(next.names[0], "");
}

static void test_what_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"x",
		"1 1 0 state 0",
		"0 1 0 state 0 text",
		"-1 1 0 state 0 text",
		"1 -1 0 state 0 text",
		"1 9007199254740993 0 state 0 text",
		"1 1 3 state 0 text",
		"1 1 -1 state 0 text",
		"1 1 0 sta.te 0 text",
		"1 1 0  0 text",
		"1 1 0 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk 0 text",
		"1 1 0 state 7 text",
		"1 1 0 state -1 text",
		"1 1 0 state 1 weight",
		"1 1 0 state 1 weight x text",
		"1 1 0 state 1 weight 99999999999999999999 text",
		"1 1 0 state 1 a_rather_long_name_of_a_v 1 text",
		"1 1 0 state 0 te\txt",
		"1 1 0 state 0 te\x7fxt",
		"1 1 0 state 0 te\xffxt",
	};
	char broken[300];

	(void)state;
	refuse("", -EINVAL);
	refuse("hostingpi events 2 b\nend\n", -EINVAL);
	refuse("hostingpi events 1 another\nend\n", -ESTALE);
	refuse("hostingpi events 1 b\n", -EINVAL);
	refuse("hostingpi events 1 b\nend\nend\n", -EINVAL);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(broken, sizeof(broken),
			 "hostingpi events 1 b\n1 1 0 state 1 weight 3 good\n%s\nend\n", lines[i]);
		refuse(broken, -EINVAL);
	}
	snprintf(broken, sizeof(broken), "hostingpi events 1 b\n1 1 0 state 0 %0192d\nend\n", 1);
	refuse(broken, -EINVAL);
}

/* One more than there is room for, names that nobody ever gave, and every place at which it may end. */
static void test_too_much_and_too_little(void **state)
{
	size_t used = (size_t)sprintf(text, "hostingpi events 1 b\n");

	(void)state;
	for (int i = 0; i <= DIARY_EVENTS; i++)
		used += (size_t)sprintf(text + used, "1 1 0 state 0 x\n");
	strcpy(text + used, "end\n");
	refuse(text, -EINVAL);

	used = (size_t)sprintf(text, "hostingpi events 1 b\n");
	for (int i = 0; i <= DIARY_NAMES / 2; i++)
		used += (size_t)sprintf(text + used, "1 1 0 state 2 a%d 1 b%d 2 x\n", i, i);
	strcpy(text + used, "end\n");
	refuse(text, -EINVAL);

	for (uint64_t id = 1; id < 5; id++)
		put(id, "text");
	for (size_t length = diary_format(&diary, "b", text); length-- > 0;) {
		text[length] = '\0';
		refuse(text, length < strlen("hostingpi events 1 b\n") ||
					     strncmp(text, "hostingpi events 1 b\n", 21) == 0
				     ? (length >= 19 && length < 21 ? -ESTALE : -EINVAL)
				     : -ESTALE);
	}
}

static void test_the_file(void **state)
{
	char directory[] = "/tmp/hostingpi-diary-XXXXXX", path[64];
	struct env env = {.run_dir = directory};

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/events", directory);
	keep_get_events(&env, &next);
	assert_int_equal(next.count, 0);
	for (uint64_t id = 1; id <= DIARY_EVENTS; id++)
		put(id, "text");
	keep_events(&env, &diary);
	keep_get_events(&env, &next);
	assert_int_equal(next.count, DIARY_EVENTS);
	assert_same(diary_get(&next, 5), diary_get(&diary, 5));
	/* Longer than any of ours. */
	memset(&next, 0, sizeof(next));
	assert_int_equal(truncate(path, 10 * DIARY_IMAGE_SIZE), 0);
	keep_get_events(&env, &next);
	assert_int_equal(next.count, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_another_life, setup),
		cmocka_unit_test_setup(test_the_longest, setup),
		cmocka_unit_test_setup(test_what_is_refused, setup),
		cmocka_unit_test_setup(test_too_much_and_too_little, setup),
		cmocka_unit_test_setup(test_the_file, setup),
	};
	return cmocka_run_group_tests_name("diary-image", tests, NULL, NULL);
}
