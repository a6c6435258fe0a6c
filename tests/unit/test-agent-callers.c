/* SPDX-License-Identifier: MIT */
/*
 * Who counts as a load balancer, for how long, and who is still to hear a "ready". Time is a number here: hours
 * pass in no time.
 */
#include "notifiers/agent_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/units.h"

static const struct in6_addr HOST = {.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static const struct in6_addr OTHER = {.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
static const struct in6_addr HOST4 = {.s6_addr = {[10] = 0xff, 0xff, 192, 0, 2, 1}};

static void enter(struct agent_callers *callers, const char *name, const struct in6_addr *host,
		  int64_t stamp_ns)
{
	const struct agent_call call = {.host = *host, .stamp_ns = stamp_ns};

	agent_callers_enter(callers, name, &call);
}

static void test_callers_are_counted(void **state)
{
	struct agent_callers callers = {.count = 0};
	int64_t now = 5 * NS_PER_S;

	(void)state;
	assert_int_equal(agent_callers_count(&callers, now), 0);
	enter(&callers, "lb1/pis", &HOST, now);
	enter(&callers, "lb1/pis", &HOST, now);
	assert_int_equal(agent_callers_count(&callers, now), 1);
	/* A connection from the same machine that says nothing is no further balancer. */
	enter(&callers, NULL, &HOST, now);
	assert_int_equal(agent_callers_count(&callers, now), 1);
	enter(&callers, "lb2/pis", &HOST, now);
	assert_int_equal(agent_callers_count(&callers, now), 2);
	enter(&callers, NULL, &OTHER, now);
	assert_int_equal(agent_callers_count(&callers, now), 3);
	assert_int_equal(agent_callers_count(&callers, now + 10 * NS_PER_S), 3);
	assert_int_equal(agent_callers_count(&callers, now + 10 * NS_PER_S + 1), 0);
}

static void test_callers_with_one_name(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	/* One balancer with two backends, over both families. */
	enter(&callers, "lb/pis", &HOST4, 1);
	enter(&callers, "lb/pis", &HOST, 1);
	assert_int_equal(agent_callers_count(&callers, 1), 1);
	/* Two balancers with the same configuration file. */
	enter(&callers, "lb/pis", &OTHER, 1);
	assert_int_equal(agent_callers_count(&callers, 1), 2);
}

static void test_callers_slow_ones_stay(void **state)
{
	struct agent_callers callers = {.count = 0};
	int64_t minute = 60 * NS_PER_S, now = 0;

	(void)state;
	for (int i = 0; i < 10; i++, now += minute)
		enter(&callers, "slow", &HOST, now);
	now -= minute;
	assert_int_equal(agent_callers_count(&callers, now + 3 * minute), 1);
	assert_int_equal(agent_callers_count(&callers, now + 3 * minute + 1), 0);
	/* It got quick: its absence shows soon again. */
	for (int i = 0; i < 40; i++)
		enter(&callers, "slow", &HOST, now += NS_PER_S / 2);
	assert_int_equal(agent_callers_count(&callers, now + 10 * NS_PER_S + 1), 0);
}

static void test_callers_absence_is_no_interval(void **state)
{
	struct agent_callers callers = {.count = 0};
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		enter(&callers, "lb1", &HOST, now += NS_PER_S / 2);
	now += 200 * NS_PER_S;
	enter(&callers, "lb1", &HOST, now);
	assert_int_equal(agent_callers_count(&callers, now + 10 * NS_PER_S), 1);
	assert_int_equal(agent_callers_count(&callers, now + 10 * NS_PER_S + 1), 0);
}

static void test_callers_entered_late(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	enter(&callers, NULL, &HOST, 2 * NS_PER_S);
	enter(&callers, NULL, &HOST, 1 * NS_PER_S);
	assert_int_equal(callers.count, 1);
	assert_int_equal(callers.list[0].seen_ns, 2 * NS_PER_S);
	assert_int_equal(callers.list[0].interval_ns, 0);
}

static void test_callers_strangers_do_not_displace(void **state)
{
	struct agent_callers callers = {.count = 0};
	char name[AGENT_NAME_SIZE];
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		enter(&callers, "regular", &HOST, now += NS_PER_S / 2);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "stranger%d", i);
		enter(&callers, name, &OTHER, now++);
		assert_in_range(callers.count, 1, AGENT_CALLERS);
	}
	assert_true(callers.displaced > 9000);
	assert_int_equal(agent_callers_count(&callers, now), AGENT_CALLERS);
	assert_string_equal(callers.list[0].name, "regular");
	assert_true(callers.list[0].interval_ns > 0);
}

/* Somebody at HOST polls, half a second after the last one. */
struct poller {
	const char *name;
	bool late;	  /* the name comes after the answer */
	bool hold;	  /* of the operator */
	uint32_t undrain; /* of the operator */
};

/* Returns the word that was sent. */
static enum agent_word poll_agent(struct agent_callers *callers, struct poller poller)
{
	static int64_t now;
	struct agent_call call = {
		.host = HOST, .stamp_ns = now += NS_PER_S / 2, .undrain = poller.undrain};
	const char *known = poller.late ? NULL : poller.name;

	call.word = agent_callers_word(callers, known, &call, poller.hold);
	agent_callers_enter(callers, poller.name, &call);
	return call.word;
}

