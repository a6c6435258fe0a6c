/* SPDX-License-Identifier: MIT */
/* One value in each file; what it is not is told, never guessed. */
#include "collectors/filesystem_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

int filesystem_count_parse(const char *text, int64_t scale, int64_t *ret_value)
{
	int64_t value;
	int r = procfs_integer(text, &value);
	if (r < 0)
		return r;
	if (value < 0)
		return -EINVAL;
	if (__builtin_mul_overflow(value, scale, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int filesystem_flags_parse(const char *text, uint32_t *ret_flags)
{
	static const char digits[] = "0123456789abcdef";
	size_t length = strspn(text, digits);
	uint32_t flags = 0;

	if (length == 0 || length > 8 || (text[length] && strcmp(text + length, "\n") != 0))
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		flags = flags << 4 | (uint32_t)(strchr(digits, text[i]) - digits);
	*ret_flags = flags;
	return 0;
}

void filesystem_function_parse(const char *text, char *ret_name, size_t size)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_");
	if (length >= size)
		length = size - 1;
	snprintf(ret_name, size, "%.*s", length ? (int)length : 1, length ? text : "?");
}

void filesystem_age_text(int64_t age_s, char *ret_text, size_t size)
{
	if (age_s < 120)
		snprintf(ret_text, size, "%lld s", (long long)age_s);
	else if (age_s < 2 * 3600)
		snprintf(ret_text, size, "%lld min", (long long)(age_s / 60));
	else if (age_s < 2 * 86400)
		snprintf(ret_text, size, "%lld h", (long long)(age_s / 3600));
	else
		snprintf(ret_text, size, "%lld d", (long long)(age_s / 86400));
}
