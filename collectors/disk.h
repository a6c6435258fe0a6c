/* SPDX-License-Identifier: MIT */
/*
 * Which disk carries the root file system, and what the kernel counts about it. The parser is a pure
 * function of its text, for tests and fuzzing.
 */
#ifndef HOSTINGPI_COLLECTORS_DISK_H
#define HOSTINGPI_COLLECTORS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/disk_mount.h"

/* DISK_NAME_LEN of the kernel, with the NUL byte. */
#define DISK_NAME_SIZE 32

/*
 * /sys/block/NAME/stat. Counters of requests and of sectors are `unsigned long` in the kernel: they
 * wrap at 2^32 where that has 32 bits. Milliseconds have 32 bits everywhere and wrap after 49.7 days
 * of accumulated waiting.
 */
struct disk_stat {
	int64_t reads, writes, discards, flushes; /* requests finished; 0 where not counted */
	int64_t write_bytes;
	int64_t write_ms; /* spent in finished writes, 0..2^32-1 */
	int64_t queue_ms; /* spent in finished requests of all kinds, 0..2^32-1 */
	int64_t in_flight;
};

/*
 * Older kernels lack discards (before 4.18) and flushes (before 5.5); newer ones may add fields.
 * Returns 0, -EINVAL (not such a line, or fewer than 11 fields) or -ERANGE.
 */
int disk_stat_parse(const char *text, struct disk_stat *ret_stat);

/* How far a counter went on, given that it may have wrapped at 2^32. < 0: it was reset. */
int64_t disk_stat_step(int64_t before, int64_t after);
/* The same for the milliseconds, which always wrap there. */
int64_t disk_stat_step_ms(int64_t before, int64_t after);

/* The same for bytes, whose sectors are what wraps. */
int64_t disk_stat_step_bytes(int64_t before, int64_t after);

bool disk_stat_finished(const struct disk_stat *before, const struct disk_stat *after);
/*
 * For how much of the time between two readings the disk had work, from the time that its requests
 * took and not from the kernel's ticks, which miss long requests since 5.0. A request that is still at
 * work counts, too, when none finished; requests that overlap count as the whole step at most.
 */
int64_t disk_stat_busy_ns(const struct disk_stat *before, const struct disk_stat *after,
			  int64_t step_ns);

enum {
	DISK_NONE = 1, /* there is no disk to watch; the reason says why */
	DISK_GONE,     /* the root is still mounted and its disk is gone; the reason says so */
};

/*
 * Finds the disk under the root file system, below root_fd: on an overlay the one under its first lower
 * directory, or mmcblk0 where that is not to be seen. There is none where the root is in memory, on NFS
 * or on a pool of disks. Returns 0 and its name, or DISK_NONE or DISK_GONE and the reason.
 */
int disk_find_root(int root_fd, char *ret_name, size_t name_size, char *ret_reason,
		   size_t reason_size);

/*
 * Turns the name of a block device into that of its disk: mmcblk0p2 into mmcblk0. Returns 0, or
 * -ENOENT if there is no such device.
 */
int disk_of_device(int root_fd, const char *device, char *ret_name, size_t name_size);

/*
 * What stands for the root: what is mounted on "/", or on an overlay the mount that carries its first
 * lower directory, where that can be seen. Returns as disk_mount_read(), or the errno of opening it.
 */
int disk_root_mount(int root_fd, struct disk_mount *ret_mount);

/* The kernel's name of the block device that is mounted, such as mmcblk0p2. Returns 0 or negative errno. */
int disk_of_mount(int root_fd, const struct disk_mount *mount, char *ret_name, size_t name_size);

#endif
