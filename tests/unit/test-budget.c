/* SPDX-License-Identifier: MIT */
/* Budget, pace and weather of posts: how many, how soon, and when not at all; and what is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "notifiers/post_budget.h"
#include "notifiers/post_memory.h"
#include "notifiers/post_pace.h"

#define DAY_NS (86400 * NS_PER_S)
#define START_NS (1000 * NS_PER_S)

/* Sends whatever it may, at random moments, for ten days: no 24 hours have more than max. */
static void check_max(int64_t max, bool reserve)
{
	static int64_t sent[20000];
	struct post_budget budget;
	unsigned seed = (unsigned)max;
	size_t count = 0;

	post_budget_init(&budget, max, 0, START_NS);
	for (int64_t now_ns = START_NS; now_ns < 10 * DAY_NS && count < 20000;
	     now_ns += (int64_t)(rand_r(&seed) % 600) * NS_PER_S) {
		/* A burst now and then, after a silence that fills the bucket. */
		if (rand_r(&seed) % 200 == 0)
			now_ns += DAY_NS / 2;
		while (count < 20000 &&
		       post_budget_when(&budget, reserve, false, now_ns) <= now_ns) {
			post_budget_take(&budget, now_ns);
			sent[count++] = now_ns;
		}
	}
	assert_true(count >= (size_t)max); /* it does let through */
	for (size_t i = 0; i + (size_t)max < count; i++)
		assert_true(sent[i + (size_t)max] - sent[i] > DAY_NS);
}

static void test_never_more_than_max(void **state)
{
	static const int64_t maxima[] = {1, 2, 3, 7, 8, 9, 24, 100, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
		check_max(maxima[i], false);
		check_max(maxima[i], true);
	}
}

static void test_reserve(void **state)
{
	struct post_budget budget, later;
	int64_t when_ns;
	int ordinary = 0, urgent = 0;

	(void)state;
	post_budget_init(&budget, 24, 0, START_NS);
	for (; post_budget_when(&budget, false, false, START_NS) == START_NS; ordinary++)
		post_budget_take(&budget, START_NS);
	when_ns = post_budget_when(&budget, false, false, START_NS);
	assert_true(when_ns > START_NS && when_ns < START_NS + DAY_NS);
	later = budget;
	assert_int_equal(post_budget_when(&later, false, false, when_ns), when_ns);
	for (; post_budget_when(&budget, true, false, START_NS) == START_NS; urgent++)
		post_budget_take(&budget, START_NS);
	assert_int_equal(ordinary, 4);
	assert_int_equal(urgent, 2);
	/* Whoever has paid goes on. */
	assert_int_equal(post_budget_when(&budget, false, true, START_NS), START_NS);
}

static void test_gap(void **state)
{
	struct post_budget budget;

	(void)state;
	post_budget_init(&budget, 24, 600 * NS_PER_S, START_NS);
	assert_int_equal(post_budget_when(&budget, false, false, START_NS), START_NS);
	post_budget_gone(&budget, START_NS);
	assert_int_equal(post_budget_when(&budget, true, true, START_NS),
			 START_NS + 600 * NS_PER_S);
	assert_int_equal(post_budget_when(&budget, true, false, START_NS + 600 * NS_PER_S),
			 START_NS + 600 * NS_PER_S);
}

/* What a file says may be anything. */
static void test_restore(void **state)
{
	static const int64_t odd[] = {INT64_MIN, -1, 0, 1, START_NS, DAY_NS, INT64_MAX};
	struct post_budget budget;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct post_budget kept = {.credit_ns = odd[i],
					   .stamp_ns = odd[(i + 3) % 7],
					   .gone = true,
					   .last_ns = odd[(i + 5) % 7]};
		int64_t when_ns;

		post_budget_init(&budget, 24, 600 * NS_PER_S, START_NS);
		post_budget_restore(&budget, &kept, START_NS);
		assert_true(budget.credit_ns >= 0 &&
			    budget.credit_ns <= budget.burst * budget.token_ns);
		when_ns = post_budget_when(&budget, false, false, START_NS);
		assert_true(when_ns >= START_NS && when_ns <= START_NS + DAY_NS);
	}
	/* And what is sensible is taken over. */
	post_budget_init(&budget, 24, 0, START_NS);
	post_budget_restore(&budget, &(struct post_budget){.stamp_ns = START_NS}, START_NS);
	assert_true(post_budget_when(&budget, true, false, START_NS) > START_NS);
}

static int64_t pause_after(struct post_pace *pace, enum post_result_word word, int64_t later_s,
			   uint32_t entropy)
{
	const struct post_result result = {.word = word, .retry_after_s = later_s};

	post_pace_result(pace, &result, START_NS, entropy);
	return pace->until_ns - START_NS;
}

