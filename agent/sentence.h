/* SPDX-License-Identifier: MIT */
/*
 * The sentence that a refusal leaves for people: what is wrong and what was expected. Written into
 * the caller's buffer (at least 4 bytes), cut at a character and marked with "..." if it must be.
 */
#ifndef HOSTINGPI_SENTENCE_H
#define HOSTINGPI_SENTENCE_H

#include <stddef.h>

/* Writes the sentence and returns error, a negative errno. */
int sentence_fail(int error, char *ret_error, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The usual one: input that is not in the expected form. Returns -EINVAL. */
int sentence_refuse(char *ret_error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
