/* SPDX-License-Identifier: MIT */
/* Whether a file system is memory, so that writing there wears out nothing. */
#ifndef HOSTINGPI_MEMORY_FS_H
#define HOSTINGPI_MEMORY_FS_H

#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/statfs.h>

/* The type is an int on 32 bits, where ramfs has a negative one. */
static inline bool memory_fs_is(const struct statfs *fs)
{
	uint32_t type = (uint32_t)fs->f_type;

	return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

#endif
