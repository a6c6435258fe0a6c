/* SPDX-License-Identifier: MIT */
/*
 * The collector of the root file system on fake roots: counters of ext4 and f2fs, what their growth
 * tells, and every way in which a file system becomes read-only.
 */
#include "tests/unit/fake-root.h"

#include "collectors/collectors.h"

#define EXT4 "sys/fs/ext4/mmcblk0p2/"
#define F2FS "sys/fs/f2fs/mmcblk0p2/"

static int setup(void **state)
{
	*state = fixture_new(&filesystem_collector);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static void mount_root(struct fixture *fixture, const char *fields)
{
	char text[256];

	snprintf(text, sizeof(text), "22 1 179:2 / / ro,noatime shared:1 - %s\n", fields);
	put(fixture, "proc/self/mountinfo", text);
}

/* A Pi under systemd: the agent's own mount is read-only, the file system is not. */
static void pi(struct fixture *fixture, const char *fields)
{
	mount_root(fixture, fields);
	put_link(fixture, "sys/dev/block/179:2",
		 "../../devices/platform/soc/mmc_host/mmc0/mmc0:0007/block/mmcblk0/mmcblk0p2");
	put(fixture, EXT4 "errors_count", "0\n");
	put(fixture, EXT4 "warning_count", "0\n");
	put(fixture, EXT4 "lifetime_write_kbytes", "1000\n");
	put(fixture, EXT4 "last_error_time", "0\n");
	put(fixture, EXT4 "first_error_func", "\n");
	put(fixture, EXT4 "last_error_func", "\n");
}

static void pi_ext4(struct fixture *fixture)
{
	pi(fixture, "ext4 /dev/root rw");
	start(fixture);
	sample_after(fixture, 0);
}

static int64_t stopped(struct fixture *fixture)
{
	return value_of(fixture, "fs", NULL);
}

static const struct event *only_event(struct fixture *fixture)
{
	assert_int_equal(fixture->batch.event_count, 1);
	return &fixture->batch.events[0];
}

static void healthy_ext4(void **state)
{
	struct fixture *fixture = *state;

	pi_ext4(fixture);
	assert_string_equal(text_of(fixture, "fs", "type"), "ext4");
	assert_int_equal(value_of(fixture, "fs", "errors"), 0);
	assert_int_equal(value_of(fixture, "fs", "warnings"), 0);
	assert_int_equal(value_of(fixture, "fs", "lifetime_written_bytes"), 1024000);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 0);
	assert_int_equal(stopped(fixture), 0);
	assert_string_equal(reason_of(fixture, "fs", "last_error_age_s"),
			    NOT_APPLICABLE "no error with a time is on record");
	assert_int_equal(fixture->batch.event_count, 0);
	/* What was written is read at a slower pace. */
	put(fixture, EXT4 "lifetime_write_kbytes", "2000\n");
	sample_after(fixture, 55 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "lifetime_written_bytes"), 1024000);
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "lifetime_written_bytes"), 2048000);
}

/* They are of an earlier life: told by the reading, by no event. */
static void old_errors_are_no_event(void **state)
{
	struct fixture *fixture = *state;

	pi(fixture, "ext4 /dev/root rw,errors=remount-ro");
	put(fixture, EXT4 "errors_count", "5\n");
	put(fixture, EXT4 "last_error_time", "1799913600\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "fs", "errors"), 5);
	assert_int_equal(value_of(fixture, "fs", "last_error_age_s"), 86400);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 0);
	assert_int_equal(fixture->batch.event_count, 0);
	/* A clock that is not set yet knows no age. */
	wall_clock_ms = 1000;
	sample_after(fixture, 5 * NS_PER_S);
	wall_clock_ms = INT64_C(1800000000000);
	assert_non_null(strstr(reason_of(fixture, "fs", "last_error_age_s"), "clock"));
}

static void new_errors_are_told(void **state)
{
	struct fixture *fixture = *state;

	pi_ext4(fixture);
	put(fixture, EXT4 "errors_count", "2\n");
	put(fixture, EXT4 "last_error_time", "1799999997\n");
	put(fixture, EXT4 "first_error_func", "__ext4_find_entry\n");
	put(fixture, EXT4 "last_error_func", "ext4_journal_\x1b[2Jcheck_start\n");
	sample_after(fixture, 5 * NS_PER_S);
	const struct event *event = only_event(fixture);
	assert_string_equal(event->kind, "fs-error-count");
	assert_int_equal(event->severity, SEVERITY_CRITICAL);
	assert_string_equal(event->text, "ext4 on mmcblk0p2: new errors: 2, on record: 2; first in "
					 "__ext4_find_entry, last in ext4_journal_ 3 s ago");
	assert_string_equal(event->values[0].name, "new");
	assert_int_equal(event->values[0].value, 2);
	/* With errors=continue it goes on being written to. */
	assert_int_equal(value_of(fixture, "fs", "read_only"), 0);
	assert_int_equal(stopped(fixture), 0);
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
	/* Unreadable for a while: what came meanwhile is not lost. */
	put(fixture, EXT4 "errors_count", "two\n");
	sample_after(fixture, 5 * NS_PER_S);
	assert_string_equal(reason_of(fixture, "fs", "errors"),
			    "in sys/fs/ext4/mmcblk0p2: not in the expected form");
	put(fixture, EXT4 "errors_count", "3\n");
	sample_after(fixture, 50 * NS_PER_S);
	assert_string_equal(only_event(fixture)->kind, "fs-error-count");
}

