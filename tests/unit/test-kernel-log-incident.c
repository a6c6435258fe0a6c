/* SPDX-License-Identifier: MIT */
/*
 * One fault, one incident: what the lines of cards that failed (Linux 6.1, lab-pi-vm.md) come to, and that
 * nothing is lost however many there are.
 */
#include "tests/unit/kernel-log-fixture.h"

static const char write_error[] = "I/O error, dev mmcblk0, sector 5177464 op 0x1:(WRITE) flags "
				  "0x9800 phys_seg 6 prio class 2";
static const char read_error[] = "I/O error, dev mmcblk0, sector 3344640 op 0x0:(READ) flags 0x0 "
				 "phys_seg 1 prio class 2";

/* A write fails, then the journal: the first line, the worse one, and what there was in all. */
static void journal_abort(void **state)
{
	static const char *const lines[] = {
		"Buffer I/O error on dev mmcblk0p3, logical block 131072, lost sync page write",
		"JBD2: I/O error when updating journal superblock for mmcblk0p3-8.",
		"EXT4-fs error (device mmcblk0p3): ext4_journal_check_start:83: comm touch: "
		"Detected aborted journal",
		"EXT4-fs (mmcblk0p3): I/O error while writing superblock",
		"EXT4-fs (mmcblk0p3): Remounting filesystem read-only",
		"EXT4-fs error (device mmcblk0p3) in __ext4_new_inode:1094: Journal has aborted",
	};
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	assert_true(say(tally, write_error, NS_PER_S));
	assert_true(say(tally, "Aborting journal on device mmcblk0p3-8.", NS_PER_S));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(say(tally, lines[i], 7 * NS_PER_S));
	batch = events(tally, 7 * NS_PER_S);
	assert_int_equal(batch->event_count, 2);
	expect_event(batch, 0, "sd-write-error", SEVERITY_WARNING,
		     "Disk write failed: I/O error, dev mmcblk0, sector 5177464 op 0x1:(WRITE) "
		     "flags 0x9800 phys_seg 6 prio class 2");
	expect_event(batch, 1, "fs-journal-abort", SEVERITY_CRITICAL,
		     "Journal aborted: Aborting journal on device mmcblk0p3-8.");

	assert_int_equal(events(tally, 17 * NS_PER_S - 1)->event_count, 0);
	batch = events(tally, 17 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "fs-journal-abort", SEVERITY_CRITICAL,
		     "mmcblk0, in 7 s: 2 journal aborts, 1 fs stops, 3 fs errors, 1 write errors, "
		     "1 buffer errors");
	assert_int_equal(event_value(&batch->events[0], "journal_aborts"), 2);
	assert_int_equal(event_value(&batch->events[0], "fs_errors"), 3);
	assert_int_equal(event_value(&batch->events[0], "write_errors"), 1);
	assert_int_equal(events(tally, 90 * NS_PER_S)->event_count, 0);
	free(tally);
}

