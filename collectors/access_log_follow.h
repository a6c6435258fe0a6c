/* SPDX-License-Identifier: MIT */
/* One log by its name: the file that stands there, and those that were rotated away from it. */
#ifndef HOSTINGPI_ACCESS_LOG_FOLLOW_H
#define HOSTINGPI_ACCESS_LOG_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/access_log_file.h"

/* A line of the configuration, whose longest path fits. */
#define ACCESS_LOG_PATH_SIZE 200
/* The newest, the one before it that a web server still writes to, and two for haste. */
#define ACCESS_LOG_FILES 4

/* Zeroed but for path is a valid start. */
struct access_log_follow {
	char path[ACCESS_LOG_PATH_SIZE];
	struct access_log_file files[ACCESS_LOG_FILES]; /* oldest first */
	unsigned count;
	bool current;	    /* the last of files is the one that stands at path */
	bool missed;	    /* what comes to path now was not there at the start */
	int error;	    /* errno, negative: why the file at path is not read; 0: it is */
	int64_t trouble_ns; /* since when path cannot be read though it is there; 0: it can */
	int64_t look_ns;    /* not before that is path looked at */
	int64_t changed_ns; /* when path last came to mean another file, or none */
};

/*
 * Looks at path and takes what was added to the files, at most *budget bytes. Returns 0, or
 * ACCESS_LOG_MORE if there is more than that.
 */
int access_log_follow_poll(struct access_log_follow *follow, int root_fd, int64_t now_ns,
			   char *buffer, int64_t *budget, struct access_log_reading *reading);
/* True if a file of one is also a file of the other. */
bool access_log_follow_shares(const struct access_log_follow *one,
			      const struct access_log_follow *other);
void access_log_follow_close(struct access_log_follow *follow, struct access_log_reading *reading);

#endif
