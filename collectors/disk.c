/* SPDX-License-Identifier: MIT */
/*
 * The way from "/" to a disk: mountinfo names the device number of the root file system,
 * /sys/dev/block/MAJ:MIN is a link to .../block/DISK or .../block/DISK/PARTITION. The mount source is
 * not asked first because it reads /dev/root on a Pi that boots without an initramfs. File systems
 * with a device number of their own (btrfs) are found by their source.
 */
#include "collectors/disk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/sample.h"

/* Fields of /sys/block/NAME/stat by their position. */
enum stat_field {
	STAT_READS = 0,
	STAT_WRITES = 4,
	STAT_WRITE_SECTORS = 6,
	STAT_WRITE_MS = 7,
	STAT_IN_FLIGHT = 8,
	STAT_LEAST = 11, /* every kernel since 2.6 has these */
	STAT_DISCARDS = 11,
	STAT_FLUSHES = 15,
	STAT_FIELDS = 17,
};

#define WRAP (INT64_C(1) << 32)

int disk_stat_parse(const char *text, struct disk_stat *ret_stat)
{
	int64_t fields[STAT_FIELDS] = {0};
	size_t count = 0;

	for (const char *at = text + strspn(text, " "); *at && *at != '\n'; at += strspn(at, " ")) {
		int64_t value;
		int r = procfs_number(at, &at, &value);
		if (r < 0)
			return r;
		if (*at != ' ' && *at != '\n' && *at)
			return -EINVAL;
		if (count < STAT_FIELDS)
			fields[count] = value;
		count++;
	}
	if (count < STAT_LEAST)
		return -EINVAL;

	int64_t write_bytes;
	if (__builtin_mul_overflow(fields[STAT_WRITE_SECTORS], INT64_C(512), &write_bytes))
		return -ERANGE;
	*ret_stat = (struct disk_stat){
		.reads = fields[STAT_READS],
		.writes = fields[STAT_WRITES],
		.discards = fields[STAT_DISCARDS],
		.flushes = fields[STAT_FLUSHES],
		.write_bytes = write_bytes,
		.write_ms = fields[STAT_WRITE_MS] & (WRAP - 1),
		.in_flight = fields[STAT_IN_FLIGHT],
	};
	return 0;
}

int64_t disk_stat_step_ms(int64_t before, int64_t after)
{
	return (after - before) & (WRAP - 1);
}

int64_t disk_stat_step(int64_t before, int64_t after)
{
	if (after >= before)
		return after - before;
	if (before >= WRAP)
		return -1;
	/* A step of more than half the range is no wrap: the device began again at zero. */
	int64_t step = disk_stat_step_ms(before, after);
	return step < WRAP / 2 ? step : -1;
}

/* Copies the word that ends at a blank or at the end of the text; returns what follows it. */
static const char *copy_word(const char *text, char *word, size_t size)
{
	size_t length = strcspn(text, " \n");
	snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), text);
	return text + length + (text[length] == ' ');
}

/* Skips count words, each followed by one blank; NULL if there are fewer. */
static const char *skip_words(const char *text, unsigned count)
{
	while (count--) {
		text = strchr(text, ' ');
		if (!text)
			return NULL;
		text++;
	}
	return text;
}

int disk_mount_parse(const char *line, struct disk_mount *ret_mount)
{
	struct disk_mount mount = {0};

	/* "27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw" */
	const char *at = skip_words(line, 2);
	if (!at || procfs_number(at, &at, &mount.major) < 0 || *at++ != ':' ||
	    procfs_number(at, &at, &mount.minor) < 0 || *at != ' ')
		return -EINVAL;
	at = skip_words(at, 2);
	if (!at)
		return -EINVAL;
	if (at[0] != '/' || at[1] != ' ')
		return DISK_OTHER;

	/* Any number of optional fields, ended by a lone dash. */
	at = strstr(at, " - ");
	if (!at)
		return -EINVAL;
	at = copy_word(at + 3, mount.type, sizeof(mount.type));
	copy_word(at, mount.source, sizeof(mount.source));
	if (!mount.type[0] || !mount.source[0])
		return -EINVAL;
	*ret_mount = mount;
	return 0;
}

/*
 * Goes through mountinfo line by line, because a machine with containers has hundreds of them. The
 * last mount on "/" is the one on top. 0, or -ENOENT, or the errno of the file.
 */
