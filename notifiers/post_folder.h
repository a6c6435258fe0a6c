/* SPDX-License-Identifier: MIT */
/* A folder of small files below run_dir, in memory (tmpfs): whole files in, whole files out. */
#ifndef HOSTINGPI_POST_FOLDER_H
#define HOSTINGPI_POST_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "NNNNNNNN.json", and the names of other files. */
#define POST_NAME_SIZE 16

/*
 * Opens run_dir/name, makes it (mode 0700) where needed. Returns a descriptor, or negative errno with one
 * sentence: -ENOTSUP if it is on a disk, which must not be written to in steady state.
 */
int post_folder_open(const char *run_dir, const char *name, char *ret_error, size_t size);

/*
 * A file NNNNNNNN.json. Returns false with a sentence if it is not wanted. Then it is removed.
 */
typedef bool post_folder_fn(void *context, uint32_t number, const char *bytes, size_t length,
			    char *ret_error, size_t size);

/*
 * Looks at all files. What is not wanted, has another name or is no regular file is named in the log and
 * removed where that can be; files whose names begin with a letter are left alone.
 */
void post_folder_scan(int fd, post_folder_fn *fn, void *context);

/* Returns the length, or negative errno; -EFBIG if it does not fit with the NUL that is put behind. */
int post_folder_read(int fd, const char *name, char *buffer, size_t size);
/* Writes to another name and renames. 0 or negative errno; what was there before then stays. */
int post_folder_write(int fd, const char *name, const char *bytes, size_t length);

#endif
