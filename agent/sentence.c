/* SPDX-License-Identifier: MIT */
/*
 * A sentence is formatted apart from its target, because only what is too long for the target shows
 * that it must be cut and marked.
 */
#include "agent/sentence.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/sample.h"

/* Twice the room that a value of the configuration has (CONF_ERROR_SIZE), the largest target. */
#define WHOLE_SIZE 1024

__attribute__((format(printf, 3, 0))) static void write_sentence(char *ret_error, size_t size,
								 const char *format, va_list args)
{
	char whole[WHOLE_SIZE];

	vsnprintf(whole, sizeof(whole), format, args);
	/* One less than whole: what did not fit into that one is marked as well. */
	text_copy(ret_error, size < sizeof(whole) ? size : sizeof(whole) - 1, whole);
}

int sentence_fail(int error, char *ret_error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_sentence(ret_error, size, format, args);
	va_end(args);
	return error;
}

int sentence_refuse(char *ret_error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_sentence(ret_error, size, format, args);
	va_end(args);
	return -EINVAL;
}