/* Counters that grow at each reading: one event of each kind in a minute, and nothing is left out. */
static void endless_errors_are_summed_up(void **state)
{
	struct fixture *fixture = *state;
	char text[16];
	int64_t told[2] = {0};
	int events = 0;

	pi_ext4(fixture);
	for (int i = 1; i <= 36; i++) {
		snprintf(text, sizeof(text), "%d\n", i);
		put(fixture, EXT4 "errors_count", text);
		put(fixture, EXT4 "warning_count", text);
		sample_after(fixture, 5 * NS_PER_S);
		for (size_t j = 0; j < fixture->batch.event_count; j++) {
			const struct event *event = &fixture->batch.events[j];
			told[strcmp(event->kind, "fs-warning-count") == 0] +=
				event->values[0].value;
			events++;
		}
	}
	assert_int_equal(events, 6);
	/* 3 minutes: the events came at the 1st, 13th and 25th reading. */
	assert_int_equal(told[0], 25);
	assert_int_equal(told[1], 25);
	/* They rest: what came since the last event is told when its minute is over. */
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 2);
	assert_int_equal(fixture->batch.events[0].values[0].value, 11);
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
}

/* Lost file data is a warning to ext4 and no error: the lab's real case. */
static void new_warnings_are_told(void **state)
{
	struct fixture *fixture = *state;

	pi_ext4(fixture);
	put(fixture, EXT4 "warning_count", "1\n");
	sample_after(fixture, 5 * NS_PER_S);
	assert_string_equal(only_event(fixture)->kind, "fs-warning-count");
	assert_int_equal(only_event(fixture)->severity, SEVERITY_WARNING);
	assert_int_equal(value_of(fixture, "fs", "warnings"), 1);
	assert_int_equal(stopped(fixture), 0);
}

/* Older kernels. */
static void error_makes_it_ro(void **state)
{
	struct fixture *fixture = *state;

	pi_ext4(fixture);
	put(fixture, EXT4 "errors_count", "1\n");
	mount_root(fixture, "ext4 /dev/root ro");
	sample_after(fixture, 5 * NS_PER_S); /* at once, not at the next look */
	assert_int_equal(fixture->batch.event_count, 2);
	assert_string_equal(fixture->batch.events[0].kind, "fs-error-count");
	assert_string_equal(fixture->batch.events[1].kind, "fs-read-only");
	assert_int_equal(fixture->batch.events[1].severity, SEVERITY_CRITICAL);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 1);
	/* It stays so, without further events. */
	sample_after(fixture, 3600 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
	assert_int_equal(stopped(fixture), 1);
	/* Repaired by hand. */
	mount_root(fixture, "ext4 /dev/root rw");
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(only_event(fixture)->kind, "fs-read-only-end");
	assert_int_equal(value_of(fixture, "fs", "read_only"), 0);
	assert_int_equal(stopped(fixture), 0);
}

/* Linux 6.12: the mount table says nothing. */
static void error_stops_it_unseen(void **state)
{
	struct fixture *fixture = *state;

	pi(fixture, "ext4 /dev/root rw,errors=remount-ro");
	put(fixture, EXT4 "errors_count", "7\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(stopped(fixture), 0);
	put(fixture, EXT4 "errors_count", "8\n");
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 2);
	assert_string_equal(fixture->batch.events[1].kind, "fs-read-only");
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 1);
}

/* From Linux 6.15 on. Nobody chooses that: it counts from the very beginning. */
static void emergency_ro(void **state)
{
	struct fixture *fixture = *state;

	pi(fixture, "ext4 /dev/root rw,emergency_ro");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(only_event(fixture)->kind, "fs-read-only");
	assert_string_equal(
		only_event(fixture)->text,
		"ext4 on mmcblk0p2 is read-only now: the kernel stopped it after an error");
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 1);
}

static void read_only_by_choice(void **state)
{
	struct fixture *fixture = *state;

	/* A kiosk: from the beginning. */
	pi(fixture, "ext4 /dev/root ro");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 0);
	/* Its operator makes it writable, changes something, and makes it read-only again. */
	mount_root(fixture, "ext4 /dev/root rw");
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 0);
	mount_root(fixture, "ext4 /dev/root ro");
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(only_event(fixture)->kind, "fs-read-only");
	assert_int_equal(only_event(fixture)->severity, SEVERITY_WARNING);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 0);
}

