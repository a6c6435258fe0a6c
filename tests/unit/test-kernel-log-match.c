/* SPDX-License-Identifier: MIT */
/*
 * The pattern table against real lines, innocent ones and text that others smuggle into kernel lines;
 * records that are cut off; records that were lost. All pure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "agent/units.h"
#include "collectors/kernel_log_tally.h"

static const struct line {
	const char *text;
	enum klog_class class;
	const char *device; /* NULL: none is told */
} lines[] = {
	/* block layer */
	{"I/O error, dev mmcblk0, sector 4396032 op 0x1:(WRITE) flags 0x800 phys_seg 43 prio class "
	 "2",
	 KLOG_SD_WRITE_ERROR, "mmcblk0"},
	{"I/O error, dev mmcblk0, sector 4392960 op 0x0:(READ) flags 0x80700 phys_seg 64 prio "
	 "class 2",
	 KLOG_SD_READ_ERROR, "mmcblk0"},
	{"I/O error, dev sda, sector 0 op 0x2:(FLUSH) flags 0x800 phys_seg 0 prio class 2",
	 KLOG_SD_WRITE_ERROR, "sda"},
	{"critical space allocation error, dev vda, sector 8 op 0x1:(WRITE) flags 0x0 phys_seg 1 "
	 "prio class 2",
	 KLOG_SD_WRITE_ERROR, "vda"},
	{"timeout error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
	 KLOG_SD_READ_ERROR, "mmcblk0"},
	{"blk_update_request: I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg "
	 "1 prio class 0",
	 KLOG_SD_WRITE_ERROR, "mmcblk0"},
	/* card and controller */
	{"mmc0: Timeout waiting for hardware interrupt.", KLOG_SD_TIMEOUT, NULL},
	{"mmc0: Timeout waiting for hardware cmd interrupt.", KLOG_SD_TIMEOUT, NULL},
	{"mmc0: timeout waiting for hardware interrupt.", KLOG_SD_TIMEOUT, NULL},
	{"sdhost-bcm2835 3f202000.mmc: timeout waiting for hardware interrupt.", KLOG_SD_TIMEOUT,
	 NULL},
	{"mmc0: Card stuck being busy! __mmc_poll_for_busy", KLOG_SD_TIMEOUT, NULL},
	{"mmc0: cqhci: timeout for tag 3, qcnt 1", KLOG_SD_TIMEOUT, NULL},
	{"mmc0: card 4567 removed", KLOG_SD_REMOVED, NULL},
	{"mmc0: Card removed during transfer!", KLOG_SD_REMOVED, NULL},
	{"mmc0: new high speed SDHC card at address 4567", KLOG_SD_INSERTED, NULL},
	{"mmcblk0: recovery failed!", KLOG_SD_RECOVERY_FAILED, NULL},
	{"mmc0: running CQE recovery", KLOG_SD_CONTROLLER, NULL},
	{"mmc0: error -110 whilst initialising SD card", KLOG_SD_CONTROLLER, NULL},
	{"mmc0: tuning execution failed: -5", KLOG_SD_CONTROLLER, NULL},
	{"mmc0: ADMA error: 0x02000000", KLOG_SD_CONTROLLER, NULL},
	{"mmc0: Reset 0x4 never completed.", KLOG_SD_CONTROLLER, NULL},
	/* buffer cache, ext4, jbd2 */
	{"Buffer I/O error on dev mmcblk0p2, logical block 0, lost async page write",
	 KLOG_BUFFER_ERROR, "mmcblk0p2"},
	{"Buffer I/O error on device mmcblk0p3, logical block 33280", KLOG_BUFFER_ERROR,
	 "mmcblk0p3"},
	{"EXT4-fs warning (device mmcblk0p3): ext4_end_bio:343: I/O error 10 writing to inode 12 "
	 "starting block 549504)",
	 KLOG_FS_DATA_LOST, "mmcblk0p3"},
	{"EXT4-fs error (device mmcblk0p3) in __ext4_new_inode:1094: Journal has aborted",
	 KLOG_FS_ERROR, "mmcblk0p3"},
	{"EXT4-fs error (device mmcblk0p3): __ext4_find_entry:1694: inode #2: comm cp: "
	 "checksumming directory block 0",
	 KLOG_FS_ERROR, "mmcblk0p3"},
	{"EXT4-fs (mmcblk0p3): I/O error while writing superblock", KLOG_FS_ERROR, "mmcblk0p3"},
	{"EXT4-fs (mmcblk0p3): Remounting filesystem read-only", KLOG_FS_READ_ONLY, "mmcblk0p3"},
	{"Aborting journal on device mmcblk0p3-8.", KLOG_FS_JOURNAL_ABORT, "mmcblk0p3-8"},
	{"JBD2: I/O error when updating journal superblock for mmcblk0p3-8.", KLOG_FS_JOURNAL_ABORT,
	 "mmcblk0p3-8"},
	/* swap, memory, supply, kernel */
	{"Write-error on swap-device (179:0:3211264)", KLOG_SWAP_WRITE_ERROR, NULL},
	{"Read-error on swap-device (179:0:3344640)", KLOG_SWAP_READ_ERROR, NULL},
	{"Read-error on swap-device", KLOG_SWAP_READ_ERROR, NULL},
	{"Write error -5 on dio swapfile (40960)", KLOG_SWAP_WRITE_ERROR, NULL},
	{"Out of memory: Killed process 812 (apache2) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
	 KLOG_OOM_KILL, NULL},
	{"hwmon hwmon1: Undervoltage detected!", KLOG_UNDERVOLTAGE, NULL},
	{"Under-voltage detected! (0x00050005)", KLOG_UNDERVOLTAGE, NULL},
	{"hwmon hwmon1: Voltage normalised", KLOG_UNDERVOLTAGE_END, NULL},
	{"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", KLOG_KERNEL_BUG,
	 NULL},
	{"Internal error: Oops: 96000005 [#1] SMP", KLOG_KERNEL_BUG, NULL},
	/* devices that are no storage of ours */
	{"I/O error, dev loop0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
	 KLOG_NOTHING, NULL},
	{"I/O error, dev sr0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
	 KLOG_NOTHING, NULL},
	{"I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
	 KLOG_NOTHING, NULL},
	{"Buffer I/O error on dev zram0, logical block 0, lost async page write", KLOG_NOTHING,
	 NULL},
	{"EXT4-fs error (device loop3): ext4_lookup:1855: inode #2: comm ls: x", KLOG_NOTHING,
	 NULL},
	/* innocent */
	{"", KLOG_NOTHING, NULL},
	{"mmc0: new high speed SDIO card at address 0001", KLOG_NOTHING, NULL},
	{"mmc0: SDHCI controller on fe340000.mmc [fe340000.mmc] using ADMA", KLOG_NOTHING, NULL},
	{"mmcblk0: mmc0:aaaa SC32G 29.7 GiB", KLOG_NOTHING, NULL},
	{"mmc0: sdhci: Int stat:  0x00000000 | Err stat: 0x00000000", KLOG_NOTHING, NULL},
	{"mmcx: card 4567 removed", KLOG_NOTHING, NULL},
	{"EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode. Quota mode: none.",
	 KLOG_NOTHING, NULL},
	{"EXT4-fs (mmcblk0p2): re-mounted. Opts: (null). Quota mode: none.", KLOG_NOTHING, NULL},
	{"operation not supported error, dev mmcblk0, sector 0 op 0x3:(DISCARD) flags 0x800",
	 KLOG_NOTHING, NULL},
	{"Adding 102396k swap on /var/swap.  Priority:-2 extents:1 across:102396k SSFS",
	 KLOG_NOTHING, NULL},
	{"systemd[1]: Starting Journal Service...", KLOG_NOTHING, NULL},
	/* text of others inside kernel lines */
	{"usb 1-1: Product: I/O error, dev mmcblk0, sector 1 op 0x1:(WRITE) flags 0", KLOG_NOTHING,
	 NULL},
	{"usb 1-1: Product: Read-error on swap-device (1:2:3)", KLOG_NOTHING, NULL},
	{"audit: type=1400 audit(1.2:3): comm=\"Aborting journal on device sda\"", KLOG_NOTHING,
	 NULL},
	{"I/O error, dev aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, sector 1 op 0x1:(WRITE) ",
	 KLOG_NOTHING, NULL},
};

