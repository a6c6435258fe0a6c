/* SPDX-License-Identifier: MIT */
/*
 * Names are resolved when the log is opened, and what may change at a slow pace, because a line of the log
 * may be the last thing that happens: then nothing can be opened any more. What a name means is its
 * text alone: since Linux 4.7 a card has the number of its host, and partitions are named by rule.
 */
#include "collectors/kernel_log_disks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/procfs.h"

/* 32 areas with names of some 100 bytes. */
#define SWAPS_SIZE 4096
#define PATH_SIZE 128

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* True for prefix and a number. */
static bool is_numbered(const char *text, const char *prefix)
{
	return has_prefix(text, prefix) && is_digit(text[strlen(prefix)]);
}

void klog_disk_of(const char *device, char *ret_disk)
{
	static const char *const lettered[] = {"sd", "vd", "xvd", "hd"};
	size_t length = strlen(device), digits = 0;

	if (is_numbered(device, "mmcblk")) {
		/* Also mmcblk0boot0 and mmcblk0rpmb of an eMMC. */
		length = strlen("mmcblk") + strspn(device + strlen("mmcblk"), "0123456789");
	} else {
		while (digits < length && is_digit(device[length - digits - 1]))
			digits++;
		size_t base = length - digits;
		bool by_letter = false;
		for (size_t i = 0; i < sizeof(lettered) / sizeof(lettered[0]); i++)
			by_letter |= has_prefix(device, lettered[i]);
		if (by_letter && base > 0)
			length = base; /* sda1 */
		else if (digits && base >= 2 && device[base - 1] == 'p' &&
			 is_digit(device[base - 2]))
			length = base - 1; /* nvme0n1p2 */
	}
	if (length >= DISK_NAME_SIZE)
		length = DISK_NAME_SIZE - 1;
	memcpy(ret_disk, device, length);
	ret_disk[length] = '\0';
}

bool klog_swaps_next(const char **text, char *ret_device, size_t size)
{
	const char *line = *text, *end = strchr(line, '\n');
	if (!end)
		return false;
	*text = end + 1;

	size_t length = strcspn(line, " \t\n");
	ret_device[0] = '\0';
	if (has_prefix(line, "/dev/") && length - 5 < size) {
		memcpy(ret_device, line + 5, length - 5);
		ret_device[length - 5] = '\0';
	}
	return true;
}

/* Among the first count of ours. */
static bool is_among(const struct klog_disks *disks, unsigned count, const char *disk)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(disks->own[i], disk) == 0)
			return true;
	return false;
}

static bool is_own(const struct klog_disks *disks, const char *disk)
{
	return is_among(disks, disks->own_count, disk);
}

static void add_own(struct klog_disks *disks, const char *disk)
{
	if (disks->own_count < KLOG_OWN_DISKS && !is_own(disks, disk))
		snprintf(disks->own[disks->own_count++], DISK_NAME_SIZE, "%s", disk);
}

/* Remembers the number of a device: lines about swap name it by that. disk NULL: zram. */
static void add_number(struct klog_disks *disks, int root_fd, const char *device, const char *disk)
{
	char path[PATH_SIZE], text[32];
	const char *at = text;
	struct klog_swap_number number = {0};

	snprintf(path, sizeof(path), "sys/class/block/%s/dev", device);
	if (procfs_read_line(root_fd, path, text, sizeof(text)) <= 0 ||
	    procfs_number(at, &at, &number.major) < 0 || *at++ != ':' ||
	    procfs_number(at, &at, &number.minor) < 0 || disks->number_count == KLOG_SWAP_NUMBERS)
		return;
	snprintf(number.disk, sizeof(number.disk), "%s", disk ? disk : "");
	disks->numbers[disks->number_count++] = number;
}

