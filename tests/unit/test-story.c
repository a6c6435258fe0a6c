/* SPDX-License-Identifier: MIT */
/* When what is told: stories with one end, incidents once an hour, and a day of flapping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "notifiers/post_story.h"

static struct post_story story;
static int64_t now_ns;
static struct post_news news;
static unsigned told[POST_KINDS];

static int setup(void **state)
{
	(void)state;
	memset(&story, 0, sizeof(story));
	memset(told, 0, sizeof(told));
	now_ns = 1000 * NS_PER_S;
	return 0;
}

static void enter(enum control_state state, const char *reason)
{
	struct decision decision = {.state = state, .weight_pct = 10 * (int)state};

	snprintf(decision.reason, sizeof(decision.reason), "%s", reason);
	post_story_decision(&story, &decision, now_ns);
}

/* Lets seconds pass; what is told is counted, the last of it is in news. */
static void pass(int seconds)
{
	struct post_news next;

	for (int i = 0; i < seconds; i++) {
		now_ns += NS_PER_S;
		while (post_story_next(&story, now_ns, &next)) {
			news = next;
			told[next.kind]++;
		}
	}
}

static void assert_told(unsigned shed, unsigned hard, unsigned normal)
{
	assert_int_equal(told[POST_SHED], shed);
	assert_int_equal(told[POST_HARD], hard);
	assert_int_equal(told[POST_NORMAL], normal);
}

static void test_start(void **state)
{
	(void)state;
	post_story_start(&story, now_ns + 60 * NS_PER_S);
	pass(59);
	assert_int_equal(told[POST_START], 0);
	pass(100);
	assert_int_equal(told[POST_START], 1);
}

static void test_shed_that_lasts(void **state)
{
	(void)state;
	enter(CONTROL_SHED, "first");
	pass(20);
	enter(CONTROL_SHED, "memory shrinks");
	pass(9);
	assert_told(0, 0, 0);
	pass(1);
	assert_told(1, 0, 0);
	assert_true(news.decided);
	assert_string_equal(news.decision.reason, "memory shrinks");
	assert_int_equal(news.decision.weight_pct, 10 * CONTROL_SHED);
	pass(3600);
	enter(CONTROL_RECOVER, "");
	pass(3600);
	assert_told(1, 0, 0);
	enter(CONTROL_NORMAL, "");
	pass(299);
	assert_told(1, 0, 0);
	pass(2);
	assert_told(1, 0, 1);
	assert_int_equal(news.duration_ns / NS_PER_S, 30 + 3600 + 3600);
	assert_false(news.decided);
	pass(10000);
	assert_told(1, 0, 1);
}

static void test_short_is_no_news(void **state)
{
	(void)state;
	enter(CONTROL_SHED, "");
	pass(29);
	enter(CONTROL_RECOVER, "");
	pass(10);
	enter(CONTROL_NORMAL, "");
	pass(1000);
	assert_told(0, 0, 0);
	/* And it does not count for the next one. */
	enter(CONTROL_SHED, "");
	pass(29);
	enter(CONTROL_NORMAL, "");
	pass(1000);
	assert_told(0, 0, 0);
}

static void test_hard_at_once_and_once(void **state)
{
	(void)state;
	enter(CONTROL_HARD, "swap is near");
	pass(1);
	assert_told(0, 1, 0);
	assert_string_equal(news.decision.reason, "swap is near");
	/* Shedding after that is old news. */
	enter(CONTROL_SHED, "");
	pass(600);
	enter(CONTROL_HARD, "again");
	pass(600);
	assert_told(0, 1, 0);
	enter(CONTROL_NORMAL, "");
	pass(301);
	assert_told(0, 1, 1);
}

static void test_shed_becomes_hard(void **state)
{
	(void)state;
	enter(CONTROL_SHED, "");
	pass(40);
	enter(CONTROL_HARD, "");
	pass(40);
	assert_told(1, 1, 0);
}

/* Hard before anybody asked: one message, about the worst. */
static void test_nobody_asked_meanwhile(void **state)
{
	(void)state;
	enter(CONTROL_SHED, "");
	now_ns += 100 * NS_PER_S;
	enter(CONTROL_HARD, "worst");
	now_ns += 10 * NS_PER_S;
	enter(CONTROL_RECOVER, "");
	pass(1);
	assert_told(0, 1, 0);
	assert_string_equal(news.decision.reason, "worst");
	assert_int_equal(news.at_ns, 1100 * NS_PER_S);
	/* All of it over before anybody asked: nothing. */
	setup(NULL);
	enter(CONTROL_HARD, "");
	enter(CONTROL_NORMAL, "");
	now_ns += 1000 * NS_PER_S;
	pass(10);
	assert_told(0, 0, 0);
}