/* From the first line to the panic it took 2.8 s: both are told at once, each as it comes. */
static void swap_read_error(void **state)
{
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	say(tally, read_error, NS_PER_S);
	assert_int_equal(events(tally, NS_PER_S)->event_count, 1);
	say(tally, "Read-error on swap-device (179:0:3344640)", NS_PER_S);
	batch = events(tally, NS_PER_S);
	expect_event(batch, 0, "swap-read-error", SEVERITY_CRITICAL,
		     "Swap unreadable: Read-error on swap-device (179:0:3344640)");
	say(tally, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
	    3 * NS_PER_S);
	batch = events(tally, 3 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	assert_string_equal(batch->events[0].kind, "kernel-panic");
	/* All was told: the end needs no word. */
	assert_int_equal(events(tally, 60 * NS_PER_S)->event_count, 0);
	free(tally);
}

static void card_pulled(void **state)
{
	static const char *const lines[] = {
		"Aborting journal on device mmcblk0p1-8.",
		"JBD2: I/O error when updating journal superblock for mmcblk0p1-8.",
		"EXT4-fs error (device mmcblk0p1): ext4_journal_check_start:83: comm "
		"systemd-journal: Detected aborted journal",
		"EXT4-fs (mmcblk0p1): Remounting filesystem read-only",
		"EXT4-fs error (device mmcblk0p1): __ext4_find_entry:1683: inode #33: comm "
		"sd-resolve: reading directory lblock 0",
		"mmc0: new high speed SDHC card at address 4567",
	};
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	assert_true(say(tally, "mmc0: card 4567 removed", NS_PER_S));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(say(tally, lines[i], NS_PER_S));
	batch = events(tally, NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "sd-removed", SEVERITY_CRITICAL,
		     "SD card removed: mmc0: card 4567 removed");
	batch = events(tally, 11 * NS_PER_S);
	expect_event(batch, 0, "sd-removed", SEVERITY_CRITICAL,
		     "mmcblk0, in 1 s: 1 removals, 2 journal aborts, 1 fs stops, 2 fs errors, 1 "
		     "insertions");
	free(tally);
}

/* One request that fails yields lines of four layers: one event, and one at the end. */
static void four_layers(void **state)
{
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	say(tally, "mmc0: Timeout waiting for hardware interrupt.", NS_PER_S);
	say(tally, "mmc0: sdhci: ============ SDHCI REGISTER DUMP ===========", NS_PER_S);
	for (int i = 0; i < 20; i++)
		say(tally, "mmc0: sdhci: Int stat:  0x00000000 | Err stat: 0x00000000", NS_PER_S);
	say(tally, "mmc0: sdhci: ============================================", NS_PER_S);
	say(tally, write_error, NS_PER_S);
	say(tally,
	    "EXT4-fs warning (device mmcblk0p3): ext4_end_bio:343: I/O error 10 writing to "
	    "inode 12 starting block 549504)",
	    NS_PER_S);
	say(tally, "Buffer I/O error on device mmcblk0p3, logical block 33280", NS_PER_S);
	assert_int_equal(events(tally, NS_PER_S)->event_count, 1);
	batch = events(tally, 11 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "sd-timeout", SEVERITY_WARNING,
		     "mmcblk0, in 1 s: 1 write errors, 1 timeouts, 1 buffer errors, 1 data losses");
	free(tally);
}

/* A fault without end is told of once a minute. */
static void endless_fault(void **state)
{
	struct klog_tally *tally = pi_new();
	size_t told = 0;
	(void)state;

	for (int second = 0; second < 300; second++) {
		int64_t ns = (second + 1) * NS_PER_S;
		say(tally, write_error, ns);
		say(tally, "blk_print_req_error: 99 callbacks suppressed", ns);
		told += events(tally, ns)->event_count;
	}
	assert_in_range(told, 8, 10);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 30000);
	free(tally);
}

/* Somebody else's disk: an incident of its own, which names it, counts nothing and is no alarm. */
static void other_disk(void **state)
{
	struct klog_tally *tally = pi_new();
	const struct batch *batch;
	(void)state;

	say(tally, write_error, NS_PER_S);
	say(tally, "I/O error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x0", NS_PER_S);
	say(tally, "Aborting journal on device sdb1-8.", NS_PER_S);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 1);
	assert_false(klog_tally_alarm(tally, KLOG_ALARM_STORAGE, NS_PER_S));
	batch = events(tally, NS_PER_S);
	assert_int_equal(batch->event_count, 3);
	expect_event(batch, 1, "disk-write-error", SEVERITY_WARNING,
		     "Other disk sdb: Disk write failed: I/O error, dev sdb, sector 8 op "
		     "0x1:(WRITE) flags 0x0");
	expect_event(batch, 2, "disk-fs-journal-abort", SEVERITY_CRITICAL,
		     "Other disk sdb: Journal aborted: Aborting journal on device sdb1-8.");
	say(tally, "Aborting journal on device sdb1-8.", NS_PER_S);
	batch = events(tally, 11 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "disk-fs-journal-abort", SEVERITY_CRITICAL,
		     "Other disk sdb, in 1 s: 2 journal aborts, 1 write errors");
	free(tally);
}

