/* SPDX-License-Identifier: MIT */
/*
 * The frame of records, records that are cut off, lines that were left out, records that were lost, and
 * where a restart goes on. All pure.
 */
#include "tests/unit/kernel-log-fixture.h"

#include <errno.h>

#include "collectors/kernel_log_position.h"
#include "collectors/kernel_log_record.h"

static void parses_records(void **state)
{
	static const char text[] =
		"30,18446744073709551615,5,c,caller=T1;a\\x5cb\\xzz\\x1\tc\n D=1\n";
	struct klog_record record;
	(void)state;

	assert_int_equal(klog_parse(text, strlen(text), &record), 0);
	assert_int_equal(record.facility, 3);
	assert_int_equal(record.level, 6);
	assert_true(record.sequence == UINT64_MAX);
	assert_string_equal(record.text, "a\\b\\xzz\\x1 c");

	static const char *const broken[] = {
		"",
		"6",
		"6,",
		"6,1,2,-",
		"6,1,2,-\n;x",
		";x",
		"-1,1,2,-;x",
		"6,1,2;x",
		" 6,1,2,-;x",
		"99999,1,2,-;x",
		"6,18446744073709551616,2,-;x",
		"<3>I/O error",
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(klog_parse(broken[i], strlen(broken[i]), &record), -EINVAL);
}

/* Cut off at every byte, in memory of exactly that size so that a sanitizer sees a step too far. */
static void truncated_records(void **state)
{
	static const char whole[] = "3,7,9,-;I/O error, dev mmcblk0, sector 4396032 op "
				    "0x1:(WRITE) flags 0x800\\x20";
	int counted = 0;
	(void)state;

	for (size_t length = 0; length < sizeof(whole); length++) {
		struct klog_tally *tally = pi_new();
		char *part = malloc(length + 1);
		assert_non_null(part);
		part = realloc(part, length ? length : 1);
		assert_non_null(part);
		memcpy(part, whole, length);
		klog_tally_record(tally, part, length, NS_PER_S);
		counted += tally->counters[KLOG_COUNT_SD_WRITE] != 0;
		assert_int_equal(tally->counters[KLOG_COUNT_SD_READ], 0);
		free(part);
		free(tally);
	}
	assert_true(counted > 0);
}

static void long_text_is_cut(void **state)
{
	char text[4096] = "3,7,9,-;";
	struct klog_record record;
	(void)state;

	memset(text + 8, 'x', sizeof(text) - 8);
	assert_int_equal(klog_parse(text, sizeof(text), &record), 0);
	assert_int_equal(strlen(record.text), KLOG_TEXT_SIZE - 1);
}

static void timeouts_count_twice(void **state)
{
	struct klog_tally *tally = pi_new();
	(void)state;

	say(tally, "timeout error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 1);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_TIMEOUT], 1);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_READ], 0);
	assert_int_equal(tally->counters[KLOG_COUNT_STORAGE], 1);
	say(tally, "mmc0: Timeout waiting for hardware interrupt.", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_TIMEOUT], 2);
	assert_int_equal(tally->counters[KLOG_COUNT_STORAGE], 2);
	say(tally, "mmc0: running CQE recovery", NS_PER_S);
	say(tally, "mmc0: Reset 0x2 never completed.", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_CQE], 1);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_CONTROLLER], 1);
	assert_int_equal(tally->counters[KLOG_COUNT_STORAGE], 2);
	free(tally);
}

/* What was left out is what the line before it was about. */
static void left_out_lines(void **state)
{
	static const char suppressed[] = "blk_print_req_error: 41 callbacks suppressed";
	struct klog_tally *tally = pi_new();
	const int64_t *counters = tally->counters;
	(void)state;

	/* Before the first line it is nobody's; then that line's. */
	assert_false(say(tally, suppressed, 1));
	assert_int_equal(counters[KLOG_COUNT_SD_WRITE] + counters[KLOG_COUNT_SD_READ], 0);
	say(tally, "I/O error, dev sda, sector 8 op 0x1:(WRITE) flags 0x0", 1);
	assert_int_equal(counters[KLOG_COUNT_SD_WRITE], 42);
	/* Of a disk with swap: that says nothing of the disk under the root. */
	assert_int_equal(counters[KLOG_COUNT_STORAGE], 0);
	say(tally, "I/O error, dev sda, sector 8 op 0x0:(READ) flags 0x0", 1);
	/* Lines of other sites between them do not matter. */
	say(tally, "Buffer I/O error on dev sdb1, logical block 0, async page read", 1);
	say(tally, suppressed, 1);
	assert_int_equal(counters[KLOG_COUNT_SD_READ], 42);
	/* Neither those of somebody else's disk nor of none at all count. */
	say(tally, "I/O error, dev sdb, sector 8 op 0x0:(READ) flags 0x0", 1);
	say(tally, suppressed, 1);
	say(tally, "I/O error, dev loop0, sector 8 op 0x0:(READ) flags 0x0", 1);
	say(tally, suppressed, 1);
	say(tally, "operation not supported error, dev sda, sector 8 op 0x3:(DISCARD) flags 0", 1);
	say(tally, suppressed, 1);
	assert_int_equal(counters[KLOG_COUNT_SD_READ], 42);
	assert_int_equal(counters[KLOG_COUNT_SD_WRITE], 42);

	say(tally, "Write-error on swap-device (254:0:8)", 1);
	say(tally, "__end_swap_bio_write: 9 callbacks suppressed", 1);
	assert_int_equal(counters[KLOG_COUNT_SWAP_WRITE], 0);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, 1));
	say(tally, "Write-error on swap-device (179:0:8)", 1);
	say(tally, "__end_swap_bio_write: 99999999999999999999 callbacks suppressed", 1);
	assert_int_equal(counters[KLOG_COUNT_SWAP_WRITE], 1000000001);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, 1));
	free(tally);
}

