/* SPDX-License-Identifier: MIT */
/* Puts a small file into a directory in memory, whole or not at all. */
#ifndef HOSTINGPI_FILES_PUT_H
#define HOSTINGPI_FILES_PUT_H

#include <stdbool.h>
#include <stddef.h>

/* The name that it has until it is complete. */
#define FILES_BESIDE "state.new"

/*
 * Replaces what has that name. Returns the descriptor of the file, or negative errno; then there is none of that
 * name, or with always an empty one, where at least that was possible.
 */
int files_put(int dir_fd, const char *name, const char *text, size_t length, bool always);

#endif