/* Held, blind: neither trouble nor calm. */
static void test_held_is_not_calm(void **state)
{
	(void)state;
	enter(CONTROL_HOLD, "");
	pass(1000);
	enter(CONTROL_BLIND, "");
	pass(1000);
	assert_told(0, 0, 0);
	enter(CONTROL_HARD, "");
	pass(1);
	enter(CONTROL_HOLD, "");
	pass(7200);
	assert_told(0, 1, 0);
	enter(CONTROL_NORMAL, "");
	pass(301);
	assert_told(0, 1, 1);
}

/* An hour in which the state changes every few seconds is one story. */
static void test_flapping_hour(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 3600;) {
		int seconds = 1 + rand_r(&seed) % 20;
		static const enum control_state states[] = {CONTROL_NORMAL, CONTROL_SHED,
							    CONTROL_RECOVER, CONTROL_HARD};
		enter(states[rand_r(&seed) % 4], "");
		pass(seconds);
		i += seconds;
	}
	assert_true(told[POST_SHED] <= 1 && told[POST_HARD] == 1 && told[POST_NORMAL] == 0);
	enter(CONTROL_NORMAL, "");
	pass(301);
	assert_int_equal(told[POST_NORMAL], 1);
}

/* A day of flapping, at random: never more than three messages for each end, never an end alone. */
static void test_flapping_day(void **state)
{
	unsigned seed = 20260921, stories;

	(void)state;
	for (int i = 0; i < 86400;) {
		int calm = rand_r(&seed) % 10 == 0 ? 200 + rand_r(&seed) % 400 : 0;
		int seconds = 1 + rand_r(&seed) % 60;

		enter(rand_r(&seed) % 3 ? CONTROL_SHED : CONTROL_HARD, "");
		pass(seconds);
		enter(CONTROL_NORMAL, "");
		pass(1 + calm);
		i += seconds + 1 + calm;
	}
	pass(301);
	stories = told[POST_NORMAL];
	assert_true(stories > 10);
	assert_true(told[POST_SHED] <= stories && told[POST_HARD] <= stories);
	assert_true(told[POST_SHED] + told[POST_HARD] >= stories);
}

static void happen(const char *kind, enum severity severity)
{
	struct event event = {.severity = severity};

	snprintf(event.kind, sizeof(event.kind), "%s", kind);
	snprintf(event.text, sizeof(event.text), "text of %s", kind);
	post_story_event(&story, &event, now_ns);
}

static void test_incidents(void **state)
{
	(void)state;
	happen("sd-timeout", SEVERITY_WARNING);
	happen("state", SEVERITY_CRITICAL);
	happen("start", SEVERITY_CRITICAL);
	pass(1);
	assert_int_equal(told[POST_INCIDENT], 0);
	happen("sd-removed", SEVERITY_CRITICAL);
	pass(1);
	assert_int_equal(told[POST_INCIDENT], 1);
	assert_string_equal(news.about, "sd-removed");
	assert_string_equal(news.text, "text of sd-removed");
	happen("sd-removed", SEVERITY_CRITICAL);
	happen("oom-kill", SEVERITY_CRITICAL);
	pass(1);
	assert_int_equal(told[POST_INCIDENT], 2);
	pass(3600);
	happen("sd-removed", SEVERITY_CRITICAL);
	pass(1);
	assert_int_equal(told[POST_INCIDENT], 3);
}

/* More kinds than there are places: bounded, counted, and the oldest kind is forgotten first. */
static void test_many_incidents(void **state)
{
	char kind[24];

	(void)state;
	for (int i = 0; i < 2 * POST_STORY_KINDS; i++) {
		snprintf(kind, sizeof(kind), "kind-%d", i);
		happen(kind, SEVERITY_CRITICAL);
	}
	assert_int_equal(story.passed_over, 2 * POST_STORY_KINDS - POST_STORY_WAITING);
	pass(1);
	assert_int_equal(told[POST_INCIDENT], POST_STORY_WAITING);
	happen(kind, SEVERITY_CRITICAL); /* the newest is remembered */
	pass(1);
	assert_int_equal(told[POST_INCIDENT], POST_STORY_WAITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, setup),
		cmocka_unit_test_setup(test_shed_that_lasts, setup),
		cmocka_unit_test_setup(test_short_is_no_news, setup),
		cmocka_unit_test_setup(test_hard_at_once_and_once, setup),
		cmocka_unit_test_setup(test_shed_becomes_hard, setup),
		cmocka_unit_test_setup(test_nobody_asked_meanwhile, setup),
		cmocka_unit_test_setup(test_held_is_not_calm, setup),
		cmocka_unit_test_setup(test_flapping_hour, setup),
		cmocka_unit_test_setup(test_flapping_day, setup),
		cmocka_unit_test_setup(test_incidents, setup),
		cmocka_unit_test_setup(test_many_incidents, setup),
	};

	return cmocka_run_group_tests_name("story", tests, NULL, NULL);
}
