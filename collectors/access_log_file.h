/* SPDX-License-Identifier: MIT */
/* One open log file that grows: counts the lines that are added. */
#ifndef HOSTINGPI_ACCESS_LOG_FILE_H
#define HOSTINGPI_ACCESS_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "collectors/access_log_parse.h"

/*
 * 64 KiB, also the longest line that is taken as a whole: a request line of 8 KiB (what nginx and
 * Apache accept by default) of which each byte is escaped into four fits, with room for the rest.
 */
#define ACCESS_LOG_BUFFER_SIZE 65536

/* What came of it so far, of all files together. It only grows. */
struct access_log_reading {
	struct access_log_tally tally;
	int64_t skipped_bytes; /* were never looked at: their requests are not in the tally */
	int64_t rewrites;      /* a file became shorter; lines just before that may be missing */
};

struct access_log_file {
	int fd;
	dev_t device;
	ino_t inode;
	int64_t offset;	  /* of the first byte that was not taken yet */
	int64_t seen;	  /* up to here nothing is left to look at, but for half a line */
	int64_t grown_ns; /* when it last grew, or when it was opened */
	bool within;	  /* offset is inside a line of which nothing is wanted */
	bool waits;	  /* the file system cannot be asked for what is in memory only */
};

enum {
	ACCESS_LOG_MORE = 1, /* there is more than may be read at once */
};

/*
 * Opens a regular file below root_fd and says what it is. Its lines count from the beginning, or those
 * that begin from now on. Negative errno; -ENOTSUP if it is something else than a file.
 */
int access_log_file_open(int root_fd, const char *path, bool from_end, int64_t now_ns,
			 struct access_log_file *ret_file, struct stat *ret_stat);

/*
 * Takes what was added, stat being the file's own: at most *budget bytes, which are taken off it.
 * Returns 0, ACCESS_LOG_MORE, or the errno of a read that failed; what could not be read is then
 * skipped. buffer has ACCESS_LOG_BUFFER_SIZE bytes.
 */
int access_log_file_read(struct access_log_file *file, const struct stat *stat, int64_t now_ns,
			 char *buffer, int64_t *budget, struct access_log_reading *reading);

/* Closes it; what was not taken yet is counted as skipped. */
void access_log_file_close(struct access_log_file *file, struct access_log_reading *reading);

static inline bool access_log_file_is(const struct access_log_file *file, const struct stat *stat)
{
	return file->device == stat->st_dev && file->inode == stat->st_ino;
}

#endif