static int find_mount(int root_fd, struct disk_mount *ret_mount)
{
	/* 8 KiB: a line has at most one page of options and two paths; a longer one is skipped. */
	char buffer[8192];
	size_t used = 0;
	bool skip = false;
	int result = -ENOENT;

	int fd = procfs_open(root_fd, "proc/self/mountinfo");
	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t got = read(fd, buffer + used, sizeof(buffer) - 1 - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
		buffer[used] = '\0';

		char *line = buffer;
		for (char *end; (end = memchr(line, '\n', used - (size_t)(line - buffer)));
		     line = end + 1) {
			*end = '\0';
			if (!skip && disk_mount_parse(line, ret_mount) == 0)
				result = 0;
			skip = false;
		}
		used -= (size_t)(line - buffer);
		memmove(buffer, line, used);
		if (used == sizeof(buffer) - 1) {
			skip = true;
			used = 0;
		}
	}
	close(fd);
	return result;
}

static bool is_disk(int root_fd, const char *name)
{
	char path[sizeof("sys/block/") + DISK_NAME_SIZE];
	if (!name[0] || name[0] == '.' ||
	    snprintf(path, sizeof(path), "sys/block/%s", name) >= (int)sizeof(path))
		return false;
	return faccessat(root_fd, path, F_OK, 0) == 0;
}

/* Takes the last part of the path that is a disk: the partition's own entry is below its disk. */
static int disk_of_link(int root_fd, const char *link, char *ret_name, size_t name_size)
{
	/* Sysfs paths are at most a page, those of Pi boards about 100 bytes. */
	char target[512];
	ssize_t length = readlinkat(root_fd, link, target, sizeof(target));
	if (length < 0)
		return -errno;
	if ((size_t)length == sizeof(target))
		return -ENAMETOOLONG;
	target[length] = '\0';

	for (int tries = 0; tries < 2; tries++) {
		char *slash = strrchr(target, '/');
		if (!slash)
			break;
		if (is_disk(root_fd, slash + 1) && strlen(slash + 1) < name_size) {
			strcpy(ret_name, slash + 1);
			return 0;
		}
		*slash = '\0';
	}
	return -ENOENT;
}

int disk_of_device(int root_fd, const char *device, char *ret_name, size_t name_size)
{
	if (is_disk(root_fd, device) && strlen(device) < name_size) {
		strcpy(ret_name, device);
		return 0;
	}
	char link[sizeof("sys/class/block/") + DISK_NAME_SIZE];
	if (snprintf(link, sizeof(link), "sys/class/block/%s", device) >= (int)sizeof(link))
		return -ENOENT;
	return disk_of_link(root_fd, link, ret_name, name_size) < 0 ? -ENOENT : 0;
}

int disk_find_root(int root_fd, char *ret_name, size_t name_size, char *ret_reason,
		   size_t reason_size)
{
	struct disk_mount mount;
	int r = find_mount(root_fd, &mount);
	if (r == 0) {
		char link[64];
		snprintf(link, sizeof(link), "sys/dev/block/%lld:%lld", (long long)mount.major,
			 (long long)mount.minor);
		if (disk_of_link(root_fd, link, ret_name, name_size) == 0)
			return 0;
		if (strncmp(mount.source, "/dev/", 5) == 0 && mount.source[5] &&
		    !strchr(mount.source + 5, '/') &&
		    disk_of_device(root_fd, mount.source + 5, ret_name, name_size) == 0)
			return 0;
	}
	if (disk_of_device(root_fd, "mmcblk0", ret_name, name_size) == 0)
		return 0;

	char reason[256];
	if (r == -ENOENT)
		snprintf(reason, sizeof(reason),
			 "proc/self/mountinfo names no root file system: set device");
	else if (r < 0)
		snprintf(reason, sizeof(reason), "proc/self/mountinfo: %s: set device",
			 procfs_strerror(r));
	else if (mount.major != 0)
		snprintf(reason, sizeof(reason),
			 "root is on device %lld:%lld, not in sys/dev/block",
			 (long long)mount.major, (long long)mount.minor);
	else
		snprintf(reason, sizeof(reason), "root is on %s from %s: no card to watch",
			 mount.type, mount.source);
	text_copy(ret_reason, reason_size, reason);
	return DISK_NONE;
}
