/* SPDX-License-Identifier: MIT */
/* The small files of ext4 and f2fs in sysfs. Pure functions of their text, for tests and fuzzing. */
#ifndef HOSTINGPI_COLLECTORS_FILESYSTEM_PARSE_H
#define HOSTINGPI_COLLECTORS_FILESYSTEM_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* A whole text that is one number from 0 on, times scale. Returns 0, -EINVAL or -ERANGE. */
int filesystem_count_parse(const char *text, int64_t scale, int64_t *ret_value);

/* Flags as f2fs prints them: "c5", hexadecimal, at most 8 digits. Returns 0 or -EINVAL. */
int filesystem_flags_parse(const char *text, uint32_t *ret_flags);

/*
 * The name of a kernel function from the superblock of the disk, where anything may stand: its first
 * letters, digits and '_', "?" if there are none.
 */
void filesystem_function_parse(const char *text, char *ret_name, size_t size);

/* "50 s", "3 min", "7 h", "12 d". */
void filesystem_age_text(int64_t age_s, char *ret_text, size_t size);

#endif
