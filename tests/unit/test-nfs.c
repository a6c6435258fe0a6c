/* SPDX-License-Identifier: MIT */
/* The NFS collector on fake roots: when it applies, means and counters, and what a stall is. */
#include "tests/unit/fake-root.h"

#include "collectors/collectors.h"
#include "tests/unit/mountstats-texts.h"

#define STATS "proc/self/mountstats"

static int setup(void **state)
{
	*state = fixture_new(&nfs_collector);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

/* What the kernel would print, as one read. */
static void put_nfs(struct fixture *fixture, int64_t sends, int64_t receives, int64_t operations,
		    int64_t transmissions, int64_t timeouts, int64_t rtt_ms, int64_t execute_ms)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 MOUNT_PROC MOUNT_NFS NFS_HEAD
		 "\txprt:\ttcp 832 0 1 0 12 %lld %lld 0 1 0 2 0 0\n" NFS_TABLE
		 "\t        READ: %lld %lld %lld 0 0 0 %lld %lld 0\n" NFS_END,
		 (long long)sends, (long long)receives, (long long)operations,
		 (long long)transmissions, (long long)timeouts, (long long)rtt_ms,
		 (long long)execute_ms);
	put(fixture, STATS, text);
}

/* Only the connection matters. */
static void put_sends(struct fixture *fixture, int64_t sends, int64_t receives)
{
	put_nfs(fixture, sends, receives, 1000, 1000, 0, 2000, 3000);
}

static void all_unknown(struct fixture *fixture, const char *reason)
{
	for (unsigned i = 0; i < fixture->module->metric_count; i++) {
		const struct sample *sample = sample_of(fixture, i);
		assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
		assert_string_equal(sample->text, reason);
	}
	assert_int_equal(fixture->batch.event_count, 0);
}

static void does_not_apply_elsewhere(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, STATS, MOUNT_EXT4 MOUNT_PROC);
	start(fixture);
	sample_after(fixture, 0);
	all_unknown(fixture, "not applicable: root is not on NFS");
	assert_int_equal(strncmp(reason_of(fixture, "fs", "nfs_rtt_ms"), NOT_APPLICABLE,
				 sizeof(NOT_APPLICABLE) - 1),
			 0);
}

static void says_what_is_missing(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	sample_after(fixture, 0);
	all_unknown(fixture, "/proc/self/mountstats: the file is not there");
}

static void says_when_no_root_is_listed(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, STATS, MOUNT_PROC);
	start(fixture);
	sample_after(fixture, 0);
	all_unknown(fixture, "/proc/self/mountstats: names no root file system");
}

static void means_of_ended_operations(void **state)
{
	struct fixture *fixture = *state;

	put_nfs(fixture, 100, 100, 1000, 1000, 0, 2000, 3000);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "fs", "nfs_source"), "192.0.2.10:/srv/pi4");
	assert_non_null(strstr(reason_of(fixture, "fs", "nfs_rtt_ms"), "needs two"));

	put_nfs(fixture, 110, 110, 1010, 1010, 0, 2070, 3200);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_rtt_ms"), 7);
	assert_int_equal(value_of(fixture, "fs", "nfs_execute_ms"), 20);

	/* It stays while the operations are in the window, and not longer. */
	for (int i = 0; i < 9; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_rtt_ms"), 7);
	}
	sample_after(fixture, NS_PER_S);
	assert_string_equal(reason_of(fixture, "fs", "nfs_rtt_ms"),
			    "no operation ended in the last 10 s");
	assert_string_equal(reason_of(fixture, "fs", "nfs_execute_ms"),
			    "no operation ended in the last 10 s");
}

static void counts_since_the_start(void **state)
{
	struct fixture *fixture = *state;

	put_nfs(fixture, 100, 100, 1000, 1100, 7, 0, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 0);
	assert_int_equal(value_of(fixture, "fs", "nfs_timeouts"), 0);
	put_nfs(fixture, 110, 107, 1007, 1110, 9, 0, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 3);
	assert_int_equal(value_of(fixture, "fs", "nfs_timeouts"), 2);
	/* An operation that ended without having been sent takes nothing away. */
	put_nfs(fixture, 110, 107, 1009, 1110, 9, 0, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 3);
	/* Counters that begin anew: nothing is counted for that step. */
	put_nfs(fixture, 1, 1, 1, 1, 0, 0, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 3);
	put_nfs(fixture, 3, 2, 2, 3, 1, 0, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 4);
	assert_int_equal(value_of(fixture, "fs", "nfs_timeouts"), 3);
}

