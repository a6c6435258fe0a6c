/* SPDX-License-Identifier: MIT */
/*
 * One table of patterns, tried from the top; the first that fits decides. Kernel lines quote text of
 * other people (process names, USB product strings, file names), so a pattern fits from the first
 * byte of a line to its last and never searches inside for a word. Wildcards: '*' anything, '#' a
 * decimal number, '@' the name of a block device, and '%' (never behind a '*') letters, blanks and
 * slashes, which is what a block status looks like and a quotation behind "usb 1-1: " does not.
 */
#include "collectors/kernel_log_match.h"

#include <errno.h>
#include <string.h>

const struct klog_class_info klog_classes[KLOG_CLASSES] = {
	[KLOG_NOTHING] = {"kernel", "Kernel", SEVERITY_INFO, false},
	[KLOG_SD_WRITE_ERROR] = {"sd-write-error", "Disk write failed", SEVERITY_WARNING, false},
	[KLOG_SD_READ_ERROR] = {"sd-read-error", "Disk read failed", SEVERITY_WARNING, false},
	[KLOG_SD_TIMEOUT] = {"sd-timeout", "SD card timeout", SEVERITY_WARNING, false},
	[KLOG_SD_CONTROLLER] = {"sd-controller", "SD controller trouble", SEVERITY_WARNING, false},
	[KLOG_SD_REMOVED] = {"sd-removed", "SD card removed", SEVERITY_CRITICAL, true},
	[KLOG_SD_INSERTED] = {"sd-inserted", "SD card inserted", SEVERITY_INFO, false},
	[KLOG_SD_RECOVERY_FAILED] = {"sd-recovery-failed", "SD card lost", SEVERITY_CRITICAL, true},
	[KLOG_BUFFER_ERROR] = {"buffer-error", "Cached page not moved", SEVERITY_WARNING, false},
	[KLOG_FS_DATA_LOST] = {"fs-data-lost", "File data lost", SEVERITY_WARNING, false},
	[KLOG_FS_ERROR] = {"fs-error", "File system damaged", SEVERITY_CRITICAL, false},
	[KLOG_FS_JOURNAL_ABORT] = {"fs-journal-abort", "Journal aborted", SEVERITY_CRITICAL, true},
	[KLOG_FS_READ_ONLY] = {"fs-read-only", "File system stopped", SEVERITY_CRITICAL, true},
	[KLOG_SWAP_READ_ERROR] = {"swap-read-error", "Swap unreadable", SEVERITY_CRITICAL, true},
	[KLOG_SWAP_WRITE_ERROR] = {"swap-write-error", "Swap unwritable", SEVERITY_CRITICAL, true},
	[KLOG_OOM_KILL] = {"oom-kill", "Out of memory", SEVERITY_CRITICAL, false},
	[KLOG_UNDERVOLTAGE] = {"undervoltage", "Supply too weak", SEVERITY_WARNING, false},
	[KLOG_UNDERVOLTAGE_END] = {"undervoltage-end", "Supply is back", SEVERITY_INFO, false},
	[KLOG_KERNEL_BUG] = {"kernel-bug", "Kernel fault", SEVERITY_CRITICAL, false},
	[KLOG_LOST] = {"kernel-log-lost", "Kernel log not read", SEVERITY_WARNING, false},
};

enum {
	ROW_TIMEOUT = 1,    /* counts among the timeouts as well */
	ROW_SUPPRESSED = 2, /* '#' lines were not printed */
	ROW_BLOCK = 4,	    /* of the block layer, or (suppressed) as its last line */
	ROW_HOST = 8,	    /* '#' is the number of an mmc host */
};

struct pattern {
	const char *text;
	enum klog_class class;
	unsigned flags;
};

/*
 * Texts of Linux 6.1 to 6.12; "blk_update_request: " is from before 5.17. A discard that a card does
 * not know is no error. Whatever is not a read changes the card or should have: a write.
 */