static void f2fs(void **state)
{
	struct fixture *fixture = *state;

	pi(fixture, "f2fs /dev/root rw,background_gc=on");
	put(fixture, F2FS "lifetime_write_kbytes", "5\n");
	put(fixture, F2FS "stat/cp_status", "c5\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "fs", "type"), "f2fs");
	assert_int_equal(value_of(fixture, "fs", "lifetime_written_bytes"), 5120);
	assert_string_equal(reason_of(fixture, "fs", "errors"),
			    NOT_APPLICABLE "f2fs does not tell it in sysfs");
	assert_int_equal(stopped(fixture), 0);
	/* An operator's own remount is none of our business, a checkpoint error is. */
	mount_root(fixture, "f2fs /dev/root ro,background_gc=on");
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 0);
	put(fixture, F2FS "stat/cp_status", "cd\n");
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(stopped(fixture), 1);
}

/* Nothing tells why: an operator's remount looks like that, and the kernel log knows of faults. */
static void kinds_without_counters(void **state)
{
	struct fixture *fixture = *state;

	pi(fixture, "btrfs /dev/mmcblk0p2 rw,subvol=/@");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(reason_of(fixture, "fs", "errors"),
			    NOT_APPLICABLE "btrfs does not tell it in sysfs");
	mount_root(fixture, "btrfs /dev/mmcblk0p2 ro,subvol=/@");
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(only_event(fixture)->kind, "fs-read-only");
	assert_int_equal(only_event(fixture)->severity, SEVERITY_WARNING);
	assert_string_equal(only_event(fixture)->text,
			    "btrfs on mmcblk0p2 is read-only now: mounted so, or after an error in "
			    "the kernel log");
	assert_int_equal(value_of(fixture, "fs", "read_only"), 1);
	assert_int_equal(stopped(fixture), 0);
	/* Unless the mount table says it. */
	mount_root(fixture, "btrfs /dev/mmcblk0p2 rw,shutdown");
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(stopped(fixture), 1);
}

/* The name in sysfs comes from the source where sysfs has no link. */
static void without_links(void **state)
{
	struct fixture *fixture = *state;

	mount_root(fixture, "ext4 /dev/mmcblk0p2 rw");
	put(fixture, EXT4 "errors_count", "4\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "fs", "errors"), 4);
	assert_string_equal(reason_of(fixture, "fs", "warnings"),
			    "sys/fs/ext4/mmcblk0p2/warning_count: the file is not there");
}

static void without_mounts(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	sample_after(fixture, 0);
	for (unsigned i = 0; i < fixture->module->metric_count; i++)
		assert_int_equal(sample_of(fixture, i)->kind, SAMPLE_UNKNOWN);
	assert_string_equal(reason_of(fixture, "fs", "type"),
			    "/proc/self/mountinfo: the file is not there");
	assert_string_equal(reason_of(fixture, "fs", "errors"),
			    "/proc/self/mountinfo: the file is not there");
	put(fixture, "proc/self/mountinfo", "23 22 0:21 / /proc rw - proc proc rw\n");
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(reason_of(fixture, "fs", "read_only"),
			    "/proc/self/mountinfo names no root file system");
	/* It comes, and it goes again: what is on top counts. */
	pi(fixture, "ext4 /dev/root rw");
	put(fixture, EXT4 "errors_count", "9\n");
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "errors"), 9);
	assert_int_equal(fixture->batch.event_count, 0);
	append(fixture, "proc/self/mountinfo", "22 1 0:30 / / rw - overlay overlay rw\n");
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(text_of(fixture, "fs", "type"), "overlay");
	assert_string_equal(reason_of(fixture, "fs", "errors"),
			    NOT_APPLICABLE "overlay does not tell it in sysfs");
	assert_int_equal(fixture->batch.event_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(healthy_ext4, setup, teardown),
		cmocka_unit_test_setup_teardown(old_errors_are_no_event, setup, teardown),
		cmocka_unit_test_setup_teardown(new_errors_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_errors_are_summed_up, setup, teardown),
		cmocka_unit_test_setup_teardown(new_warnings_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(error_makes_it_ro, setup, teardown),
		cmocka_unit_test_setup_teardown(error_stops_it_unseen, setup, teardown),
		cmocka_unit_test_setup_teardown(emergency_ro, setup, teardown),
		cmocka_unit_test_setup_teardown(read_only_by_choice, setup, teardown),
		cmocka_unit_test_setup_teardown(f2fs, setup, teardown),
		cmocka_unit_test_setup_teardown(kinds_without_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(without_links, setup, teardown),
		cmocka_unit_test_setup_teardown(without_mounts, setup, teardown),
	};
	return cmocka_run_group_tests_name("filesystem", tests, NULL, NULL);
}
