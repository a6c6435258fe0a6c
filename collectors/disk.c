/* SPDX-License-Identifier: MIT */
/*
 * The way from "/" to a disk: mountinfo names the device number of the root file system,
 * /sys/dev/block/MAJ:MIN is a link to .../block/DISK or .../block/DISK/PARTITION. The mount source is
 * not asked first because it reads /dev/root on a Pi that boots without an initramfs. File systems
 * with a device number of their own (btrfs) are found by their source.
 */
#include "collectors/disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/sample.h"
#include "agent/units.h"

/* Fields of /sys/block/NAME/stat by their position. */
enum stat_field {
	STAT_READS = 0,
	STAT_WRITES = 4,
	STAT_WRITE_SECTORS = 6,
	STAT_WRITE_MS = 7,
	STAT_IN_FLIGHT = 8,
	STAT_QUEUE_MS = 10,
	STAT_LEAST = 11, /* every kernel since 2.6 has these */
	STAT_DISCARDS = 11,
	STAT_FLUSHES = 15,
	STAT_FIELDS = 17,
};

#define WRAP (INT64_C(1) << 32)
/* In this file always, whatever the disk's own sectors are. */
#define SECTOR_BYTES INT64_C(512)
/* Documentation/admin-guide/devices.txt */
#define LOOP_MAJOR 7

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
	if (__builtin_mul_overflow(fields[STAT_WRITE_SECTORS], SECTOR_BYTES, &write_bytes))
		return -ERANGE;
	*ret_stat = (struct disk_stat){
		.reads = fields[STAT_READS],
		.writes = fields[STAT_WRITES],
		.discards = fields[STAT_DISCARDS],
		.flushes = fields[STAT_FLUSHES],
		.write_bytes = write_bytes,
		.write_ms = fields[STAT_WRITE_MS] & (WRAP - 1),
		.queue_ms = fields[STAT_QUEUE_MS] & (WRAP - 1),
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

int64_t disk_stat_step_bytes(int64_t before, int64_t after)
{
	int64_t sectors = disk_stat_step(before / SECTOR_BYTES, after / SECTOR_BYTES);
	return sectors < 0 ? sectors : sectors * SECTOR_BYTES;
}

bool disk_stat_finished(const struct disk_stat *before, const struct disk_stat *after)
{
	return after->reads != before->reads || after->writes != before->writes ||
	       after->discards != before->discards || after->flushes != before->flushes;
}

int64_t disk_stat_busy_ns(const struct disk_stat *before, const struct disk_stat *after,
			  int64_t step_ns)
{
	if (after->in_flight > 0 && !disk_stat_finished(before, after))
		return step_ns;
	int64_t waited_ns = disk_stat_step_ms(before->queue_ms, after->queue_ms) * NS_PER_MS;
	return waited_ns < step_ns ? waited_ns : step_ns;
}

static bool is_disk(int root_fd, const char *name)
{
	char path[sizeof("sys/block/") + DISK_NAME_SIZE];
	if (!name[0] || name[0] == '.' ||
	    snprintf(path, sizeof(path), "sys/block/%s", name) >= (int)sizeof(path))
		return false;
	return procfs_exists(root_fd, path);
}

/* Sysfs paths are at most a page, those of Pi boards about 100 bytes. */
#define LINK_SIZE 512

static int read_link(int root_fd, const char *link, char *ret_target)
{
	int from_fd = procfs_at(root_fd, &link);
	ssize_t length = readlinkat(from_fd, link, ret_target, LINK_SIZE);
	if (length < 0)
		return -errno;
	if (length == LINK_SIZE)
		return -ENAMETOOLONG;
	ret_target[length] = '\0';
	return 0;
}

/* Takes the last part of the path that is a disk: the partition's own entry is below its disk. */
static int disk_of_link(int root_fd, const char *link, char *ret_name, size_t name_size)
{
	char target[LINK_SIZE];
	int r = read_link(root_fd, link, target);
	if (r < 0)
		return r;

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

static void number_link(const struct disk_mount *mount, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "sys/dev/block/%lld:%lld", (long long)mount->major,
		 (long long)mount->minor);
}

int disk_of_mount(int root_fd, const struct disk_mount *mount, char *ret_name, size_t name_size)
{
	char link[64], target[LINK_SIZE];
	number_link(mount, link, sizeof(link));
	int r = read_link(root_fd, link, target);
	if (r < 0)
		return r;
	char *slash = strrchr(target, '/');
	if (!slash || !slash[1] || strlen(slash + 1) >= name_size)
		return -ENOENT;
	strcpy(ret_name, slash + 1);
	return 0;
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

static bool is_overlay(const struct disk_mount *mount)
{
	return strcmp(mount->type, "overlay") == 0;
}

/*
 * What stands for the root: on an overlay the mount that carries its first lower directory. Where that
 * is not to be seen any more (an initramfs made it), or an image on a loop device, it stays the overlay.
 */
int disk_root_mount(int root_fd, struct disk_mount *ret_mount)
{
	struct disk_mount lower;
	int fd = procfs_open(root_fd, "proc/self/mountinfo");
	if (fd < 0)
		return fd;
	int r = disk_mount_read(fd, ret_mount);
	if (r == 0 && ret_mount->lower[0] && disk_mount_find(fd, ret_mount->lower, &lower) == 0 &&
	    !is_overlay(&lower) && lower.major != LOOP_MAJOR)
		*ret_mount = lower;
	close(fd);
	return r;
}

/* A file system keeps its device number when the disk is pulled, sysfs does not. */
static bool is_gone(int root_fd, const struct disk_mount *mount)
{
	char link[64], target[LINK_SIZE];

	number_link(mount, link, sizeof(link));
	return mount->major != 0 && read_link(root_fd, link, target) == -ENOENT &&
	       procfs_exists(root_fd, "sys/dev/block");
}

/* Returns 0 and the name, or -ENOENT. */
static int disk_under(int root_fd, const struct disk_mount *mount, char *ret_name, size_t name_size)
{
	char link[64];

	number_link(mount, link, sizeof(link));
	if (disk_of_link(root_fd, link, ret_name, name_size) == 0)
		return 0;
	if (strncmp(mount->source, "/dev/", 5) == 0 && mount->source[5] &&
	    !strchr(mount->source + 5, '/') &&
	    disk_of_device(root_fd, mount->source + 5, ret_name, name_size) == 0)
		return 0;
	/* What is below an overlay cannot be told; on a Pi it is the card. */
	return is_overlay(mount) ? disk_of_device(root_fd, "mmcblk0", ret_name, name_size)
				 : -ENOENT;
}

int disk_find_root(int root_fd, char *ret_name, size_t name_size, char *ret_reason,
		   size_t reason_size)
{
	struct disk_mount mount;
	int r = disk_root_mount(root_fd, &mount);
	if (r == 0 && disk_mount_is_nfs(&mount)) {
		/* Not even where the Pi has a card to boot from: nothing depends on that one. */
		text_copy(ret_reason, reason_size, NOT_APPLICABLE "root is on NFS");
		return DISK_NONE;
	}
	bool gone = r == 0 && is_gone(root_fd, &mount);
	/* Not to be looked for by its name, which another disk may have by now. */
	if (r == 0 && !gone && disk_under(root_fd, &mount, ret_name, name_size) == 0)
		return 0;

	char reason[256];
	if (gone)
		snprintf(reason, sizeof(reason),
			 "the root's disk, %lld:%lld, is gone: put it back and restart this "
			 "machine",
			 (long long)mount.major, (long long)mount.minor);
	else if (r == DISK_OTHER)
		snprintf(reason, sizeof(reason),
			 "/proc/self/mountinfo names no root file system: set device");
	else if (r < 0)
		snprintf(reason, sizeof(reason), "/proc/self/mountinfo: %s: set device",
			 procfs_strerror(r));
	else if (mount.major != 0)
		snprintf(reason, sizeof(reason),
			 "root is on device %lld:%lld, not in /sys/dev/block",
			 (long long)mount.major, (long long)mount.minor);
	else
		snprintf(reason, sizeof(reason),
			 NOT_APPLICABLE "root is on %s from %s: no card to watch", mount.type,
			 mount.source);
	text_copy(ret_reason, reason_size, reason);
	return gone ? DISK_GONE : DISK_NONE;
}