static void counts_over_a_wrap(void **state)
{
	struct fixture *fixture = *state;

	put_nfs(fixture, 10, 10, 4294967290, 4294967294, 4294967295, 0, 0);
	start(fixture);
	sample_after(fixture, 0);
	put_nfs(fixture, 20, 20, 4294967293, 3, 1, 0, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_retransmits"), 2);
	assert_int_equal(value_of(fixture, "fs", "nfs_timeouts"), 2);
}

/* More sends than receives is the mark of old trouble, not a stall. */
static void an_idle_machine_is_no_stall(void **state)
{
	struct fixture *fixture = *state;

	put_sends(fixture, 5000, 4000);
	start(fixture);
	for (int i = 0; i < 100; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
		assert_int_equal(fixture->batch.event_count, 0);
	}
}

static void no_answer_is_a_stall(void **state)
{
	struct fixture *fixture = *state;

	put_sends(fixture, 5000, 4990);
	start(fixture);
	sample_after(fixture, 0);
	for (int i = 0; i <= 10; i++) {
		put_sends(fixture, 5001 + i / 4, 4990);
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), i == 10);
	}
	assert_int_equal(fixture->batch.event_count, 1);
	const struct event *event = &fixture->batch.events[0];
	assert_string_equal(event->kind, "nfs-stall");
	assert_int_equal(event->severity, SEVERITY_CRITICAL);
	assert_string_equal(event->text, "192.0.2.10:/srv/pi4: 3 requests sent and none was "
					 "answered for 10 s");
	assert_int_equal(event->values[0].value, 3);

	/* It goes on without another event, also when nothing more is sent. */
	for (int i = 0; i < 60; i++) {
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 1);
		assert_int_equal(fixture->batch.event_count, 0);
	}
	put_sends(fixture, 5006, 4991);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	assert_int_equal(fixture->batch.event_count, 1);
	assert_string_equal(fixture->batch.events[0].kind, "nfs-stall-end");
	assert_int_equal(fixture->batch.events[0].values[0].value, 71);
}

/* A mount that gives up ends its operations with an error: that is an answer of a kind. */
static void an_operation_that_ends_is_life(void **state)
{
	struct fixture *fixture = *state;

	put_nfs(fixture, 100, 100, 50, 50, 0, 0, 0);
	start(fixture);
	sample_after(fixture, 0);
	for (int i = 1; i < 40; i++) {
		put_nfs(fixture, 100 + i, 100, 50 + i / 8, 50 + i / 8, i / 8, 0, 0);
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	}
}

/* One long gap between two readings says nothing about when the request was sent. */
static void a_late_reading_is_no_stall(void **state)
{
	struct fixture *fixture = *state;

	put_sends(fixture, 5000, 4990);
	start(fixture);
	sample_after(fixture, 0);
	put_sends(fixture, 5001, 4990);
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 1);
}

/* Counters that begin anew (another connection) must not hide the next stall. */
static void a_reset_is_no_stall_and_hides_none(void **state)
{
	struct fixture *fixture = *state;

	put_sends(fixture, 5000, 4990);
	start(fixture);
	sample_after(fixture, 0);
	put_sends(fixture, 0, 4990);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	put_sends(fixture, 1, 4990);
	sample_after(fixture, NS_PER_S);
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 1);
}

static void stall_after_can_be_set(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "stall_after", "3s");
	put_sends(fixture, 10, 10);
	start(fixture);
	sample_after(fixture, 0);
	put_sends(fixture, 11, 10);
	sample_after(fixture, NS_PER_S);
	sample_after(fixture, 2 * NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 1);
}

static void broken_files_are_unknown(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"", "/proc/self/mountstats: names no root file system"},
		{MOUNT_PROC, "/proc/self/mountstats: names no root file system"},
		{MOUNT_EXT4, "/proc/self/mountstats: names no root file system"},
		{MOUNT_NFS, "/proc/self/mountstats: not in the expected form"},
		{MOUNT_NFS NFS_XPRT("1", "x") NFS_TABLE NFS_NULL,
		 "/proc/self/mountstats: not in the expected form"},
	};
	struct fixture *fixture = *state;

	put_sends(fixture, 10, 10);
	start(fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(fixture, STATS, rows[i].text);
		sample_after(fixture, NS_PER_S);
		all_unknown(fixture, rows[i].reason);
		put_sends(fixture, 10, 10);
		sample_after(fixture, NS_PER_S);
		assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);
	}
}

/* Reading is bounded, and a long file is read to its end. */
static void reads_long_files(void **state)
{
	static const char line[] = "device tmpfs mounted on /run/user/1000/bus with fstype tmpfs\n";
	struct fixture *fixture = *state;

	put(fixture, STATS, "");
	for (size_t i = 0; i < 2000; i++)
		append(fixture, STATS, line);
	append(fixture, STATS, MOUNT_NFS NFS_HEAD NFS_XPRT("10", "9") NFS_TABLE NFS_NULL NFS_END);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "fs", "nfs_stalled"), 0);

	char *much = calloc(1, 1024 * 1024 + 1);
	assert_non_null(much);
	memset(much, '\n', 1024 * 1024);
	append(fixture, STATS, much);
	free(much);
	sample_after(fixture, NS_PER_S);
	all_unknown(fixture, "/proc/self/mountstats: far too long for a kernel file");
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WORLD(does_not_apply_elsewhere),
		WORLD(says_what_is_missing),
		WORLD(says_when_no_root_is_listed),
		WORLD(means_of_ended_operations),
		WORLD(counts_since_the_start),
		WORLD(counts_over_a_wrap),
		WORLD(an_idle_machine_is_no_stall),
		WORLD(no_answer_is_a_stall),
		WORLD(an_operation_that_ends_is_life),
		WORLD(a_late_reading_is_no_stall),
		WORLD(a_reset_is_no_stall_and_hides_none),
		WORLD(stall_after_can_be_set),
		WORLD(broken_files_are_unknown),
		WORLD(reads_long_files),
	};
	return cmocka_run_group_tests_name("nfs", tests, NULL, NULL);
}
