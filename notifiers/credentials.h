/* SPDX-License-Identifier: MIT */
/* Files with secrets: "name = value" lines, readable by their owner only. */
#ifndef HOSTINGPI_CREDENTIALS_H
#define HOSTINGPI_CREDENTIALS_H

#include <stddef.h>

#include "agent/module.h"

/* 4 KiB: some key and password lines and comments. A longer file is refused. */
#define CREDENTIALS_FILE_SIZE 4096

/* One name that a file may hold. value is untouched if the file does not have it. */
struct credential {
	const char *name; /* NULL ends the rows */
	char *value;
	size_t size;
};

/*
 * Reads "name = value" lines from text (length bytes) into the rows. Lines that are empty or begin
 * with '#' or ';' are skipped; the value is everything up to the end of the line without the blanks
 * around it. Returns 0 or -EINVAL with one sentence in ret_error that never contains a value.
 */
int credentials_parse(const char *text, size_t length, const struct credential *rows,
		      char *ret_error, size_t size);

/*
 * The same from a file, which must be a regular file without any right for group and others. Returns
 * 0, -EINVAL, -EPERM (rights), or the errno of opening or reading it, with one sentence in ret_error
 * that says what to do.
 */
int credentials_read(const char *path, const struct credential *rows, char *ret_error, size_t size);

/*
 * For the doctor: tells if the file is not that of the user that the agent runs as where the systemd unit starts
 * it (hostingpi), which only root can see for another user. An empty path is fine.
 */
void credentials_probe(const char *path, module_note_fn *note, void *context);

#endif
