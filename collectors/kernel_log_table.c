/* SPDX-License-Identifier: MIT */
/*
 * The catalogue: texts of Linux 6.1 to 6.18, of the vendor's sdhost driver, and "blk_update_request: "
 * from before 5.17. It is tried from the top and the first row that fits decides.
 *
 * Kernel lines quote text of other people: product strings of USB devices, file names, and process
 * names, which may even begin a line ("NAME[PID]: segfault at ... in FILE[...]"). So a row fits from the
 * first byte of a line to its last, and has either more fixed text at its beginning than the 15 bytes
 * of a process name or an end that such a line cannot have.
 */
#include "collectors/kernel_log_table.h"

const struct klog_class_info klog_classes[KLOG_CLASSES] = {
	[KLOG_NOTHING] = {"kernel", "records", "Kernel", KLOG_TOPIC_KERNEL, KLOG_NOTED,
			  KLOG_ALARM_NONE, false},

	[KLOG_SD_WRITE_ERROR] = {"sd-write-error", "write_errors", "Disk write failed",
				 KLOG_TOPIC_DISK, KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_SD_READ_ERROR] = {"sd-read-error", "read_errors", "Disk read failed", KLOG_TOPIC_DISK,
				KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_SD_TIMEOUT] = {"sd-timeout", "timeouts", "SD card timeout", KLOG_TOPIC_DISK,
			     KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_SD_CONTROLLER] = {"sd-controller", "controller_errors", "SD controller trouble",
				KLOG_TOPIC_DISK, KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_SD_CQE_RECOVERY] = {"sd-cqe-recovery", "cqe_recoveries", "SD command queue restarted",
				  KLOG_TOPIC_DISK, KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_SD_PROTECTED] = {"sd-write-protected", "write_protects", "SD card write-protected",
			       KLOG_TOPIC_DISK, KLOG_CRITICAL, KLOG_ALARM_NONE, false},
	[KLOG_SD_REMOVED] = {"sd-removed", "removals", "SD card removed", KLOG_TOPIC_DISK,
			     KLOG_LOSES, KLOG_ALARM_STORAGE, true},
	[KLOG_SD_INSERTED] = {"sd-inserted", "insertions", "SD card inserted", KLOG_TOPIC_DISK,
			      KLOG_NOTED, KLOG_ALARM_NONE, false},
	[KLOG_SD_RECOVERY_FAILED] = {"sd-recovery-failed", "failed_recoveries", "SD card lost",
				     KLOG_TOPIC_DISK, KLOG_LOSES, KLOG_ALARM_STORAGE, true},
	[KLOG_BUFFER_ERROR] = {"buffer-error", "buffer_errors", "Cached page not moved",
			       KLOG_TOPIC_DISK, KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_FS_DATA_LOST] = {"fs-data-lost", "data_losses", "File data lost", KLOG_TOPIC_DISK,
			       KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_FS_ERROR] = {"fs-error", "fs_errors", "File system damaged", KLOG_TOPIC_DISK,
			   KLOG_CRITICAL, KLOG_ALARM_NONE, false},
	[KLOG_FS_JOURNAL_ABORT] = {"fs-journal-abort", "journal_aborts", "Journal aborted",
				   KLOG_TOPIC_DISK, KLOG_LOSES, KLOG_ALARM_STORAGE, true},
	[KLOG_FS_READ_ONLY] = {"fs-read-only", "fs_stops", "File system stopped", KLOG_TOPIC_DISK,
			       KLOG_LOSES, KLOG_ALARM_STORAGE, true},
	[KLOG_SWAP_READ_ERROR] = {"swap-read-error", "swap_read_errors", "Swap unreadable",
				  KLOG_TOPIC_DISK, KLOG_LOSES, KLOG_ALARM_STORAGE, false},
	[KLOG_SWAP_WRITE_ERROR] = {"swap-write-error", "swap_write_errors", "Swap unwritable",
				   KLOG_TOPIC_DISK, KLOG_LOSES, KLOG_ALARM_STORAGE, false},

	[KLOG_OOM_KILL] = {"oom-kill", "oom_kills", "The kernel ended a process", KLOG_TOPIC_MEMORY,
			   KLOG_CRITICAL, KLOG_ALARM_MEMORY, false},
	[KLOG_CGROUP_OOM_KILL] = {"cgroup-oom-kill", "cgroup_oom_kills",
				  "A control group is out of memory", KLOG_TOPIC_MEMORY,
				  KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_UNDERVOLTAGE] = {"undervoltage", "undervoltages", "Supply too weak",
			       KLOG_TOPIC_SUPPLY, KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_UNDERVOLTAGE_END] = {"undervoltage-end", "undervoltage_ends", "Supply is back",
				   KLOG_TOPIC_SUPPLY, KLOG_NOTED, KLOG_ALARM_NONE, false},
	[KLOG_HUNG_TASK] = {"hung-task", "hung_tasks", "A process hangs", KLOG_TOPIC_KERNEL,
			    KLOG_WARNING, KLOG_ALARM_NONE, false},
	[KLOG_KERNEL_BUG] = {"kernel-bug", "kernel_bugs", "Kernel fault", KLOG_TOPIC_KERNEL,
			     KLOG_CRITICAL, KLOG_ALARM_KERNEL, false},
	[KLOG_KERNEL_PANIC] = {"kernel-panic", "kernel_panics", "Kernel panic", KLOG_TOPIC_KERNEL,
			       KLOG_LOSES, KLOG_ALARM_KERNEL, false},
	[KLOG_NFS_SILENT] = {"nfs-silent", "nfs_silences", "NFS server does not answer",
			     KLOG_TOPIC_NFS, KLOG_WARNING, KLOG_ALARM_NFS, false},
	[KLOG_NFS_OK] = {"nfs-ok", "nfs_returns", "NFS server answers", KLOG_TOPIC_NFS, KLOG_NOTED,
			 KLOG_ALARM_NONE, false},
	[KLOG_LOST] = {"kernel-log-lost", "lost_records", "Kernel log not read", KLOG_TOPIC_LOG,
		       KLOG_WARNING, KLOG_ALARM_NONE, false},
};