/* More disks than there are places: ours keep theirs, the rest is one incident. */
static void many_disks(void **state)
{
	struct klog_tally *tally = pi_new();
	size_t told = 0;
	char line[128];
	(void)state;

	for (char letter = 'b'; letter <= 'z'; letter++) {
		snprintf(line, sizeof(line),
			 "I/O error, dev sd%c, sector 8 op 0x1:(WRITE) flags 0x0", letter);
		say(tally, line, NS_PER_S);
	}
	assert_true(say(tally, write_error, NS_PER_S));
	assert_true(say(tally, "I/O error, dev sda, sector 8 op 0x1:(WRITE) flags 0x0", NS_PER_S));
	for (int i = 0; i < 3; i++)
		told += events(tally, NS_PER_S)->event_count;
	assert_int_equal(told, 4 + 1 + 2);
	assert_int_equal(tally->counters[KLOG_COUNT_SD_WRITE], 2);
	const struct batch *batch = events(tally, 11 * NS_PER_S);
	assert_int_equal(batch->event_count, 1);
	expect_event(batch, 0, "disk-write-error", SEVERITY_WARNING,
		     "Other disk (several), in 1 s: 21 write errors");
	free(tally);
}

/* More than a batch holds: the rest comes with the next one, oldest first. */
static void more_than_fit(void **state)
{
	static const char *const lines[] = {
		"Internal error: Oops: 17 [#1] SMP ARM",
		"hwmon hwmon1: Undervoltage detected!",
		"nfs: server a not responding, still trying",
		"I/O error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x0",
		"I/O error, dev sdc, sector 8 op 0x1:(WRITE) flags 0x0",
		"I/O error, dev sdd, sector 8 op 0x1:(WRITE) flags 0x0",
		write_error,
		"Out of memory: Killed process 1234 (apache2) total-vm:100kB",
		"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
		"mmcblk0: recovery failed!",
	};
	struct klog_tally *tally = pi_new();
	struct batch batch;
	(void)state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_true(say(tally, lines[i], NS_PER_S));
	batch_reset(&batch);
	assert_true(klog_incidents_tell(&tally->incidents, NS_PER_S, &batch));
	assert_int_equal(batch.event_count, BATCH_EVENTS);
	assert_string_equal(batch.events[0].kind, "kernel-bug");
	assert_string_equal(batch.events[7].kind, "oom-kill");
	batch_reset(&batch);
	assert_false(klog_incidents_tell(&tally->incidents, NS_PER_S, &batch));
	assert_int_equal(batch.event_count, 2);
	assert_string_equal(batch.events[0].kind, "kernel-panic");
	assert_string_equal(batch.events[1].kind, "sd-recovery-failed");
	free(tally);
}

/* More classes than an event has numbers: the rest is summed up. */
static void many_classes(void **state)
{
	static const char *const lines[] = {
		"mmc0: Timeout waiting for hardware interrupt.",
		"mmc0: ADMA error: 0x02000000",
		"mmc0: running CQE recovery",
		write_error,
		read_error,
		"Buffer I/O error on device mmcblk0p3, logical block 33280",
		"EXT4-fs (mmcblk0p3): This should not happen!! Data will be lost",
		"EXT4-fs (mmcblk0p3): I/O error while writing superblock",
	};
	struct klog_tally *tally = pi_new();
	(void)state;

	for (int turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			say(tally, lines[i], NS_PER_S);
	events(tally, NS_PER_S);
	const struct event *event = &events(tally, 11 * NS_PER_S)->events[0];
	int64_t sum = 0;
	for (size_t i = 0; i < EVENT_VALUES; i++)
		sum += event->values[i].value;
	assert_int_equal(sum, 24);
	assert_string_equal(event->values[0].name, "fs_errors");
	assert_int_equal(event_value(event, "other_records"), 9);
	free(tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(journal_abort), cmocka_unit_test(swap_read_error),
		cmocka_unit_test(card_pulled),	 cmocka_unit_test(four_layers),
		cmocka_unit_test(endless_fault), cmocka_unit_test(other_disk),
		cmocka_unit_test(many_disks),	 cmocka_unit_test(more_than_fit),
		cmocka_unit_test(many_classes),
	};
	return cmocka_run_group_tests_name("kernel-log-incident", tests, NULL, NULL);
}