static void alarms_end(void **state)
{
	struct klog_tally *tally = pi_new();
	const int64_t minute = 60 * NS_PER_S;
	(void)state;

	say(tally, "Memory cgroup out of memory: Killed process 8 (php) total-vm:1kB", NS_PER_S);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_MEMORY, NS_PER_S));
	say(tally, "Out of memory: Killed process 812 (apache2) total-vm:1kB", NS_PER_S);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_MEMORY, 11 * NS_PER_S - 1));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_MEMORY, 11 * NS_PER_S));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S));

	say(tally, "I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0", NS_PER_S);
	say(tally, "EXT4-fs error (device mmcblk0p2): f:1: comm x: y", NS_PER_S);
	say(tally, "INFO: task dd:456 blocked for more than 120 seconds.", NS_PER_S);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_KERNEL, NS_PER_S));
	say(tally, "Aborting journal on device sdb1-8.", NS_PER_S); /* not ours */
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S));
	say(tally, "Aborting journal on device mmcblk0p3-8.", NS_PER_S);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, minute + NS_PER_S - 1));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, minute + NS_PER_S));
	/* A root that was given up stays lost, and what comes after it does not shorten that. */
	say(tally, "Aborting journal on device mmcblk0p2-8.", NS_PER_S);
	say(tally, "Aborting journal on device mmcblk0p3-8.", 2 * NS_PER_S);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, 1000 * minute));
	say(tally, "Internal error: Oops: 17 [#1] SMP ARM", NS_PER_S);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_KERNEL, NS_PER_S));
	free(tally);
}

/* A stick that failed before we looked leaves nothing with our card. */
static void left_out_lines_of_others(void **state)
{
	struct klog_tally *tally = pi_new();
	(void)state;

	say(tally, "blk_print_req_error: 500 callbacks suppressed", 1);
	say(tally, "I/O error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x0", 1);
	say(tally, "I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0", 1);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 1);
	free(tally);
}

static void swap_elsewhere_is_not_the_card(void **state)
{
	struct klog_tally *tally = pi_new();
	(void)state;

	say(tally, "Read-error on swap-device (8:0:8)", 1);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_SWAP, 1));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, 1));
	say(tally, "Read-error on swap-device (179:2:8)", 1);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, 1));
	free(tally);
}

static void silent_server_of_the_root(void **state)
{
	struct klog_tally *tally = pi_new();
	(void)state;

	say(tally, "nfs: server 192.0.2.10 not responding, still trying", 1);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_NFS, 1));
	strcpy(tally->disks.nfs_server, "192.0.2.1");
	say(tally, "nfs: server 192.0.2.10 not responding, still trying", 1);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_NFS, 1));
	say(tally, "nfs: server 192.0.2.1 not responding, still trying", 1);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_NFS, 300 * NS_PER_S));
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_NFS, 601 * NS_PER_S));
	say(tally, "nfs: server 192.0.2.10 OK", 1);
	assert_true(klog_tally_alarm(tally, KLOG_ALARM_NFS, 1));
	say(tally, "nfs: server 192.0.2.1 OK", 1);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_NFS, 1));
	free(tally);
}

static void root_is_lost_for_good(void **state)
{
	static const struct {
		const char *line;
		bool lost;
	} rows[] = {
		{"mmc0: card 4567 removed", true},
		{"mmcblk0: recovery failed!", true},
		{"EXT4-fs (mmcblk0p2): Remounting filesystem read-only", true},
		{"EXT4-fs (mmcblk0p1): Remounting filesystem read-only", false},
		{"EXT4-fs (sda1): Remounting filesystem read-only", false},
		{"Read-error on swap-device (179:0:3344640)", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct klog_tally *tally = pi_new();
		say(tally, rows[i].line, NS_PER_S);
		assert_true(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S));
		assert_int_equal(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S * 86400),
				 rows[i].lost);
		free(tally);
	}
}

static bool take(struct klog_tally *tally, const char *record, int64_t ns)
{
	return klog_tally_record(tally, record, strlen(record), ns);
}

