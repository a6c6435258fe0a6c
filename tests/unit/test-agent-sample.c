/* SPDX-License-Identifier: MIT */
/* One pass of the agent: who is told what, in which order, and how often. */
#include "agent-pass-world.h"

/* Balancers first, then the story, then the numbers. */
static void test_first_pass(void **state)
{
	char text[EVENT_TEXT_SIZE];

	(void)state;
	assert_string_equal(pass(0), "des");
	assert_string_equal(event.kind, "start");
	assert_int_equal(event.id, 1);
	assert_int_equal(event.ts_ms, fake_wall_ms(NULL));
	assert_int_equal(event.severity, SEVERITY_WARNING); /* it is blind here */
	snprintf(text, sizeof(text), "start -> %s: %s; weight %d%%, maxconn %d",
		 control_state_words[decision.state], decision.reason, decision.weight_pct,
		 decision.maxconn);
	assert_string_equal(event.text, text);
	assert_string_equal(event.values[0].name, "weight");
	assert_int_equal(event.values[0].value, decision.weight_pct);
	assert_string_equal(event.values[1].name, "maxconn");
	assert_int_equal(event.values[1].value, decision.maxconn);
	/* Nothing is known here that could be a headroom. */
	assert_null(event.values[2].name);
	snprintf(text, sizeof(text), "STATUS=%s: %s, weight %d%%, maxconn %d",
		 control_state_words[decision.state], decision.reason, decision.weight_pct,
		 decision.maxconn);
	assert_string_equal(status(), text);
	assert_int_equal(agent.diary->count, 1);
	assert_string_equal(diary_get(agent.diary, 0)->kind, "start");
	assert_int_equal(seq, 1);
	/* The next one has nothing new to say. */
	assert_string_equal(pass(1000), "s");
	assert_int_equal(seq, 2);
	assert_string_equal(status(), "");
	/* Who goes on where an earlier life ended tells of its start all the same. */
	agent.told_start = false;
	assert_string_equal(pass(1000), "es");
	assert_string_equal(event.kind, "start");
}

/* An operator's drain and its end: told as a change, once, with its severity. */
static void test_change_of_state(void **state)
{
	char start[32];

	(void)state;
	pass(0);
	snprintf(start, sizeof(start), "%s -> hold: ", control_state_words[decision.state]);
	agent.request = REQUEST_DRAIN;
	snprintf(agent.request_reason, sizeof(agent.request_reason), "new card");
	assert_string_equal(pass(1000), "des");
	assert_string_equal(event.kind, "state");
	assert_memory_equal(event.text, start, strlen(start));
	assert_int_equal(event.severity, SEVERITY_INFO);
	assert_int_equal(event.id, 2);
	assert_int_equal(agent.request, REQUEST_NONE);
	assert_true(decision.drain);
	assert_string_equal(pass(1000), "s");
	agent.request = REQUEST_READY;
	assert_string_equal(pass(1000), "des");
	assert_memory_equal(event.text, "hold -> ", 8);
	assert_int_equal(event.severity,
			 decision.state == CONTROL_BLIND ? SEVERITY_WARNING : SEVERITY_INFO);
	assert_int_equal(event.id, 3);
}

/* Each of these is somebody's business; headroom and the time to swap go with the samples. */
static void test_what_differs_is_told(void **state)
{
	struct decision *told = &agent.published;

	(void)state;
	pass(0);
	for (int i = 0; i < 15; i++) {
		const struct decision before = *told;

		told->weight_pct ^= i == 0;
		told->maxconn ^= i == 1;
		told->nominal ^= i == 2;
		told->balancers ^= i == 3;
		told->drain ^= i == 4;
		told->undrain ^= i == 5;
		told->fail ^= i == 6;
		told->maxconn_known ^= i == 7;
		told->nominal_known ^= i == 8;
		told->hold_until_ms += i == 9 ? 2001 : i == 10 ? -2001 : 0;
		told->reason[0] ^= i == 11;
		told->state = i == 12 ? CONTROL_HARD : told->state;
		told->hold_until_ms += i == 13 ? 2000 : 0;
		told->headroom_bytes += i == 14;
		told->time_to_swap_ms += i == 14;
		assert_string_equal(pass(1000), i < 13 ? "ds" : "s");
		*told = before;
	}
}

