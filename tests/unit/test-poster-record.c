/* SPDX-License-Identifier: MIT */
/* What became of messages, as it is written down: in a fixed room, whatever happens between two reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "notifiers/post_self.h"

static int64_t wall_ms;
static struct post post;

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return wall_ms;
}

static const struct env env = {.wall_ms = fake_wall_ms};

static int set_up(void **state)
{
	(void)state;
	post = (struct post){.env = &env};
	wall_ms = 1000;
	return 0;
}

/* Of more than there is room for, the first stay: they say how it began. */
static void test_events(void **state)
{
	static struct post before;
	char text[32];

	(void)state;
	for (int i = 0; i < POST_EVENTS; i++)
		post_event(&post, i % 2 ? SEVERITY_WARNING : SEVERITY_INFO, "%s %d", "event", i);
	assert_int_equal(post.event_count, POST_EVENTS);
	for (int i = 0; i < POST_EVENTS; i++) {
		snprintf(text, sizeof(text), "event %d", i);
		assert_string_equal(post.events[i].text, text);
		assert_int_equal(post.events[i].severity, i % 2 ? SEVERITY_WARNING : SEVERITY_INFO);
	}
	memcpy(&before, &post, sizeof(post));
	post_event(&post, SEVERITY_CRITICAL, "one too many");
	assert_memory_equal(&post, &before, sizeof(post));
}

static void test_a_long_event_says_that_it_was_cut(void **state)
{
	static char text[3 * EVENT_TEXT_SIZE];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	post_event(&post, SEVERITY_INFO, "%s", text);
	assert_int_equal(strlen(post.events[0].text), EVENT_TEXT_SIZE - 1);
	assert_string_equal(post.events[0].text + EVENT_TEXT_SIZE - 4, "...");
}

static struct post_message message(int number)
{
	struct post_message made = {.kind = number % 3};

	snprintf(made.id, sizeof(made.id), "id-%d", number);
	return made;
}

/* The newest ones are there, each with its own. */
static void test_attempts(void **state)
{
	const int all = 3 * POST_RECENT + 2;

	(void)state;
	for (int i = 0; i < all; i++) {
		const struct post_message made = message(i);
		const struct post_result answer = {.status = 200 + i};

		wall_ms = 1000 + i;
		post_remember(&post, &made, i % 3 ? "posted" : "dropped", i % 3 ? &answer : NULL);
	}
	assert_int_equal(post.recent_count, all);
	for (int i = all - POST_RECENT; i < all; i++) {
		const struct post_attempt *attempt = &post.recent[i % POST_RECENT];

		assert_string_equal(attempt->id, message(i).id);
		assert_int_equal(attempt->kind, message(i).kind);
		assert_int_equal(attempt->at_ms, 1000 + i);
		assert_string_equal(attempt->result, i % 3 ? "posted" : "dropped");
		/* Nothing of an attempt that stood there before. */
		assert_int_equal(attempt->answer.status, i % 3 ? 200 + i : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_events, set_up),
		cmocka_unit_test_setup(test_a_long_event_says_that_it_was_cut, set_up),
		cmocka_unit_test_setup(test_attempts, set_up),
	};

	return cmocka_run_group_tests_name("what became of messages", tests, NULL, NULL);
}
