/* SPDX-License-Identifier: MIT */
/* Stalls of the SD card: when one begins, when it has ended, what is none, and the one without end. */
#include "tests/unit/sdcard-world.h"

static void stall_begins_and_ends(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	card(fixture, 1000, 5000, 3);
	start(fixture);
	sample_after(fixture, 0);
	for (int i = 1; i < 10; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
		assert_int_equal(fixture->batch.event_count, 0);
	}
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
	assert_int_equal(fixture->batch.event_count, 1);
	const struct event *event = &fixture->batch.events[0];
	assert_string_equal(event->kind, "sd-stall");
	assert_int_equal(event->severity, SEVERITY_CRITICAL);
	assert_string_equal(event->text, "mmcblk0: 3 requests wait and none has finished for 10 s");
	assert_string_equal(event->values[0].name, "in_flight");
	assert_int_equal(event->values[0].value, 3);

	/* It lasts: no second event. Then the three finish, and nothing comes for 5 s. */
	sample_after(fixture, 20 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
	assert_int_equal(fixture->batch.event_count, 0);
	card(fixture, 1003, 95000, 0);
	for (int i = 0; i < 5; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
		assert_int_equal(fixture->batch.event_count, 0);
	}
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	assert_int_equal(fixture->batch.event_count, 1);
	assert_string_equal(fixture->batch.events[0].kind, "sd-stall-end");
	assert_string_equal(fixture->batch.events[0].text,
			    "mmcblk0 finishes requests again, after 31 s");
}

/* One write in 13 s: that is one stall, and ends a minute after the last wait that was too long. */
static void slow_card_is_one_stall(void **state)
{
	struct fixture *fixture = *state;
	int events = 0;

	pi3(fixture);
	start(fixture);
	for (int second = 0; second <= 13 * 20; second++) {
		card(fixture, 1000 + second / 13, 5000 + 1000 * second, 3);
		sample_after(fixture, NS_PER_S);
		events += (int)fixture->batch.event_count;
		assert_int_equal(value_of(fixture, "sd", "stalled"), second >= 10);
	}
	assert_int_equal(events, 1);
	/* From now on one each second. */
	for (int second = 1; second < 60; second++) {
		card(fixture, 1020 + second, 265000 + 1000 * second, 3);
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
		assert_int_equal(fixture->batch.event_count, 0);
	}
	card(fixture, 1080, 325000, 3);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	assert_string_equal(fixture->batch.events[0].text,
			    "mmcblk0 finishes requests again, after 260 s");
}

/* Where a stall takes longer than that minute to be one, it takes longer to end. */
static void slow_card_with_long_limit(void **state)
{
	struct fixture *fixture = *state;
	int events = 0;

	set(fixture, "stall_after", "2m");
	pi3(fixture);
	start(fixture);
	for (int second = 0; second <= 150 * 5; second++) {
		card(fixture, 1000 + second / 150, 5000 + 1000 * second, 3);
		sample_after(fixture, NS_PER_S);
		events += (int)fixture->batch.event_count;
	}
	assert_int_equal(events, 1);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
}

/* A card that is slow or at rest is not stalled. */
static void no_stall_while_something_finishes(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "stall_after", "2s");
	pi3(fixture);
	start(fixture);
	for (int i = 0; i < 30; i++) {
		put_stat(fixture, "mmcblk0", 1000 + i / 2, 1000, 8000, 5000, 5000, 30);
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	}
	card(fixture, 1001, 5001, 0);
	for (int i = 0; i < 5; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	}
	card(fixture, 1001, 5001, 1);
	sample_after(fixture, NS_PER_MS);
	sample_after(fixture, 1999 * NS_PER_MS);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	sample_after(fixture, NS_PER_MS);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
}

/* A request that is there at one reading has waited since then, not since the one before. */
static void no_stall_of_seldom_readings(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	card(fixture, 1000, 5000, 1);
	sample_after(fixture, 30 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	assert_int_equal(fixture->batch.event_count, 0);
	/* The same one 30 s later. */
	sample_after(fixture, 30 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
	assert_string_equal(fixture->batch.events[0].text,
			    "mmcblk0: 1 requests wait and none has finished for 30 s");
}

static void is_gone(struct fixture *fixture)
{
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
	assert_int_equal(fixture->batch.event_count, 1);
	assert_string_equal(fixture->batch.events[0].kind, "sd-gone");
	assert_string_equal(
		reason_of(fixture, "sd", "device"),
		"the root's disk, 179:2, is gone: put it back and restart this machine");
	/* It is final: also when there is a disk of that name again. */
	card(fixture, 1, 1, 0);
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 1);
	assert_int_equal(fixture->batch.event_count, 0);
}

/* Pulled before we start, or before a reload starts the collector anew. */
static void gone_before_the_start(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "22 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n");
	put_link(fixture, "sys/dev/block/7:0", "../../devices/virtual/block/loop0");
	put_link(fixture, "sys/class/block/mmcblk0p2", PI3_CARD "/mmcblk0p2");
	card(fixture, 1, 1, 0); /* another one by that name */
	start(fixture);
	is_gone(fixture);
}

static void chosen_one_gone_before_the_start(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "22 1 179:2 / / rw - ext4 /dev/root rw\n");
	put_link(fixture, "sys/dev/block/7:0", "../../devices/virtual/block/loop0");
	set(fixture, "device", "mmcblk0");
	start(fixture);
	is_gone(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stall_begins_and_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_card_is_one_stall, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_card_with_long_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(no_stall_while_something_finishes, setup, teardown),
		cmocka_unit_test_setup_teardown(no_stall_of_seldom_readings, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_before_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(chosen_one_gone_before_the_start, setup, teardown),
	};
	return cmocka_run_group_tests_name("sdcard-stall", tests, NULL, NULL);
}