static void test_back_off(void **state)
{
	unsigned seed = 5;
	int64_t last_ns = 0;

	(void)state;
	for (int run = 0; run < 100; run++) {
		struct post_pace pace = {0};

		for (int i = 0; i < 40; i++) {
			last_ns = pause_after(&pace, POST_RESULT_RETRY, 0,
					      (uint32_t)rand_r(&seed) * 2u);
			assert_true(last_ns >= 60 * NS_PER_S && last_ns <= 3600 * NS_PER_S);
			assert_true(i > 3 || last_ns <= (75 << i) * NS_PER_S);
		}
		assert_true(last_ns >= 2700 * NS_PER_S);
		pause_after(&pace, POST_RESULT_POSTED, 0, 0);
		assert_int_equal(pace.until_ns, 0);
		assert_int_equal(pace.failures, 0);
	}
}

static void test_told_when(void **state)
{
	struct post_pace pace = {0};

	(void)state;
	assert_int_equal(pause_after(&pace, POST_RESULT_RETRY, 7, 0), 7 * NS_PER_S);
	assert_int_equal(pause_after(&pace, POST_RESULT_RETRY, 900, 0), 900 * NS_PER_S);
	assert_int_equal(pause_after(&pace, POST_RESULT_RETRY, INT64_MAX, 0), DAY_NS);
}

static void test_hands(void **state)
{
	static const enum post_result_word words[] = {POST_RESULT_UNAUTHORISED,
						      POST_RESULT_NO_CREDIT, POST_RESULT_UNUSABLE};
	struct post_pace pace = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pause_after(&pace, words[i], 0, 0), 6 * 3600 * NS_PER_S);
		assert_true(pace.hands);
		post_pace_reset(&pace);
		assert_int_equal(pace.until_ns, 0);
		assert_false(pace.hands);
	}
	pause_after(&pace, POST_RESULT_UNAUTHORISED, 0, 0);
	pause_after(&pace, POST_RESULT_RETRY, 0, 0);
	assert_false(pace.hands);
}

static void test_weather(void **state)
{
	const struct post_weather fine = {.decided = true,
					  .state = CONTROL_SHED,
					  .headroom_known = true,
					  .headroom_bytes = POST_PACE_HEADROOM,
					  .clock_synced = true};
	struct post_weather weather = fine;

	(void)state;
	assert_null(post_pace_weather(&weather));
	weather.headroom_known = false;
	weather.headroom_bytes = 0;
	assert_null(post_pace_weather(&weather)); /* unknown is not short */
	weather.headroom_known = true;
	assert_string_equal(post_pace_weather(&weather), "memory is short");
	weather = fine;
	weather.decided = false;
	assert_non_null(post_pace_weather(&weather));
	weather = fine;
	weather.state = CONTROL_HARD;
	assert_non_null(strstr(post_pace_weather(&weather), "hard level"));
	weather = fine;
	weather.failing = "storage is failing";
	assert_string_equal(post_pace_weather(&weather), "storage is failing");
	weather = fine;
	weather.clock_synced = false;
	assert_non_null(strstr(post_pace_weather(&weather), "clock"));
}

static void test_memory_file(void **state)
{
	struct post_memory memory, again;
	char text[POST_MEMORY_SIZE], broken[POST_MEMORY_SIZE + 8];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(memory) / sizeof(int64_t); i++)
		((int64_t *)(void *)&memory)[i] =
			i % 3 ? (int64_t)i << 50 : -(int64_t)i - INT64_MAX / 2;
	length = post_memory_format(&memory, text);
	assert_int_equal(length, strlen(text));
	assert_int_equal(post_memory_parse(text, &again), 0);
	assert_memory_equal(&memory, &again, sizeof(memory));
	for (size_t i = 0; i < length; i++) {
		snprintf(broken, sizeof(broken), "%.*s", (int)i, text);
		assert_int_equal(post_memory_parse(broken, &again), -EINVAL);
		strcpy(broken, text);
		broken[i] = 'X';
		assert_int_equal(post_memory_parse(broken, &again), -EINVAL);
	}
	snprintf(broken, sizeof(broken), "%sx", text);
	assert_int_equal(post_memory_parse(broken, &again), -EINVAL);
	/* The longest numbers fit. */
	memset(&memory, 0x80, sizeof(memory));
	assert_true(post_memory_format(&memory, text) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_more_than_max),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_memory_file),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_told_when),
		cmocka_unit_test(test_hands),
		cmocka_unit_test(test_weather),
	};

	return cmocka_run_group_tests_name("budget and pace", tests, NULL, NULL);
}
