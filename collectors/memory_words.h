/* SPDX-License-Identifier: MIT */
/* Lines, words and numbers of a kernel file that is no plain "KEY value" table. */
#ifndef HOSTINGPI_MEMORY_WORDS_H
#define HOSTINGPI_MEMORY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts the next line off *text. Returns false at the end; *ret_length is without the line end. */
bool words_take_line(const char **text, const char **ret_line, size_t *ret_length);

/* Cuts the next word off a line that ends at end. Returns false if there is none. */
bool words_take(const char **at, const char *end, const char **ret_word, size_t *ret_length);

/* Whether a word of that length is the other one. */
bool words_equal(const char *word, size_t length, const char *other);

/* The next word of a line, which must be a number, times scale. Returns 0 or -EBADMSG. */
int words_take_number(const char **at, const char *end, int64_t scale, int64_t *ret_value);

#endif
