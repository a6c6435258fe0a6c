/* SPDX-License-Identifier: MIT */
/* The files in sysfs of the file system that is mounted on the root directory, kept open. */
#ifndef HOSTINGPI_COLLECTORS_FILESYSTEM_FILES_H
#define HOSTINGPI_COLLECTORS_FILESYSTEM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/disk_mount.h"

/* EXT4_S_ERR_LEN of the kernel, with the NUL byte. */
#define FS_FUNCTION_SIZE 33

enum fs_counter_id {
	FS_COUNT_ERRORS,
	FS_COUNT_WARNINGS,
	FS_COUNT_WRITTEN_BYTES,
	FS_COUNTS,
};

struct fs_counter {
	int fd;
	bool known;
	bool seen; /* value is of an earlier time, at least */
	int64_t value;
	char reason[200]; /* why it is not known */
};

struct fs_files {
	int root_fd;
	char title[164];  /* "ext4 on mmcblk0p2"; empty: never opened */
	char folder[148]; /* empty: none is known for this kind */
	struct fs_counter counters[FS_COUNTS];
	int status_fd; /* of f2fs; negative: there is none */
};

/* Makes all descriptors invalid, for fs_files_close(). */
void fs_files_init(struct fs_files *files, int root_fd);
/* Opens what this kind of file system has; what it has not is unknown with a reason. */
void fs_files_open(struct fs_files *files, const struct disk_mount *mount);
void fs_files_close(struct fs_files *files);

/* Brings one counter up to date. Returns true if it is more than when it was last seen. */
bool fs_files_count(struct fs_files *files, enum fs_counter_id id);
/* The status is one that f2fs does not recover from. False where it cannot be read. */
bool fs_files_stopped(const struct fs_files *files);

/* These open their file: only for when there was an error. 0: not known. */
int64_t fs_files_error_time_s(const struct fs_files *files);
/* file is first_error_func or last_error_func; "?" where it is not known. */
void fs_files_function(const struct fs_files *files, const char *file,
		       char ret_name[FS_FUNCTION_SIZE]);

#endif