/* clang-format off */

/* A row: what it means, how the device is named, which lines are limited together, the text. */
#define ROW(means, named, ...) {.class = KLOG_##means, .naming = KLOG_NAMED_##named, __VA_ARGS__}
#define PLAIN(means, line) ROW(means, NOT, .text = line)
#define CARD(means, line) ROW(means, CARD, .text = line)
#define DISK(means, line) ROW(means, DISK, .text = line)
#define DISK_ERROR(means, line) ROW(means, DISK, .text = line, .flags = KLOG_ERRORS_ONLY)
#define JOURNAL(means, line) ROW(means, JOURNAL, .text = line)
#define LIMITED(means, named, where, line) ROW(means, named, .site = KLOG_SITE_##where, .text = line)
#define LIMITED_TIMEOUT(means, where, line) \
	ROW(means, DISK, .site = KLOG_SITE_##where, .text = line, .flags = KLOG_ALSO_TIMEOUT)
#define LEFT_OUT(means, where, line) \
	ROW(means, NOT, .site = KLOG_SITE_##where, .text = line, .flags = KLOG_SUPPRESSED)

const struct klog_pattern klog_patterns[] = {
	/*
	 * Block layer. A discard that a card does not know is no error. Whatever is not a read
	 * changes the card or should have: a write.
	 */
	LIMITED(NOTHING, DISK, BLOCK,                    "operation not supported error, dev @, sector # op *"),
	LIMITED_TIMEOUT(SD_READ_ERROR, BLOCK,            "timeout error, dev @, sector # op $:(READ) *"),
	LIMITED_TIMEOUT(SD_WRITE_ERROR, BLOCK,           "timeout error, dev @, sector # op *"),
	LIMITED(SD_READ_ERROR, DISK, BLOCK,              "% error, dev @, sector # op $:(READ) *"),
	LIMITED(SD_WRITE_ERROR, DISK, BLOCK,             "% error, dev @, sector # op *"),
	LIMITED(SD_READ_ERROR, DISK, BLOCK,              "blk_update_request: % error, dev @, sector # op $:(READ) *"),
	LIMITED(SD_WRITE_ERROR, DISK, BLOCK,             "blk_update_request: % error, dev @, sector # op *"),
	LEFT_OUT(SD_WRITE_ERROR, BLOCK,                  "blk_print_req_error: # callbacks suppressed"),
	LEFT_OUT(SD_WRITE_ERROR, BLOCK,                  "print_req_error: # callbacks suppressed"),

	/* mmc block and core */
	CARD(SD_RECOVERY_FAILED,                         "mmcblk#: recovery failed!"),
	CARD(SD_PROTECTED,                               "mmcblk#: mmc#:$ *iB (ro)"),
	CARD(SD_TIMEOUT,                                 "mmc#: Card stuck being busy! *"),
	CARD(SD_CQE_RECOVERY,                            "mmc#: running CQE recovery"),
	CARD(SD_CONTROLLER,                              "mmc#: error -# whilst initialising *"),
	CARD(SD_CONTROLLER,                              "mmc#: error -# writing Cache Enable bit"),
	CARD(SD_CONTROLLER,                              "mmc#: error -# writing Cache Flush bit"),
	CARD(SD_CONTROLLER,                              "mmc#: tuning execution failed: *"),
	CARD(SD_REMOVED,                                 "mmc#: card $ removed"),
	CARD(NOTHING,                                    "mmc#: new *SDIO card at address $"),
	CARD(SD_INSERTED,                                "mmc#: new * card at address $"),

	/* SDHCI (Pi 4 and 5) */
	CARD(SD_TIMEOUT,                                 "mmc#: Timeout waiting for hardware interrupt."),
	CARD(SD_TIMEOUT,                                 "mmc#: Timeout waiting for hardware cmd interrupt."),
	CARD(SD_REMOVED,                                 "mmc#: Card removed during transfer!"),
	CARD(SD_CONTROLLER,                              "mmc#: ADMA error: $"),
	CARD(SD_CONTROLLER,                              "mmc#: Reset $ never completed."),
	CARD(SD_CONTROLLER,                              "mmc#: Controller never released inhibit bit(s)."),
	CARD(SD_CONTROLLER,                              "mmc#: Got data interrupt $ even though no data operation was in progress."),
	CARD(SD_CONTROLLER,                              "mmc#: Got command interrupt $ even though no command operation was in progress."),

	/* Command queue engine (Pi 5) */
	CARD(SD_TIMEOUT,                                 "mmc#: cqhci: timeout for tag #"),
	CARD(SD_TIMEOUT,                                 "mmc#: cqhci: timeout for tag #, qcnt #"),
	CARD(SD_CONTROLLER,                              "mmc#: cqhci: Failed to halt"),
	CARD(SD_CONTROLLER,                              "mmc#: cqhci: CQE stuck on"),

	/* sdhost (Pi 2 and 3): the vendor's driver, then the mainline one, which has only the slot. */
	CARD(SD_TIMEOUT,                                 "mmc#: timeout waiting for hardware interrupt."),
	CARD(SD_TIMEOUT,                                 "mmc#: read timeout error - HSTS $"),
	CARD(SD_TIMEOUT,                                 "mmc#: write timeout error - HSTS $"),
	CARD(SD_TIMEOUT,                                 "mmc#: PIO read timeout - EDM $"),
	CARD(SD_TIMEOUT,                                 "mmc#: PIO write timeout - EDM $"),
	CARD(SD_CONTROLLER,                              "mmc#: read transfer error - HSTS $"),
	CARD(SD_CONTROLLER,                              "mmc#: write transfer error - HSTS $"),
	CARD(SD_TIMEOUT,                                 "mmc#: wait_transfer_complete - still waiting after # retries"),
	CARD(SD_CONTROLLER,                              "mmc#: command never completed."),
	CARD(SD_CONTROLLER,                              "mmc#: command # never completed."),
	CARD(SD_CONTROLLER,                              "mmc#: previous command never completed."),
	CARD(SD_CONTROLLER,                              "mmc#: unexpected command # error"),
	CARD(SD_CONTROLLER,                              "mmc#: reducing overclock due to errors"),
	CARD(SD_CONTROLLER,                              "mmc#: cancelling overclock"),
	CARD(SD_TIMEOUT,                                 "sdhost-bcm2835 $.mmc: timeout waiting for hardware interrupt."),
	CARD(SD_TIMEOUT,                                 "sdhost-bcm2835 $.mmc: read timeout error - HSTS $"),
	CARD(SD_TIMEOUT,                                 "sdhost-bcm2835 $.mmc: write timeout error - HSTS $"),
	CARD(SD_CONTROLLER,                              "sdhost-bcm2835 $.mmc: read transfer error - HSTS $"),
	CARD(SD_CONTROLLER,                              "sdhost-bcm2835 $.mmc: write transfer error - HSTS $"),
	CARD(SD_CONTROLLER,                              "sdhost-bcm2835 $.mmc: command never completed."),
	CARD(SD_CONTROLLER,                              "sdhost-bcm2835 $.mmc: unexpected command # error"),

	/* Register dumps follow a line that was counted: the rest of "mmc#: ..." is nothing. */
	CARD(NOTHING,                                    "mmc#: *"),

	/* Buffer cache. "device" instead of "dev" is ext4's. */
	LIMITED(BUFFER_ERROR, DISK, BUFFER,              "Buffer I/O error on dev @, logical block #, *"),
	DISK(BUFFER_ERROR,                               "Buffer I/O error on device @, logical block #"),
	LEFT_OUT(BUFFER_ERROR, BUFFER,                   "buffer_io_error: # callbacks suppressed"),

	/* ext4. 6.15 says "read-only" in the same words, although only emergency_ro is set. */
	LIMITED(FS_DATA_LOST, DISK, EXT4_WARNING,        "EXT4-fs warning (device @): *: I/O error # writing to inode *"),
	LEFT_OUT(FS_DATA_LOST, EXT4_WARNING,             "EXT4-fs warning: # callbacks suppressed"),
	LIMITED(NOTHING, DISK, EXT4_WARNING,             "EXT4-fs warning (device @): *"),
	DISK(FS_DATA_LOST,                               "EXT4-fs (@): failed to convert unwritten extents *"),
	DISK(FS_DATA_LOST,                               "EXT4-fs (@): Delayed block allocation failed *"),
	DISK(FS_DATA_LOST,                               "EXT4-fs (@): This should not happen!! Data will be lost*"),
	LIMITED(FS_ERROR, DISK, EXT4_ERROR,              "EXT4-fs error (device @): *"),
	LIMITED(FS_ERROR, DISK, EXT4_ERROR,              "EXT4-fs error (device @) in *"),
	LEFT_OUT(FS_ERROR, EXT4_ERROR,                   "EXT4-fs error: # callbacks suppressed"),
	DISK(FS_ERROR,                                   "EXT4-fs (@): I/O error while writing superblock"),
	DISK(FS_ERROR,                                   "EXT4-fs (@): previous I/O error to superblock detected"),
	DISK(FS_READ_ONLY,                               "EXT4-fs (@): Remounting filesystem read-only"),
	JOURNAL(FS_JOURNAL_ABORT,                        "Aborting journal on device @."),
	JOURNAL(FS_JOURNAL_ABORT,                        "JBD2: I/O error when updating journal superblock for @."),
	JOURNAL(FS_JOURNAL_ABORT,                        "JBD2: previous I/O error detected for journal superblock update for @."),
	JOURNAL(FS_ERROR,                                "JBD2: Detected IO errors while flushing file data on @"),
	JOURNAL(FS_ERROR,                                "JBD2: Detected IO errors # while flushing file data on @"),

	/* f2fs. A probe of every file system type is no error of the card. */
	DISK(FS_READ_ONLY,                               "F2FS-fs (@): Stopped filesystem due to reason: #"),
	DISK(FS_READ_ONLY,                               "F2FS-fs (@): Remounting filesystem read-only"),
	DISK(NOTHING,                                    "F2FS-fs (@): Can't find valid F2FS filesystem in *"),
	DISK(NOTHING,                                    "F2FS-fs (@): Magic Mismatch, *"),
	DISK_ERROR(FS_ERROR,                             "F2FS-fs (@): *"),

	/* swap; the last two over NFS */
	LIMITED(SWAP_READ_ERROR, NUMBER, SWAP_READ,      "Read-error on swap-device (#:#:#)"),
	LIMITED(SWAP_WRITE_ERROR, NUMBER, SWAP_WRITE,    "Write-error on swap-device (#:#:#)"),
	LIMITED(SWAP_READ_ERROR, NOT, SWAP_READ,         "Read-error on swap-device"),
	LIMITED(SWAP_WRITE_ERROR, NOT, SWAP_WRITE,       "Write error # on dio swapfile (*)"),
	LIMITED(SWAP_WRITE_ERROR, NOT, SWAP_WRITE,       "Write error -# on dio swapfile (*)"),
	LEFT_OUT(SWAP_READ_ERROR, SWAP_READ,             "end_swap_bio_read: # callbacks suppressed"),
	LEFT_OUT(SWAP_READ_ERROR, SWAP_READ,             "__end_swap_bio_read: # callbacks suppressed"),
	LEFT_OUT(SWAP_READ_ERROR, SWAP_READ,             "sio_read_complete: # callbacks suppressed"),
	LEFT_OUT(SWAP_WRITE_ERROR, SWAP_WRITE,           "end_swap_bio_write: # callbacks suppressed"),
	LEFT_OUT(SWAP_WRITE_ERROR, SWAP_WRITE,           "__end_swap_bio_write: # callbacks suppressed"),
	LEFT_OUT(SWAP_WRITE_ERROR, SWAP_WRITE,           "sio_write_complete: # callbacks suppressed"),

	/* memory */
	PLAIN(OOM_KILL,                                  "Out of memory: Killed process # (*"),
	PLAIN(OOM_KILL,                                  "Out of memory (oom_kill_allocating_task): Killed process # (*"),
	PLAIN(CGROUP_OOM_KILL,                           "Memory cgroup out of memory: Killed process # (*"),

	/* supply: hwmon, and the firmware driver before 4.20 */
	PLAIN(UNDERVOLTAGE,                              "hwmon hwmon#: Undervoltage detected!*"),
	PLAIN(UNDERVOLTAGE,                              "Under-voltage detected! ($)*"),
	PLAIN(UNDERVOLTAGE_END,                          "hwmon hwmon#: Voltage normalised*"),
	PLAIN(UNDERVOLTAGE_END,                          "Voltage normalised ($)*"),

	/* NFS */
	PLAIN(NFS_SILENT,                                "nfs: server * not responding, still trying"),
	PLAIN(NFS_SILENT,                                "nfs: server * not responding, timed out"),
	ROW(NFS_SILENT, NOT, .flags = KLOG_SUPPRESSED,   .text = "rpc_check_timeout: # callbacks suppressed"),
	PLAIN(NFS_OK,                                    "nfs: server * OK"),

	/* The kernel itself: arm64, arm, and x86 for those who test there. */
	PLAIN(HUNG_TASK,                                 "INFO: task *:# blocked for more than # seconds."),
	PLAIN(HUNG_TASK,                                 "INFO: task *:# blocked in I/O wait for more than # seconds."),
	PLAIN(KERNEL_PANIC,                              "Kernel panic - not syncing*"),
	PLAIN(KERNEL_BUG,                                "kernel BUG at *:#!"),
	PLAIN(KERNEL_BUG,                                "Internal error: *[?#] *"),
	PLAIN(KERNEL_BUG,                                "Unable to handle kernel *"),
	PLAIN(KERNEL_BUG,                                "Oops: general protection fault, *[?#]*"),
	PLAIN(KERNEL_BUG,                                "general protection fault, *[?#] *"),
	PLAIN(KERNEL_BUG,                                "BUG: kernel NULL pointer dereference, *"),
	PLAIN(KERNEL_BUG,                                "BUG: unable to handle *"),
	PLAIN(KERNEL_BUG,                                "BUG: scheduling while atomic: *"),
	PLAIN(KERNEL_BUG,                                "BUG: sleeping function called from invalid context *"),
	PLAIN(KERNEL_BUG,                                "BUG: Bad page state in process *"),
	PLAIN(KERNEL_BUG,                                "BUG: Bad page map in process *"),
	PLAIN(KERNEL_BUG,                                "BUG: Bad rss-counter state *"),
	PLAIN(KERNEL_BUG,                                "BUG: workqueue lockup - *"),
	PLAIN(KERNEL_BUG,                                "watchdog: BUG: soft lockup - CPU?#*"),
};

const size_t klog_pattern_count = sizeof(klog_patterns) / sizeof(klog_patterns[0]);