/* The disks below a device-mapper or md device say nothing of it in their lines. */
static void add_parts_of(struct klog_disks *disks, int root_fd, const char *disk)
{
	if (!has_prefix(disk, "dm-") && !has_prefix(disk, "md"))
		return;
	char path[PATH_SIZE], part[DISK_NAME_SIZE];
	snprintf(path, sizeof(path), "sys/block/%s/slaves", disk);
	const char *at = path;
	int fd = procfs_at(root_fd, &at);

	fd = openat(fd, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.' &&
		    disk_of_device(root_fd, entry->d_name, part, sizeof(part)) == 0)
			add_own(disks, part);
	}
	closedir(dir);
}

/* Of those from first on, and what those are made of in turn: a volume in an encrypted partition. */
static void add_parts(struct klog_disks *disks, int root_fd, unsigned first)
{
	for (unsigned i = first; i < disks->own_count; i++)
		add_parts_of(disks, root_fd, disks->own[i]);
}

/* Swap in a file: the disk of its file system. */
static void add_swap_file(struct klog_disks *disks, int root_fd, const char *path)
{
	struct stat stat;
	char link[PATH_SIZE], target[512], disk[DISK_NAME_SIZE];
	if (fstatat(root_fd, path, &stat, 0) < 0)
		return;
	snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major(stat.st_dev), minor(stat.st_dev));
	const char *at = link;
	int from_fd = procfs_at(root_fd, &at);
	ssize_t length = readlinkat(from_fd, at, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	if (disk_of_device(root_fd, slash ? slash + 1 : target, disk, sizeof(disk)) == 0)
		add_own(disks, disk);
}

static void add_swap_files(struct klog_disks *disks, int root_fd)
{
	char text[SWAPS_SIZE], device[DISK_NAME_SIZE], path[PATH_SIZE];
	if (procfs_read_path(root_fd, "proc/swaps", text, sizeof(text)) <= 0)
		return;
	const char *line = text, *next = text;
	for (; klog_swaps_next(&next, device, sizeof(device)); line = next) {
		int length = (int)strcspn(line, " \t\n");
		if (*line == '/' && !device[0] && length < PATH_SIZE) {
			snprintf(path, sizeof(path), "%.*s", length, line);
			add_swap_file(disks, root_fd, path);
		}
	}
}

/* Never forgets one: the host of a card that was pulled still has something to say. */
static void find_mmc_hosts(struct klog_disks *disks, int root_fd)
{
	disks->hosts_known = procfs_exists(root_fd, "sys/block");
	/* 8: no board has more slots than four. */
	for (unsigned i = 0; i < 8; i++) {
		char path[PATH_SIZE];
		snprintf(path, sizeof(path), "sys/block/mmcblk%u", i);
		if (procfs_exists(root_fd, path))
			disks->mmc_hosts |= UINT32_C(1) << i;
	}
}

void klog_disks_refresh(struct klog_disks *disks, int root_fd)
{
	char text[SWAPS_SIZE], device[DISK_NAME_SIZE], disk[DISK_NAME_SIZE];
	const char *at = text;
	find_mmc_hosts(disks, root_fd);
	if (procfs_read_path(root_fd, "proc/swaps", text, sizeof(text)) <= 0)
		return;

	disks->own_count = disks->root_count;
	disks->number_count = 0;
	while (klog_swaps_next(&at, device, sizeof(device))) {
		if (is_numbered(device, "zram")) {
			add_number(disks, root_fd, device, NULL);
		} else if (device[0] && disk_of_device(root_fd, device, disk, sizeof(disk)) == 0) {
			add_own(disks, disk);
			add_number(disks, root_fd, device, disk);
		}
	}
	add_parts(disks, root_fd, disks->root_count);
	/* The kernel prints the number of the whole disk. */
	for (unsigned i = 0; i < disks->own_count; i++)
		add_number(disks, root_fd, disks->own[i], disks->own[i]);
}

/* "[2001:db8::1]:/srv/pi" to "2001:db8::1": the kernel leaves the brackets out (fs/nfs/fs_context.c). */
static void find_server(struct klog_disks *disks, const char *source)
{
	const char *begin = source[0] == '[' ? source + 1 : source;
	const char *end = source[0] == '[' ? strchr(source, ']') : strstr(source, ":/");
	size_t length = end ? (size_t)(end - begin) : 0;

	if (length < sizeof(disks->nfs_server))
		snprintf(disks->nfs_server, sizeof(disks->nfs_server), "%.*s", (int)length, begin);
}