static const struct pattern patterns[] = {
	{"operation not supported error, dev *", KLOG_NOTHING, ROW_BLOCK},
	{"timeout error, dev @, sector # op *:(READ) *", KLOG_SD_READ_ERROR,
	 ROW_BLOCK | ROW_TIMEOUT},
	{"timeout error, dev @, sector # op *", KLOG_SD_WRITE_ERROR, ROW_BLOCK | ROW_TIMEOUT},
	{"% error, dev @, sector # op *:(READ) *", KLOG_SD_READ_ERROR, ROW_BLOCK},
	{"% error, dev @, sector # op *", KLOG_SD_WRITE_ERROR, ROW_BLOCK},
	{"blk_update_request: % error, dev @, sector # op *:(READ) *", KLOG_SD_READ_ERROR,
	 ROW_BLOCK},
	{"blk_update_request: % error, dev @, sector # op *", KLOG_SD_WRITE_ERROR, ROW_BLOCK},
	{"blk_print_req_error: # callbacks suppressed", KLOG_SD_WRITE_ERROR,
	 ROW_BLOCK | ROW_SUPPRESSED},
	{"print_req_error: # callbacks suppressed", KLOG_SD_WRITE_ERROR,
	 ROW_BLOCK | ROW_SUPPRESSED},

	{"mmc#: Timeout waiting for hardware *", KLOG_SD_TIMEOUT, ROW_HOST},
	{"mmc#: timeout waiting for hardware *", KLOG_SD_TIMEOUT, ROW_HOST},
	{"sdhost-bcm2835 *: timeout waiting for hardware interrupt*", KLOG_SD_TIMEOUT, 0},
	{"mmc#: cqhci: timeout for tag *", KLOG_SD_TIMEOUT, ROW_HOST},
	{"mmc#: Card stuck being busy!*", KLOG_SD_TIMEOUT, ROW_HOST},
	{"mmc#: card * removed", KLOG_SD_REMOVED, ROW_HOST},
	{"mmc#: Card removed during transfer!*", KLOG_SD_REMOVED, ROW_HOST},
	{"mmc#: new *SDIO card at address *", KLOG_NOTHING, 0},
	{"mmc#: new * card at address *", KLOG_SD_INSERTED, ROW_HOST},
	{"mmcblk#: recovery failed!*", KLOG_SD_RECOVERY_FAILED, 0},
	{"mmc#: running CQE recovery*", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: error -# whilst initialising *", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: error -# writing Cache *", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: tuning execution failed: *", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: ADMA error: *", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: Reset 0x* never completed.*", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: Controller never released inhibit bit(s).*", KLOG_SD_CONTROLLER, ROW_HOST},
	{"mmc#: Got data interrupt 0x* even though no data operation was in progress.*",
	 KLOG_SD_CONTROLLER, ROW_HOST},

	{"Buffer I/O error on dev @, logical block *", KLOG_BUFFER_ERROR, 0},
	{"Buffer I/O error on device @, logical block *", KLOG_BUFFER_ERROR, 0},
	{"buffer_io_error: # callbacks suppressed", KLOG_BUFFER_ERROR, ROW_SUPPRESSED},

	{"EXT4-fs warning (device @): *: I/O error # writing to inode *", KLOG_FS_DATA_LOST, 0},
	{"EXT4-fs (@): failed to convert unwritten extents *", KLOG_FS_DATA_LOST, 0},
	{"EXT4-fs (@): Delayed block allocation failed *", KLOG_FS_DATA_LOST, 0},
	{"EXT4-fs (@): This should not happen!! Data will be lost*", KLOG_FS_DATA_LOST, 0},
	{"EXT4-fs error (device @)*", KLOG_FS_ERROR, 0},
	{"EXT4-fs (@): I/O error while writing superblock*", KLOG_FS_ERROR, 0},
	{"EXT4-fs (@): previous I/O error to superblock detected*", KLOG_FS_ERROR, 0},
	{"EXT4-fs (@): Remounting filesystem read-only*", KLOG_FS_READ_ONLY, 0},
	{"Aborting journal on device @*", KLOG_FS_JOURNAL_ABORT, 0},
	{"JBD2: I/O error when updating journal superblock for @*", KLOG_FS_JOURNAL_ABORT, 0},
	{"JBD2: previous I/O error detected for journal superblock update for @*",
	 KLOG_FS_JOURNAL_ABORT, 0},
	{"JBD2: Detected IO errors while flushing file data on @*", KLOG_FS_DATA_LOST, 0},

	{"Read-error on swap-device*", KLOG_SWAP_READ_ERROR, 0},
	{"Write-error on swap-device*", KLOG_SWAP_WRITE_ERROR, 0},
	{"Write error * on dio swapfile *", KLOG_SWAP_WRITE_ERROR, 0},
	{"end_swap_bio_read: # callbacks suppressed", KLOG_SWAP_READ_ERROR, ROW_SUPPRESSED},
	{"__end_swap_bio_read: # callbacks suppressed", KLOG_SWAP_READ_ERROR, ROW_SUPPRESSED},
	{"sio_read_complete: # callbacks suppressed", KLOG_SWAP_READ_ERROR, ROW_SUPPRESSED},
	{"end_swap_bio_write: # callbacks suppressed", KLOG_SWAP_WRITE_ERROR, ROW_SUPPRESSED},
	{"__end_swap_bio_write: # callbacks suppressed", KLOG_SWAP_WRITE_ERROR, ROW_SUPPRESSED},
	{"sio_write_complete: # callbacks suppressed", KLOG_SWAP_WRITE_ERROR, ROW_SUPPRESSED},

	{"Out of memory: Killed process *", KLOG_OOM_KILL, 0},
	{"Memory cgroup out of memory: Killed process *", KLOG_OOM_KILL, 0},

	{"hwmon hwmon#: Undervoltage detected!*", KLOG_UNDERVOLTAGE, 0},
	{"Under-voltage detected! *", KLOG_UNDERVOLTAGE, 0},
	{"hwmon hwmon#: Voltage normalised*", KLOG_UNDERVOLTAGE_END, 0},
	{"Voltage normalised *", KLOG_UNDERVOLTAGE_END, 0},

	{"Kernel panic - not syncing*", KLOG_KERNEL_BUG, 0},
	{"BUG: *", KLOG_KERNEL_BUG, 0},
	{"kernel BUG at *", KLOG_KERNEL_BUG, 0},
	{"watchdog: BUG: *", KLOG_KERNEL_BUG, 0},
	{"Internal error: *", KLOG_KERNEL_BUG, 0},
	{"Oops: *", KLOG_KERNEL_BUG, 0},
	{"Unable to handle kernel *", KLOG_KERNEL_BUG, 0},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "I/O", "critical space allocation" */
static bool is_status(char c)
{
	return is_letter(c) || c == ' ' || c == '/';
}

/* What the wildcards of a pattern stood for. */
struct captures {
	int64_t number; /* the first one */
	bool has_number;
	char device[KLOG_DEVICE_SIZE];
};

/* A number as long as possible; returns its length. More than a billion counts as a billion. */
static size_t take_number(const char *text, struct captures *captures)
{
	int64_t value = 0;
	size_t length = 0;
	for (; is_digit(text[length]); length++) {
		if (value < INT64_C(1000000000))
			value = 10 * value + (text[length] - '0');
	}
	if (length && !captures->has_number) {
		captures->number = value < INT64_C(1000000000) ? value : INT64_C(1000000000);
		captures->has_number = true;
	}
	return length;
}

/* A device name as long as possible; returns its length, 0 if there is none of a possible length. */
static size_t take_device(const char *text, struct captures *captures)
{
	size_t length = 0;
	while (is_letter(text[length]) || is_digit(text[length]) ||
	       (text[length] && strchr("-_!", text[length])))
		length++;
	if (length >= sizeof(captures->device))
		return 0;
	memcpy(captures->device, text, length);
	captures->device[length] = '\0';
	return length;
}

/*
 * Numbers and names are taken as long as possible, so only the newest '*' ever has to be stretched
 * and a line costs at most its length times that of the pattern.
 */
static bool fits(const char *pattern, const char *text, struct captures *captures)
{
	const char *after = NULL, *stretch = NULL;
	bool status_only = false;

	for (;;) {
		size_t taken = 0;
		if (*pattern == '*' || *pattern == '%') {
			status_only = *pattern == '%';
			after = ++pattern;
			stretch = text;
			continue;
		}
		if (*pattern == '#')
			taken = take_number(text, captures);
		else if (*pattern == '@')
			taken = take_device(text, captures);
		else if (*pattern && *pattern == *text)
			taken = 1;
		else if (!*pattern && !*text)
			return true;

		if (taken) {
			pattern++;
			text += taken;
			continue;
		}
		if (!after || !*stretch || (status_only && !is_status(*stretch)))
			return false;
		text = ++stretch;
		pattern = after;
	}
}

bool klog_device_counts(const char *device)
{
	static const char *const others[] = {"loop", "ram", "zram", "sr", "fd"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t length = strlen(others[i]);
		if (strncmp(device, others[i], length) == 0 && is_digit(device[length]))
			return false;
	}
	return true;
}

bool klog_classify(struct klog_context *context, const char *text, struct klog_match *ret_match)
{
	struct captures captures = {0};
	const struct pattern *row = NULL;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !row; i++) {
		captures = (struct captures){0};
		if (fits(patterns[i].text, text, &captures))
			row = &patterns[i];
	}
	if (!row)
		return false;

	enum klog_class class = row->class;
	bool suppressed = row->flags & ROW_SUPPRESSED;
	if ((row->flags & ROW_HOST) && context->mmc_hosts &&
	    (captures.number > 31 || !((context->mmc_hosts >> captures.number) & 1)))
		return false;
	if (captures.device[0] && !klog_device_counts(captures.device))
		class = KLOG_NOTHING;
	if ((row->flags & ROW_BLOCK) && suppressed) {
		/* It names no device and no direction: those of the line before are likely. */
		if (context->had_block)
			class = context->last_block;
	} else if (row->flags & ROW_BLOCK) {
		context->last_block = class;
		context->had_block = true;
	}
	if (class == KLOG_NOTHING || (suppressed && captures.number == 0))
		return false;

	*ret_match = (struct klog_match){
		.class = class,
		.timeout = row->flags & ROW_TIMEOUT,
		.count = suppressed ? captures.number : 1,
	};
	memcpy(ret_match->device, captures.device, sizeof(ret_match->device));
	return true;
}

/* An unsigned number of the record's head that is followed by end; NULL if there is none. */
static const char *head_number(const char *at, const char *end, char stop, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = at;
	for (; at < end && is_digit(*at); at++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return NULL;
	}
	if (at == start || at == end || *at != stop)
		return NULL;
	*ret_value = value;
	return at + 1;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes \xNN. Control characters would play with the terminal of whoever reads it. */
static void copy_text(char *target, size_t size, const char *at, const char *end)
{
	size_t used = 0;
	while (at < end && *at != '\n' && used + 1 < size) {
		int high = -1, low = -1;
		if (end - at >= 4 && at[0] == '\\' && at[1] == 'x') {
			high = hex_digit(at[2]);
			low = hex_digit(at[3]);
		}
		bool escaped = high >= 0 && low >= 0;
		unsigned char byte =
			escaped ? (unsigned char)(high * 16 + low) : (unsigned char)*at;
		target[used++] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
		at += escaped ? 4 : 1;
	}
	target[used] = '\0';
}

int klog_parse(const char *record, size_t length, struct klog_record *ret_record)
{
	const char *end = record + length;
	uint64_t prefix, sequence, microseconds;

	const char *at = head_number(record, end, ',', &prefix);
	if (at)
		at = head_number(at, end, ',', &sequence);
	if (at)
		at = head_number(at, end, ',', &microseconds);
	if (!at || prefix > UINT16_MAX)
		return -EINVAL;
	/* Flags, and fields that newer kernels add. */
	while (at < end && *at != ';' && *at != '\n')
		at++;
	if (at == end || *at != ';')
		return -EINVAL;

	ret_record->sequence = sequence;
	ret_record->facility = (unsigned)prefix / 8;
	ret_record->level = (unsigned)prefix % 8;
	copy_text(ret_record->text, sizeof(ret_record->text), at + 1, end);
	return 0;
}