static void real_lines(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct klog_context context = {0};
		struct klog_match match = {0};
		bool found = klog_classify(&context, lines[i].text, &match);
		if (found != (lines[i].class != KLOG_NOTHING) || match.class != lines[i].class)
			fail_msg("class %d: %s", (int)match.class, lines[i].text);
		if (found)
			assert_int_equal(match.count, 1);
		assert_string_equal(match.device, lines[i].device ? lines[i].device : "");
	}
}

static void timeouts_count_twice(void **state)
{
	struct klog_context context = {0};
	struct klog_match match;
	(void)state;

	assert_true(klog_classify(
		&context, "timeout error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0", &match));
	assert_int_equal(match.class, KLOG_SD_WRITE_ERROR);
	assert_true(match.timeout);
	assert_true(klog_classify(
		&context, "I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x0", &match));
	assert_false(match.timeout);

	struct klog_tally tally = {0};
	static const char record[] =
		"3,1,1,-;timeout error, dev sda, sector 8 op 0x1:(WRITE) flags";
	assert_true(klog_tally_record(&tally, record, strlen(record), NS_PER_S));
	assert_int_equal(tally.counters[KLOG_COUNT_SD_WRITE], 1);
	assert_int_equal(tally.counters[KLOG_COUNT_SD_TIMEOUT], 1);
	assert_int_equal(tally.counters[KLOG_COUNT_SD_READ], 0);
}