#define POLL(...) poll_agent(&callers, (struct poller){.name = __VA_ARGS__})

static void test_ready_goes_out_three_times(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	assert_int_equal(POLL("lb1"), AGENT_WORD_NONE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(POLL("lb1", .hold = true), AGENT_WORD_DRAIN);
	/* The hold is over, but nobody said so: perhaps it was never one of ours. */
	assert_int_equal(POLL("lb1"), AGENT_WORD_NONE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_READY);
		/* Never seen: who knows what an earlier life of this agent told it? */
		assert_int_equal(POLL("lb2", .undrain = 7), AGENT_WORD_READY);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_NONE);
		assert_int_equal(POLL("lb2", .undrain = 7), AGENT_WORD_NONE);
		assert_int_equal(POLL("lb1"), AGENT_WORD_NONE);
	}
	assert_int_equal(POLL("lb3"), AGENT_WORD_NONE);
}

static void test_ready_of_each_operator(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_READY);
	/* A hold that begins while the last one is being lifted wins, and the next "ready" is new. */
	assert_int_equal(POLL("lb1", .undrain = 7, .hold = true), AGENT_WORD_DRAIN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(POLL("lb1", .undrain = 9), AGENT_WORD_READY);
	assert_int_equal(POLL("lb1", .undrain = 9), AGENT_WORD_NONE);
	/* Without a hold of ours as well: it may undo one that is long forgotten. */
	assert_int_equal(POLL("lb1", .undrain = 1), AGENT_WORD_READY);
}

static void test_ready_before_the_name(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	/* The very first call from there. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_READY);
	for (int i = 0; i < 5; i++)
		assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_NONE);
	assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_NONE);
	/* A new one behind the same address cannot be told apart at once, but at its next call. */
	assert_int_equal(POLL("lb2", .late = true, .undrain = 7), AGENT_WORD_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(POLL("lb2", .late = true, .undrain = 7), AGENT_WORD_READY);
	assert_int_equal(POLL("lb2", .late = true, .undrain = 7), AGENT_WORD_NONE);
	assert_int_equal(POLL(NULL, .undrain = 7), AGENT_WORD_NONE);
	assert_int_equal(POLL(NULL, .undrain = 7), AGENT_WORD_READY);
}

static void test_ready_that_nobody_fetches(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	POLL("gone", .late = true);
	for (int i = 0; i < 40; i++)
		POLL("lb1", .late = true);
	/* The one that left is owed three for ever: that is no reason to tell the other one more. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_READY);
	for (int i = 0; i < 100; i++)
		assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_NONE);
	/* One that polls is soon done with it, and then they are told apart again. */
	POLL("lb2");
	assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_READY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(POLL("lb2", .undrain = 7), AGENT_WORD_READY);
	assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_NONE);
}

static void test_ready_of_a_name_that_comes_late_now_and_then(void **state)
{
	struct agent_callers callers = {.count = 0};

	(void)state;
	POLL("lb1");
	assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_READY);
	assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_READY);
	assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_READY);
	assert_int_equal(POLL("lb1", .undrain = 7), AGENT_WORD_NONE);
	assert_int_equal(POLL("lb1", .late = true, .undrain = 7), AGENT_WORD_NONE);
}

static void test_stop_waits_for_everybody(void **state)
{
	struct agent_callers callers = {.count = 0};
	struct agent_call told = {.host = HOST, .stamp_ns = 100 * NS_PER_S, .stop_told = true};
	int64_t now = 100 * NS_PER_S;

	(void)state;
	assert_true(agent_callers_stopped(&callers, now));
	enter(&callers, "gone", &HOST, 0);
	assert_true(agent_callers_stopped(&callers, now));
	enter(&callers, "lb1", &HOST, now);
	enter(&callers, NULL, &HOST, now);
	assert_false(agent_callers_stopped(&callers, now));
	agent_callers_enter(&callers, "lb1", &told);
	assert_true(agent_callers_stopped(&callers, now));
	enter(&callers, NULL, &OTHER, now);
	assert_false(agent_callers_stopped(&callers, now));
	told.host = OTHER;
	agent_callers_enter(&callers, NULL, &told);
	assert_true(agent_callers_stopped(&callers, now));

	/* One that came every half second and has not come for a while is not waited for. */
	enter(&callers, "left", &HOST, now - NS_PER_S / 2);
	enter(&callers, "left", &HOST, now);
	assert_false(agent_callers_stopped(&callers, now + NS_PER_S * 3 / 2));
	assert_true(agent_callers_stopped(&callers, now + NS_PER_S * 3 / 2 + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callers_are_counted),
		cmocka_unit_test(test_callers_with_one_name),
		cmocka_unit_test(test_callers_slow_ones_stay),
		cmocka_unit_test(test_callers_absence_is_no_interval),
		cmocka_unit_test(test_callers_entered_late),
		cmocka_unit_test(test_callers_strangers_do_not_displace),
		cmocka_unit_test(test_ready_goes_out_three_times),
		cmocka_unit_test(test_ready_of_each_operator),
		cmocka_unit_test(test_ready_before_the_name),
		cmocka_unit_test(test_ready_that_nobody_fetches),
		cmocka_unit_test(test_ready_of_a_name_that_comes_late_now_and_then),
		cmocka_unit_test(test_stop_waits_for_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
