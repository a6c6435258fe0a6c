/* SPDX-License-Identifier: MIT */
/*
 * The head of a record is numbers, the text is whatever somebody said: the kernel escapes what is not
 * printable, and that is undone here for people, except for what would play with a terminal.
 */
#include "collectors/kernel_log_record.h"

#include <errno.h>
#include <stdbool.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* An unsigned number of the record's head that is followed by end; NULL if there is none. */
static const char *head_number(const char *at, const char *end, char stop, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = at;
	for (; at < end && is_digit(*at); at++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return NULL;
	}
	if (at == start || at == end || *at != stop)
		return NULL;
	*ret_value = value;
	return at + 1;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes \xNN. Control characters would play with the terminal of whoever reads it. */
static void copy_text(char *target, size_t size, const char *at, const char *end)
{
	size_t used = 0;
	while (at < end && *at != '\n' && used + 1 < size) {
		int high = -1, low = -1;
		if (end - at >= 4 && at[0] == '\\' && at[1] == 'x') {
			high = hex_digit(at[2]);
			low = hex_digit(at[3]);
		}
		bool escaped = high >= 0 && low >= 0;
		unsigned char byte =
			escaped ? (unsigned char)(high * 16 + low) : (unsigned char)*at;
		target[used++] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
		at += escaped ? 4 : 1;
	}
	target[used] = '\0';
}

int klog_parse(const char *record, size_t length, struct klog_record *ret_record)
{
	const char *end = record + length;
	uint64_t prefix, sequence, microseconds;

	const char *at = head_number(record, end, ',', &prefix);
	if (at)
		at = head_number(at, end, ',', &sequence);
	if (at)
		at = head_number(at, end, ',', &microseconds);
	if (!at || prefix > UINT16_MAX)
		return -EINVAL;
	/* Flags, and fields that newer kernels add. */
	while (at < end && *at != ';' && *at != '\n')
		at++;
	if (at == end || *at != ';')
		return -EINVAL;

	ret_record->sequence = sequence;
	ret_record->facility = (unsigned)prefix / 8;
	ret_record->level = (unsigned)prefix % 8;
	copy_text(ret_record->text, sizeof(ret_record->text), at + 1, end);
	return 0;
}
