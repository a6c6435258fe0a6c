/* SPDX-License-Identifier: MIT */
/* What is a character of well-formed UTF-8 and what is not. */
#ifndef HOSTINGPI_UTF8_H
#define HOSTINGPI_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at text (ended by NUL), 0 if there is none. NUL counts as one. */
size_t utf8_length(const char *text);

/* True if all of text is well-formed. */
bool utf8_valid(const char *text);

#endif
