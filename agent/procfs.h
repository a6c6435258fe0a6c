/* SPDX-License-Identifier: MIT */
/*
 * Small kernel files, read through descriptors that stay open: open once, pread at each sample.
 * Parsing is strict: keys match at the start of a line only, numbers must end where a number ends.
 */
#ifndef HOSTINGPI_PROCFS_H
#define HOSTINGPI_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Opens a file below root_fd for reading (close-on-exec, non-blocking). Links are followed as if
 * root_fd were "/", where the kernel can do that (Linux 5.6). A path that is absolute is one of this
 * machine and not below root_fd.
 * Returns a descriptor or negative errno.
 */
int procfs_open(int root_fd, const char *path);

/*
 * Keeps the folders proc, sys, dev and run of this machine open, so that a root file system that does
 * not answer (NFS) is not asked for them again. Only for the real root, once, before there are threads.
 */
void procfs_keep(int root_fd);
/* Ends that. Fine if nothing is kept. */
void procfs_forget(void);

/*
 * Where to look a path up: the descriptor to give to ...at() functions instead of root_fd, with *path
 * shortened to what stands behind a folder that is kept; root_fd and the path as it is otherwise.
 */
int procfs_at(int root_fd, const char **path);

/* Whether there is such a file or folder. */
bool procfs_exists(int root_fd, const char *path);

/*
 * Reads the whole file from its start into buffer and ends it with NUL. Returns the length;
 * -EFBIG if the file does not fit (a kernel file never does that), -ENODATA if it is empty, or the
 * errno of pread (-EOPNOTSUPP for PSI that is switched off).
 */
int procfs_read(int fd, char *buffer, size_t size);

/*
 * The same for a file whose records (lines of /proc/vmstat, or all of /proc/meminfo or of a file of
 * sysfs, which the kernel prints in one go) have at most longest bytes: where the kernel had room for
 * another one and added none, that was the end, and the read that would return nothing is spared.
 */
int procfs_read_records(int fd, char *buffer, size_t size, size_t longest);

/* procfs_open(), procfs_read() and close() in one, for files that are read rarely. */
int procfs_read_path(int root_fd, const char *path, char *buffer, size_t size);

/* The same, without line ends and blanks around it; text files of one line. */
int procfs_read_line(int root_fd, const char *path, char *buffer, size_t size);

/*
 * Parses an unsigned decimal number (no sign, no blanks before it) that fits in int64_t.
 * On success stores the value and the place after it and returns 0; -EINVAL if there is no number,
 * -ERANGE if it is too large.
 */
int procfs_number(const char *text, const char **ret_end, int64_t *ret_value);

/* A whole text that is one number, with an optional '-' and an optional line end. */
int procfs_integer(const char *text, int64_t *ret_value);

/* One row of a table "KEY value" or "KEY: value kB". */
struct procfs_key {
	const char *key; /* with the colon where the file has one */
	int64_t scale;	 /* the value is multiplied by this; overflow is -ERANGE for the row */
};

/*
 * Finds keys[0..count) in text, in one pass, each at the start of a line. ret_values[i] is written
 * and bit i set in *ret_found only for rows that were found and well formed. Keys that stand twice
 * count as malformed. count <= 64. A last line without line end counts as cut off: it is ignored.
 */
void procfs_table(const char *text, const struct procfs_key *keys, size_t count,
		  int64_t *ret_values, uint64_t *ret_found);

/* A short English text for an errno of the functions above, for reasons; static. */
const char *procfs_strerror(int error);

#endif