/* Told by the calendar: balancers and people hear the new "since". */
static void test_a_clock_that_was_set(void **state)
{
	(void)state;
	pass(0);
	agent.clock_offset_ms -= 3600000;
	assert_string_equal(pass(1000), "ads");
}

/* The faster the danger, the more passes; samples go out at their interval all the same. */
static void test_samples_keep_their_interval(void **state)
{
	(void)state;
	assert_int_equal(agent.settings->agent.interval_ns, NS_PER_S);
	pass(0);
	for (int i = 1; i <= 40; i++)
		assert_string_equal(pass(250), i % 4 ? "" : "s");
	assert_int_equal(seq, 11);
	/* A little early is on time; more is not. */
	assert_string_equal(pass(951), "s");
	assert_string_equal(pass(998), "");
	assert_string_equal(pass(1), "s");
	/* After a pause there is one, and the phase stays: the next is due at a whole second again. */
	assert_string_equal(pass(50 + 7300), "s");
	assert_string_equal(pass(649), "");
	assert_string_equal(pass(1), "s");
	assert_int_equal(seq, 15);
	assert_int_equal(sample_ts_ms, fake_wall_ms(NULL));
}

/* The worst since the last sample, once. */
static void test_lateness(void **state)
{
	(void)state;
	agent.late_us = 700;
	pass(0);
	assert_int_equal(late_us, 700);
	pass(1000);
	assert_int_equal(late_us, 0);
	agent.late_us = 900;
	assert_string_equal(pass(250), "");
	assert_int_equal(agent.late_us, 900);
	pass(750);
	assert_int_equal(late_us, 900);
}

static void test_phase(void **state)
{
	(void)state;
	agent_phase(&agent);
	int64_t due_ns = agent.sample_due_ns;
	assert_true(due_ns > now_ns && due_ns <= now_ns + NS_PER_S);
	agent.env.id = "another";
	agent_phase(&agent);
	assert_true(agent.sample_due_ns != due_ns);
}

/* More than nine tenths of the machine kept free is a mistake: said once, and when it is over. */
static void test_a_reserve_that_is_too_large(void **state)
{
	struct conf_share *reserve = &agent.settings->pressure.reserve;

	(void)state;
	memory_total = memory_free = 1000 * MIB;
	*reserve = (struct conf_share){.value = 900 * MIB};
	pass(0);
	assert_string_equal(agent.reserve.text, "");
	reserve->value += MIB;
	pass(1000);
	assert_non_null(strstr(agent.reserve.text, "reserve is 944 MB, this machine has 1048 MB"));
	/* Nothing is known: nothing is over. */
	memory_total = 0;
	pass(1000);
	assert_string_not_equal(agent.reserve.text, "");
	memory_total = memory_free = 1100 * MIB;
	pass(1000);
	assert_string_equal(agent.reserve.text, "");
}

/* What is known of memory goes with the story. */
static void test_headroom_is_told(void **state)
{
	(void)state;
	memory_total = 1000 * MIB;
	memory_free = 900 * MIB;
	pass(0);
	assert_string_equal(event.kind,
			    "start"); /* also where the state is the one it began with */
	assert_true(decision.headroom_known);
	assert_string_equal(event.values[2].name, "headroom_bytes");
	assert_int_equal(event.values[2].value, decision.headroom_bytes);
	assert_int_equal(event.severity, SEVERITY_INFO);
	/* It falls fast: the state changes, and with it comes how long it will take. */
	for (int i = 0; i < 60 && strcmp(event.kind, "state") != 0; i++) {
		memory_free -= 20 * MIB;
		pass(1000);
	}
	assert_string_equal(event.kind, "state");
	assert_true(decision.time_to_swap_known);
	assert_string_equal(event.values[3].name, "time_to_swap_ms");
	assert_int_equal(event.values[3].value, decision.time_to_swap_ms);
	assert_int_equal(event.severity,
			 decision.state == CONTROL_HARD ? SEVERITY_CRITICAL : SEVERITY_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_change_of_state, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_differs_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_clock_that_was_set, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_samples_keep_their_interval, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_lateness, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_phase, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_headroom_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reserve_that_is_too_large, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("a pass of the agent", tests, NULL, NULL);
}