static void find_root(struct klog_disks *disks, int root_fd)
{
	struct disk_mount mount;

	if (disk_root_mount(root_fd, &mount) != 0)
		return;
	if (disk_of_mount(root_fd, &mount, disks->root, sizeof(disks->root)) < 0)
		disks->root[0] = '\0';
	if (disk_mount_is_nfs(&mount))
		find_server(disks, mount.source);
}

void klog_disks_find(struct klog_disks *disks, int root_fd, bool real_root)
{
	char disk[DISK_NAME_SIZE], reason[PATH_SIZE];

	*disks = (struct klog_disks){0};
	find_root(disks, root_fd);
	if (disk_find_root(root_fd, disk, sizeof(disk), reason, sizeof(reason)) == 0) {
		add_own(disks, disk);
		add_parts(disks, root_fd, 0);
	} else {
		/* A root on NFS is known not to be on a disk. */
		disks->all_ours = !procfs_exists(root_fd, "proc/self/mountinfo");
	}
	/* A file of another root directory would be looked for in this machine's file systems. */
	if (real_root)
		add_swap_files(disks, root_fd);
	disks->root_count = disks->own_count;
	klog_disks_refresh(disks, root_fd);
}

/* Devices that are no storage, or not one that anybody would miss. */
static bool is_storage(const char *device)
{
	static const char *const others[] = {"loop", "ram", "zram", "sr", "fd"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is_numbered(device, others[i]))
			return false;
	return true;
}

static bool place_number(const struct klog_disks *disks, const struct klog_match *match,
			 struct klog_place *ret_place)
{
	/* Swap that came after the last look: on a Pi that is most likely on its card. */
	const char *disk = "swap";
	bool known = false;
	for (unsigned i = 0; i < disks->number_count; i++) {
		const struct klog_swap_number *number = &disks->numbers[i];
		if (number->major == match->numbers[0] && number->minor == match->numbers[1])
			disk = number->disk, known = true;
	}
	snprintf(ret_place->disk, sizeof(ret_place->disk), "%s", disk);
	ret_place->ours = true;
	ret_place->below_root = !known || is_among(disks, disks->root_count, disk);
	return disk[0] != '\0';
}

bool klog_disks_place(const struct klog_disks *disks, const struct klog_match *match,
		      struct klog_place *ret_place)
{
	char device[DISK_NAME_SIZE];
	unsigned host = (unsigned)match->numbers[0];

	snprintf(device, sizeof(device), "%s", match->device);
	switch (match->naming) {
	case KLOG_NAMED_NOT:
		snprintf(ret_place->disk, sizeof(ret_place->disk), "swap");
		ret_place->ours = ret_place->below_root = true;
		return true;
	case KLOG_NAMED_NUMBER:
		return place_number(disks, match, ret_place);
	case KLOG_NAMED_CARD:
		if (disks->hosts_known && (host > 31 || !((disks->mmc_hosts >> host) & 1)))
			return false;
		snprintf(device, sizeof(device), "mmcblk%u", host);
		break;
	case KLOG_NAMED_JOURNAL: {
		/* "mmcblk0p2-8" */
		char *dash = strrchr(device, '-');
		if (dash && is_digit(dash[1]) && !(dash == device + 2 && has_prefix(device, "dm")))
			*dash = '\0';
		break;
	}
	case KLOG_NAMED_DISK:
		break;
	}
	if (!is_storage(device))
		return false;
	klog_disk_of(device, ret_place->disk);
	ret_place->ours = disks->all_ours || is_own(disks, ret_place->disk);
	ret_place->below_root =
		disks->all_ours || is_among(disks, disks->root_count, ret_place->disk);
	char root_disk[DISK_NAME_SIZE];
	klog_disk_of(disks->root, root_disk);
	ret_place->root = disks->root[0] &&
			  (strcmp(disks->root, device) == 0 || strcmp(root_disk, device) == 0);
	return true;
}
