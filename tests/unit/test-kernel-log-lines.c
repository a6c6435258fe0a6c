/* SPDX-License-Identifier: MIT */
/*
 * The whole catalogue, line by line, with the event and the disk it must come to; the same lines where
 * somebody else's text stands in a line of the kernel; and lines that mean nothing. Lines with real
 * numbers and names were captured, the others are the formats of the sources.
 */
#include "tests/unit/kernel-log-fixture.h"

static const struct line {
	const char *text, *kind;
	enum severity severity;
	const char *about; /* subject of the incident */
} lines[] = {
	/* block core; the first lines are captured ones (lab-pi-vm.md) */
	{"I/O error, dev mmcblk0, sector 4396032 op 0x1:(WRITE) flags 0x800 phys_seg 43 prio class 2",
	 "sd-write-error", SEVERITY_WARNING, "mmcblk0"},
	{"I/O error, dev mmcblk0, sector 4392960 op 0x0:(READ) flags 0x80700 phys_seg 64 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"I/O error, dev sda, sector 0 op 0x2:(FLUSH) flags 0x800 phys_seg 1 prio class 2",
	 "sd-write-error", SEVERITY_WARNING, "sda"},
	{"I/O error, dev mmcblk0, sector 8 op 0x3:(DISCARD) flags 0x800 phys_seg 1 prio class 2",
	 "sd-write-error", SEVERITY_WARNING, "mmcblk0"},
	{"timeout error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"critical medium error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"critical target error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"critical space allocation error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"device offline error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"recoverable transport error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"protection error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"kernel resource error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x800 phys_seg 1 prio class 2",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"timeout error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2",
	 "sd-write-error", SEVERITY_WARNING, "mmcblk0"},
	{"blk_update_request: I/O error, dev mmcblk0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 0",
	 "sd-write-error", SEVERITY_WARNING, "mmcblk0"},
	{"blk_update_request: I/O error, dev mmcblk0, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0",
	 "sd-read-error", SEVERITY_WARNING, "mmcblk0"},
	{"blk_print_req_error: 510 callbacks suppressed", "sd-write-error", SEVERITY_WARNING,
	 "mmcblk0"},
	/* mmc block and core */
	{"mmcblk0: recovery failed!", "sd-recovery-failed", SEVERITY_CRITICAL, "mmcblk0"},
	{"mmcblk0: mmc0:0007 SD32G 29.7 GiB (ro)", "sd-write-protected", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"mmc0: Card stuck being busy! __mmc_poll_for_busy", "sd-timeout", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: running CQE recovery", "sd-cqe-recovery", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: error -110 whilst initialising SD card", "sd-controller", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: tuning execution failed: -5", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: card 4567 removed", "sd-removed", SEVERITY_CRITICAL, "mmcblk0"},
	{"mmc0: card 0007 removed", "sd-removed", SEVERITY_CRITICAL, "mmcblk0"},
	{"mmc0: new high speed SDHC card at address 4567", "sd-inserted", SEVERITY_INFO, "mmcblk0"},
	{"mmc0: new ultra high speed SDR104 SDXC card at address aaaa", "sd-inserted",
	 SEVERITY_INFO, "mmcblk0"},
	{"mmc0: error -5 writing Cache Enable bit", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: error -110 writing Cache Flush bit", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	/* SDHCI and its queue engine */
	{"mmc0: Timeout waiting for hardware interrupt.", "sd-timeout", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: Timeout waiting for hardware cmd interrupt.", "sd-timeout", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: ADMA error: 0x02000000", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: Reset 0x4 never completed.", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: Controller never released inhibit bit(s).", "sd-controller", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: Got data interrupt 0x00000002 even though no data operation was in progress.",
	 "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: cqhci: timeout for tag 3, qcnt 1", "sd-timeout", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: cqhci: timeout for tag 18", "sd-timeout", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: cqhci: Failed to halt", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: cqhci: CQE stuck on", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: Card removed during transfer!", "sd-removed", SEVERITY_CRITICAL, "mmcblk0"},
	/* sdhost */
	{"mmc0: timeout waiting for hardware interrupt.", "sd-timeout", SEVERITY_WARNING,
	 "mmcblk0"},
	{"mmc0: read transfer error - HSTS 20", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: write timeout error - HSTS 00000080", "sd-timeout", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: command never completed.", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: previous command never completed.", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: unexpected command 13 error", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: reducing overclock due to errors", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"mmc0: cancelling overclock", "sd-controller", SEVERITY_WARNING, "mmcblk0"},
	{"sdhost-bcm2835 3f202000.mmc: timeout waiting for hardware interrupt.", "sd-timeout",
	 SEVERITY_WARNING, "mmcblk0"},
	{"sdhost-bcm2835 3f202000.mmc: write transfer error - HSTS 00000010", "sd-controller",
	 SEVERITY_WARNING, "mmcblk0"},
	/* buffer cache */
	{"Buffer I/O error on dev mmcblk0p2, logical block 0, lost async page write",
	 "buffer-error", SEVERITY_WARNING, "mmcblk0"},
	{"Buffer I/O error on dev mmcblk0p3, logical block 131072, lost sync page write",
	 "buffer-error", SEVERITY_WARNING, "mmcblk0"},
	{"Buffer I/O error on dev sda1, logical block 0, async page read", "buffer-error",
	 SEVERITY_WARNING, "sda"},
	{"Buffer I/O error on device mmcblk0p3, logical block 33280", "buffer-error",
	 SEVERITY_WARNING, "mmcblk0"},
	{"buffer_io_error: 1664 callbacks suppressed", "buffer-error", SEVERITY_WARNING, "mmcblk0"},
	/* ext4 and jbd2 */
	{"EXT4-fs warning (device mmcblk0p3): ext4_end_bio:343: I/O error 10 writing to inode 12 starting block 549504)",
	 "fs-data-lost", SEVERITY_WARNING, "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): failed to convert unwritten extents to written extents -- potential data loss!  (inode 12, error -30)",
	 "fs-data-lost", SEVERITY_WARNING, "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): Delayed block allocation failed for inode 12 at logical offset 0 with max blocks 8 with error 5",
	 "fs-data-lost", SEVERITY_WARNING, "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): This should not happen!! Data will be lost", "fs-data-lost",
	 SEVERITY_WARNING, "mmcblk0"},
	{"EXT4-fs error (device mmcblk0p3): __ext4_find_entry:1694: inode #2: comm cp: checksumming directory block 0",
	 "fs-error", SEVERITY_CRITICAL, "mmcblk0"},
	{"EXT4-fs error (device mmcblk0p3): ext4_journal_check_start:83: comm touch: Detected aborted journal",
	 "fs-error", SEVERITY_CRITICAL, "mmcblk0"},
	{"EXT4-fs error (device mmcblk0p3) in __ext4_new_inode:1094: Journal has aborted",
	 "fs-error", SEVERITY_CRITICAL, "mmcblk0"},
	{"EXT4-fs error: 12 callbacks suppressed", "fs-error", SEVERITY_CRITICAL, "mmcblk0"},
	{"EXT4-fs warning: 7 callbacks suppressed", "fs-data-lost", SEVERITY_WARNING, "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): I/O error while writing superblock", "fs-error", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): previous I/O error to superblock detected", "fs-error",
	 SEVERITY_CRITICAL, "mmcblk0"},
	{"EXT4-fs (mmcblk0p3): Remounting filesystem read-only", "fs-read-only", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"Aborting journal on device mmcblk0p3-8.", "fs-journal-abort", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"JBD2: I/O error when updating journal superblock for mmcblk0p3-8.", "fs-journal-abort",
	 SEVERITY_CRITICAL, "mmcblk0"},
	{"JBD2: previous I/O error detected for journal superblock update for mmcblk0p3-8.",
	 "fs-journal-abort", SEVERITY_CRITICAL, "mmcblk0"},
	{"JBD2: Detected IO errors while flushing file data on mmcblk0p3-8", "fs-error",
	 SEVERITY_CRITICAL, "mmcblk0"},
	/* f2fs */
	{"F2FS-fs (mmcblk0p2): Stopped filesystem due to reason: 2", "fs-read-only",
	 SEVERITY_CRITICAL, "mmcblk0"},
	{"F2FS-fs (mmcblk0p2): Remounting filesystem read-only", "fs-read-only", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"F2FS-fs (mmcblk0p2): inconsistent node block, nid:4, node_footer[nid:0,ino:0,ofs:0,cpver:0,blkaddr:0]",
	 "fs-error", SEVERITY_CRITICAL, "mmcblk0"},
	/* swap */
	{"Write-error on swap-device (179:0:3211264)", "swap-write-error", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"Read-error on swap-device (179:0:3344640)", "swap-read-error", SEVERITY_CRITICAL,
	 "mmcblk0"},
	{"Read-error on swap-device (179:2:8)", "swap-read-error", SEVERITY_CRITICAL, "mmcblk0"},
	{"Read-error on swap-device (8:0:8)", "swap-read-error", SEVERITY_CRITICAL, "sda"},
	{"Read-error on swap-device (8:16:8)", "swap-read-error", SEVERITY_CRITICAL, "swap"},
	{"Read-error on swap-device", "swap-read-error", SEVERITY_CRITICAL, "swap"},
	{"Write error -5 on dio swapfile (40960)", "swap-write-error", SEVERITY_CRITICAL, "swap"},
	{"__end_swap_bio_write: 12 callbacks suppressed", "swap-write-error", SEVERITY_CRITICAL,
	 "swap"},
	{"end_swap_bio_write: 12 callbacks suppressed", "swap-write-error", SEVERITY_CRITICAL,
	 "swap"},
	{"sio_write_complete: 12 callbacks suppressed", "swap-write-error", SEVERITY_CRITICAL,
	 "swap"},
	{"__end_swap_bio_read: 12 callbacks suppressed", "swap-read-error", SEVERITY_CRITICAL,
	 "swap"},
	{"end_swap_bio_read: 12 callbacks suppressed", "swap-read-error", SEVERITY_CRITICAL,
	 "swap"},
	{"sio_read_complete: 12 callbacks suppressed", "swap-read-error", SEVERITY_CRITICAL,
	 "swap"},
	/* memory, supply, NFS, the kernel itself */
	{"Out of memory: Killed process 812 (apache2) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
	 "oom-kill", SEVERITY_CRITICAL, "memory"},
	{"Memory cgroup out of memory: Killed process 812 (php) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
	 "cgroup-oom-kill", SEVERITY_WARNING, "memory"},
	{"hwmon hwmon1: Undervoltage detected!", "undervoltage", SEVERITY_WARNING, "supply"},
	{"Under-voltage detected! (0x00050005)", "undervoltage", SEVERITY_WARNING, "supply"},
	{"hwmon hwmon1: Voltage normalised", "undervoltage-end", SEVERITY_INFO, "supply"},
	{"Voltage normalised (0x00000000)", "undervoltage-end", SEVERITY_INFO, "supply"},
	{"nfs: server 10.2.80.41 not responding, still trying", "nfs-silent", SEVERITY_WARNING,
	 "NFS"},
	{"nfs: server files.example.net not responding, timed out", "nfs-silent", SEVERITY_WARNING,
	 "NFS"},
	{"rpc_check_timeout: 4 callbacks suppressed", "nfs-silent", SEVERITY_WARNING, "NFS"},
	{"nfs: server files.example.net OK", "nfs-ok", SEVERITY_INFO, "NFS"},
	{"INFO: task jbd2/mmcblk0p2-:88 blocked for more than 120 seconds.", "hung-task",
	 SEVERITY_WARNING, "kernel"},
	{"INFO: task dd:456 blocked in I/O wait for more than 122 seconds.", "hung-task",
	 SEVERITY_WARNING, "kernel"},
	{"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "kernel-panic",
	 SEVERITY_CRITICAL, "kernel"},
	{"Internal error: Oops: 0000000096000005 [#1] PREEMPT SMP", "kernel-bug", SEVERITY_CRITICAL,
	 "kernel"},
	{"Internal error: Oops: 17 [#1] SMP ARM", "kernel-bug", SEVERITY_CRITICAL, "kernel"},
	{"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
	 "kernel-bug", SEVERITY_CRITICAL, "kernel"},
	{"kernel BUG at fs/ext4/inode.c:2710!", "kernel-bug", SEVERITY_CRITICAL, "kernel"},
	{"BUG: Bad page state in process apache2  pfn:3a4b1", "kernel-bug", SEVERITY_CRITICAL,
	 "kernel"},
	{"watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [php:812]", "kernel-bug",
	 SEVERITY_CRITICAL, "kernel"},
	{"Oops: general protection fault, probably for non-canonical address 0xdead000000000100: "
	 "0000 [#1] SMP",
	 "kernel-bug", SEVERITY_CRITICAL, "kernel"},
	{"BUG: kernel NULL pointer dereference, address: 0000000000000008", "kernel-bug",
	 SEVERITY_CRITICAL, "kernel"},
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static const struct klog_incident *the_incident(const struct klog_tally *tally)
{
	const struct klog_incident *found = NULL;
	for (size_t i = 0; i < KLOG_INCIDENTS; i++) {
		if (!tally->incidents.all[i].open)
			continue;
		assert_null(found);
		found = &tally->incidents.all[i];
	}
	return found;
}

/* Lines that were left out of somebody's disk: the next line says whose. Swap is always ours. */
static bool is_nobodys_yet(const char *text)
{
	return strstr(text, "callbacks suppressed") && !strstr(text, "swap") &&
	       !strstr(text, "sio_") && !strstr(text, "rpc_");
}

static void every_line_is_known(void **state)
{
	(void)state;

	for (size_t i = 0; i < LINES; i++) {
		struct klog_tally *tally = pi_new();
		bool known = !is_nobodys_yet(lines[i].text);
		assert_int_equal(say(tally, lines[i].text, NS_PER_S), known);
		const struct klog_incident *incident = the_incident(tally);
		const struct batch *batch = events(tally, NS_PER_S);
		if (!known)
			assert_null(incident);
		else if (!incident || batch->event_count != 1 ||
			 strcmp(batch->events[0].kind, lines[i].kind) != 0 ||
			 batch->events[0].severity != lines[i].severity ||
			 strcmp(incident->subject, lines[i].about) != 0)
			fail_msg("%s: %s, about %s", lines[i].text,
				 batch->event_count ? batch->events[0].kind : "nothing",
				 incident ? incident->subject : "nothing");
		free(tally);
	}
}

static void expect_nothing(const char *text, unsigned level)
{
	struct klog_tally *tally = pi_new();
	bool news = say_level(tally, level, text, NS_PER_S);
	for (size_t i = 0; i < KLOG_COUNTERS; i++)
		news |= tally->counters[i] != 0;
	for (size_t i = 0; i < KLOG_ALARMS; i++)
		news |= tally->alarm_until_ns[i] != 0;
	if (news || the_incident(tally))
		fail_msg("taken: %s", text);
	free(tally);
}

/*
 * What a user can choose: a process name of 15 bytes, which even begins some lines, the name of a program
 * file, the strings of a USB device, the name of a kernel module's file. All these are of level 6 or 5.
 */
static void smuggled_text(void **state)
{
	enum { ALL = 512, COMM = 15 };
	static const struct {
		const char *before;
		int most; /* bytes of the line */
		const char *after;
	} frames[] = {
		{"usb 1-1: Product: ", ALL, ""},
		{"usb 1-1: Manufacturer: ", ALL, ""},
		{"usb 1-1: SerialNumber: ", ALL, ""},
		{"input: ", ALL, " as /devices/platform/scb/input0"},
		{"scsi 0:0:0:0: Direct-Access     ", ALL, " 1.00 PQ: 0 ANSI: 6"},
		{"audit: type=1400 audit(1.2:3): apparmor=\"DENIED\" comm=\"", ALL, "\""},
		{"CPU: 0 PID: 12 Comm: ", ALL, " Not tainted 6.12.47"},
		{"Modules linked in: ", ALL, ""},
		{"Kernel command line: ", ALL, ""},
		{"systemd[1]: ", ALL, ""},
		{"", COMM, "[812]: segfault at 8 ip 00007f2b5c0d1a20 sp 00007ffd2d9a8b40 error 4"},
		{"", COMM,
		 "[812]: segfault at 8 ip 0000 sp 0000 error 4 likely on CPU 1 (core 1, socket 0)"},
		{"", COMM, " (812): drop_caches: 3"},
		{"", COMM, ": attempt to access beyond end of device"},
		{"", COMM,
		 " uses wireless extensions which will stop working for Wi-Fi 7 hardware"},
	};
	char text[1024];
	(void)state;

	for (size_t i = 0; i < LINES; i++) {
		const char *line = lines[i].text;
		for (size_t k = 0; k < sizeof(frames) / sizeof(frames[0]); k++) {
			snprintf(text, sizeof(text), "%s%.*s%s", frames[k].before, frames[k].most,
				 line, frames[k].after);
			expect_nothing(text, frames[k].most == COMM ? 6 : 3);
		}
		/* The rest of the line, cut anywhere, as the name of the program file. */
		for (size_t cut = 1; cut <= 15 && cut < strlen(line); cut++) {
			snprintf(text, sizeof(text),
				 "%.*s[1]: segfault at 8 ip 0000 sp 0000 error 4 in %s[5500+1000]",
				 (int)cut, line, line + cut);
			expect_nothing(text, 6);
		}
	}
}

/* What services write arrives with another facility, whatever it says. */
static void user_space_counts_nothing(void **state)
{
	(void)state;

	for (size_t i = 0; i < LINES; i++)
		for (unsigned prefix = 8; prefix < 192; prefix += 4)
			expect_nothing(lines[i].text, prefix);
}

/* A line that is cut off, and a line with more behind it, mean nothing or the same as the whole. */
static void torn_lines(void **state)
{
	(void)state;

	for (size_t i = 0; i < LINES; i++) {
		char text[512];
		size_t length = strlen(lines[i].text);
		for (size_t cut = 0; cut < length; cut++) {
			struct klog_match whole, part;
			snprintf(text, sizeof(text), "%.*s", (int)cut, lines[i].text);
			assert_true(klog_classify(lines[i].text, 3, &whole));
			if (klog_classify(text, 3, &part) && part.class != KLOG_NOTHING &&
			    part.class != whole.class && part.class != KLOG_SD_WRITE_ERROR &&
			    part.class != KLOG_FS_ERROR)
				fail_msg("%s: %s", text, klog_classes[part.class].kind);
		}
	}
}

static void innocent_lines(void **state)
{
	const char *top = getenv("HOSTINGPI_SOURCE");
	char path[4096], line[1024];
	unsigned count = 0;
	(void)state;

	snprintf(path, sizeof(path), "%s/tests/unit/kernel-log-innocent.txt", top ? top : ".");
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		size_t length = strcspn(line, "\n");
		assert_true(line[length] == '\n' || feof(file));
		line[length] = '\0';
		for (unsigned level = 4; level < 7; level++)
			expect_nothing(line, level);
		count++;
	}
	fclose(file);
	assert_true(count >= 200);
}

/* Devices that are no storage, or not one that anybody would miss. */
static void other_devices(void **state)
{
	static const char *const nothing[] = {
		"I/O error, dev loop0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
		"I/O error, dev sr0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
		"I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
		"operation not supported error, dev mmcblk0, sector 0 op 0x3:(DISCARD) flags 0x800",
		"Buffer I/O error on dev zram0, logical block 0, lost async page write",
		"EXT4-fs error (device loop3): ext4_lookup:1855: inode #2: comm ls: x",
		"Write-error on swap-device (254:0:8)", /* zram */
		"mmc1: card 0001 removed",		/* the radio chip */
		"mmc1: Timeout waiting for hardware interrupt.",
		"mmcx: card 4567 removed",
		"I/O error, dev aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, sector 1 op 0x1:(WRITE)",
		"buffer_io_error: 0 callbacks suppressed",
		"buffer_io_error: -1 callbacks suppressed",
		"",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		expect_nothing(nothing[i], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_known),
		cmocka_unit_test(smuggled_text),
		cmocka_unit_test(user_space_counts_nothing),
		cmocka_unit_test(torn_lines),
		cmocka_unit_test(innocent_lines),
		cmocka_unit_test(other_devices),
	};
	return cmocka_run_group_tests_name("kernel-log-lines", tests, NULL, NULL);
}
