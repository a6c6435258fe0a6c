/* SPDX-License-Identifier: MIT */
/* What is mounted on the root directory, from /proc/self/mountinfo. */
#ifndef HOSTINGPI_COLLECTORS_DISK_MOUNT_H
#define HOSTINGPI_COLLECTORS_DISK_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DISK_OTHER = 1, /* a line of mountinfo that is not about the root directory */
};

struct disk_mount {
	int64_t major, minor;
	char type[32];	  /* of the file system */
	char source[128]; /* cut if longer: it is for people, or a short path in /dev */
	/*
	 * Of the file system, not of this mount of it: the agent's own view of "/" is read-only
	 * wherever systemd protects it (ProtectSystem).
	 */
	bool read_only;
	bool stopped;	  /* by the kernel, after an error: nobody mounts like that */
	bool error_stops; /* errors=remount-ro stands among the options */
	char lower[128];  /* the first lower directory of an overlay; empty: none, or longer */
};

/*
 * Parses one line. Returns 0 and what is mounted on the root directory, DISK_OTHER for another mount
 * point, or -EINVAL.
 */
int disk_mount_parse(const char *line, struct disk_mount *ret_mount);

/*
 * Reads an open mountinfo from its start; the last mount on "/" is the one on top. Returns 0,
 * DISK_OTHER if there is none, or the errno of the file.
 */
int disk_mount_read(int fd, struct disk_mount *ret_mount);

/*
 * The same for the mount below which a path is: the last one of those with the longest mount point.
 * The path is written as in mountinfo, with octal escapes.
 */
int disk_mount_find(int fd, const char *path, struct disk_mount *ret_mount);

bool disk_mount_is_nfs(const struct disk_mount *mount);

#endif