/* Suppressed block lines go where the line before went. */
static void suppressed_follow_the_last_line(void **state)
{
	static const char suppressed[] = "blk_print_req_error: 41 callbacks suppressed";
	struct klog_context context = {0};
	struct klog_match match;
	(void)state;

	assert_true(klog_classify(&context, suppressed, &match));
	assert_int_equal(match.class, KLOG_SD_WRITE_ERROR);
	assert_int_equal(match.count, 41);
	assert_true(klog_classify(&context, "I/O error, dev sda, sector 8 op 0x0:(READ) flags",
				  &match));
	assert_true(klog_classify(&context, suppressed, &match));
	assert_int_equal(match.class, KLOG_SD_READ_ERROR);
	assert_false(klog_classify(&context, "I/O error, dev loop0, sector 8 op 0x0:(READ) flags",
				   &match));
	assert_false(klog_classify(&context, suppressed, &match));
	assert_false(klog_classify(&context, "buffer_io_error: 0 callbacks suppressed", &match));
	assert_false(klog_classify(&context, "buffer_io_error: -1 callbacks suppressed", &match));
	assert_true(klog_classify(
		&context, "buffer_io_error: 99999999999999999999 callbacks suppressed", &match));
	assert_int_equal(match.count, 1000000000);
}

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
		struct klog_tally tally = {0};
		char *part = malloc(length + 1);
		assert_non_null(part);
		part = realloc(part, length ? length : 1);
		assert_non_null(part);
		memcpy(part, whole, length);
		klog_tally_record(&tally, part, length, NS_PER_S);
		counted += tally.counters[KLOG_COUNT_SD_WRITE] != 0;
		assert_int_equal(tally.counters[KLOG_COUNT_SD_READ], 0);
		free(part);
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

static bool take(struct klog_tally *tally, const char *record)
{
	return klog_tally_record(tally, record, strlen(record), NS_PER_S);
}

static void lost_records_are_told(void **state)
{
	struct klog_tally tally = {0};
	struct batch batch;
	(void)state;

	/* A gap alone is nothing: a file may have them. */
	assert_false(take(&tally, "6,100,1,-;one"));
	assert_false(take(&tally, "6,200,1,-;two"));
	klog_tally_overrun(&tally);
	assert_true(take(&tally, "14,1201,1,-;three, of user space"));
	batch_reset(&batch);
	assert_false(klog_tally_events(&tally, NS_PER_S, &batch));
	assert_int_equal(batch.event_count, 1);
	assert_string_equal(batch.events[0].kind, "kernel-log-lost");
	assert_string_equal(batch.events[0].text,
			    "Kernel log not read: 1000 records came too fast");
	assert_int_equal(batch.events[0].values[0].value, 1000);

	/* Within the incident: counted, and told when it closes. */
	klog_tally_overrun(&tally);
	assert_false(take(&tally, "6,1212,1,-;four"));
	assert_false(klog_tally_too_long(&tally, NS_PER_S)); /* this was 1213 */
	klog_tally_overrun(&tally);
	assert_false(take(&tally, "6,1215,1,-;five"));
	batch_reset(&batch);
	assert_false(klog_tally_events(&tally, 6 * NS_PER_S, &batch));
	assert_int_equal(batch.event_count, 1);
	assert_string_equal(batch.events[0].text, "kernel-log-lost: 12 more in 5 s");

	/* Before the first record nobody knows how many. */
	struct klog_tally fresh = {0};
	klog_tally_overrun(&fresh);
	assert_true(take(&fresh, "6,5000,1,-;one"));
	batch_reset(&batch);
	klog_tally_events(&fresh, NS_PER_S, &batch);
	assert_string_equal(batch.events[0].text,
			    "Kernel log not read: at least 1 records came too fast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_lines),
		cmocka_unit_test(timeouts_count_twice),
		cmocka_unit_test(suppressed_follow_the_last_line),
		cmocka_unit_test(parses_records),
		cmocka_unit_test(truncated_records),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(lost_records_are_told),
	};
	return cmocka_run_group_tests_name("kernel-log-match", tests, NULL, NULL);
}