static void lost_records_are_told(void **state)
{
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	/* A gap in the numbers is a loss, whether read() said so or not. */
	assert_false(take(tally, "6,100,1,-;one", NS_PER_S));
	assert_true(take(tally, "6,200,1,-;two", NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 99);
	batch = events(tally, NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "kernel-log-lost", SEVERITY_WARNING,
		     "Kernel log not read: 99 records came too fast");
	assert_int_equal(event_value(&batch->events[0], "records"), 99);

	/* Within the incident: counted, and told when it closes. */
	klog_tally_overrun(tally);
	assert_false(take(tally, "14,1201,1,-;three, of user space", NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 1099);
	assert_false(klog_tally_too_long(tally, NS_PER_S)); /* this was 1202 */
	klog_tally_overrun(tally);
	assert_false(take(tally, "6,1203,1,-;nothing is missing", NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 1100);
	batch = events(tally, 11 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "kernel-log-lost", SEVERITY_WARNING,
		     "kernel log, in 1 s: 1100 lost records");

	/* A log that begins anew has lost nothing. */
	assert_false(take(tally, "6,5,1,-;one", 12 * NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 1100);
	free(tally);

	/* Before the first record nobody knows how many. */
	tally = pi_new();
	klog_tally_overrun(tally);
	assert_true(take(tally, "6,5000,1,-;one", NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 1);
	expect_event(events(tally, NS_PER_S), 0, "kernel-log-lost", SEVERITY_WARNING,
		     "Kernel log not read: at least 1 record came too fast");
	free(tally);

	/* In a copy of a log numbers may be missing. */
	tally = pi_new();
	tally->has_gaps = true;
	assert_false(take(tally, "6,100,1,-;one", NS_PER_S));
	assert_false(take(tally, "6,200,1,-;two", NS_PER_S));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 0);
	free(tally);
}

static void restart_goes_on(void **state)
{
	static const char error[] = "I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0";
	char record[256];
	(void)state;

	/* 7 and 8 were counted before; 9 to 11 are new, although 10 is gone. */
	struct klog_tally *tally = pi_new();
	klog_tally_resume(tally, 9);
	for (unsigned i = 7; i <= 11; i++) {
		snprintf(record, sizeof(record), "3,%u,1,-;%s", i, error);
		if (i != 10)
			take(tally, record, NS_PER_S);
	}
	assert_true(klog_tally_caught_up(tally));
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 2);
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 1);
	assert_true(tally->next_sequence == 12);
	free(tally);

	/* Nothing new, then something. */
	tally = pi_new();
	klog_tally_resume(tally, 9);
	take(tally, "3,8,1,-;x", NS_PER_S);
	assert_true(klog_tally_caught_up(tally));
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 0);
	take(tally, "3,9,1,-;I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) f", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 1);
	free(tally);

	/* A position that the log has not reached is of another log: it must not make us deaf. */
	tally = pi_new();
	klog_tally_resume(tally, 900);
	take(tally, "3,8,1,-;x", NS_PER_S);
	assert_false(klog_tally_caught_up(tally));
	take(tally, "3,9,1,-;I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) f", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 1);
	assert_int_equal(tally->counters[KLOG_COUNT_LOST], 0);
	free(tally);
}

static void positions(void **state)
{
	static const char id[] = "7bee0392-aceb-44f2-9b3b-0f9ece9bb141";
	static const char good[] = "7bee0392-aceb-44f2-9b3b-0f9ece9bb141 00000000000000001234\n";
	char text[128];
	uint64_t next = 1;
	(void)state;

	assert_int_equal(klog_position_parse(good, strlen(good), id, &next), 0);
	assert_true(next == 1234);
	assert_int_equal(klog_position_parse("", 0, id, &next), KLOG_POSITION_NONE);
	memcpy(text, good, sizeof(good));
	text[3] = '0';
	assert_int_equal(klog_position_parse(text, strlen(text), id, &next), KLOG_POSITION_NONE);

	for (size_t length = 1; length < strlen(good); length++)
		assert_int_equal(klog_position_parse(good, length, id, &next), -EINVAL);
	assert_int_equal(klog_position_parse(good, sizeof(good), id, &next), -EINVAL);
	for (size_t i = strlen(id); i < strlen(good); i++) {
		memcpy(text, good, sizeof(good));
		text[i] = 'x';
		assert_int_equal(klog_position_parse(text, strlen(text), id, &next), -EINVAL);
	}
	snprintf(text, sizeof(text), "%s 99999999999999999999\n", id);
	assert_int_equal(klog_position_parse(text, strlen(text), id, &next), -EINVAL);
	assert_true(next == 1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_records),
		cmocka_unit_test(truncated_records),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(timeouts_count_twice),
		cmocka_unit_test(left_out_lines),
		cmocka_unit_test(alarms_end),
		cmocka_unit_test(root_is_lost_for_good),
		cmocka_unit_test(left_out_lines_of_others),
		cmocka_unit_test(swap_elsewhere_is_not_the_card),
		cmocka_unit_test(silent_server_of_the_root),
		cmocka_unit_test(lost_records_are_told),
		cmocka_unit_test(restart_goes_on),
		cmocka_unit_test(positions),
	};
	return cmocka_run_group_tests_name("kernel-log-match", tests, NULL, NULL);
}
