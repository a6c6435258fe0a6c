/* SPDX-License-Identifier: MIT */
/*
 * Which disk carries the root file system, and what the kernel counts about it. The two parsers are
 * pure functions of their text, for tests and fuzzing.
 */
#ifndef HOSTINGPI_COLLECTORS_DISK_H
#define HOSTINGPI_COLLECTORS_DISK_H

#include <stddef.h>
#include <stdint.h>

/* DISK_NAME_LEN of the kernel, with the NUL byte. */
#define DISK_NAME_SIZE 32

/*
 * /sys/block/NAME/stat. Request counters are `unsigned long` in the kernel: they wrap at 2^32 where
 * that has 32 bits. Milliseconds have 32 bits everywhere and wrap after 49.7 days of accumulated
 * waiting. Sectors have 64 bits and always count 512 bytes.
 */
struct disk_stat {
	int64_t reads, writes, discards, flushes; /* requests finished; 0 where not counted */
	int64_t write_bytes;
	int64_t write_ms; /* spent in finished writes, 0..2^32-1 */
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

enum {
	DISK_OTHER = 1, /* a line of mountinfo that is not about the root directory */
	DISK_NONE = 1,	/* there is no disk to watch; the reason says why */
};

struct disk_mount {
	int64_t major, minor;
	char type[32];	  /* of the file system */
	char source[128]; /* cut if longer: it is for people, or a short path in /dev */
};

/*
 * Parses one line of /proc/self/mountinfo. Returns 0 and what is mounted on the root directory,
 * DISK_OTHER for another mount point, or -EINVAL.
 */
int disk_mount_parse(const char *line, struct disk_mount *ret_mount);

/*
 * Finds the disk under the root file system, below root_fd; mmcblk0 where the root is on none (NFS,
 * overlay, RAM) and there is one. Returns 0 and its name, or DISK_NONE and the reason.
 */
int disk_find_root(int root_fd, char *ret_name, size_t name_size, char *ret_reason,
		   size_t reason_size);

/*
 * Turns the name of a block device into that of its disk: mmcblk0p2 into mmcblk0. Returns 0, or
 * -ENOENT if there is no such device.
 */
int disk_of_device(int root_fd, const char *device, char *ret_name, size_t name_size);

#endif
