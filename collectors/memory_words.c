/* SPDX-License-Identifier: MIT */
/*
 * A text is cut from its start: first into lines, each line into words. A last line without line end
 * is no line: the text was cut off there, which the caller sees by what is left.
 */
#include "collectors/memory_words.h"

#include <errno.h>
#include <string.h>

#include "agent/procfs.h"

bool words_take_line(const char **text, const char **ret_line, size_t *ret_length)
{
	const char *end = strchr(*text, '\n');

	if (!end)
		return false;
	*ret_line = *text;
	*ret_length = (size_t)(end - *text);
	*text = end + 1;
	return true;
}

bool words_take(const char **at, const char *end, const char **ret_word, size_t *ret_length)
{
	const char *word = *at;
	const char *after;

	while (word < end && (*word == ' ' || *word == '\t'))
		word++;
	after = word;
	while (after < end && *after != ' ' && *after != '\t')
		after++;
	if (after == word)
		return false;
	*ret_word = word;
	*ret_length = (size_t)(after - word);
	*at = after;
	return true;
}

bool words_equal(const char *word, size_t length, const char *other)
{
	return strlen(other) == length && memcmp(word, other, length) == 0;
}

int words_take_number(const char **at, const char *end, int64_t scale, int64_t *ret_value)
{
	const char *word;
	const char *after;
	size_t length;
	int64_t value;

	if (!words_take(at, end, &word, &length) || procfs_number(word, &after, &value) < 0 ||
	    after != word + length || __builtin_mul_overflow(value, scale, &value))
		return -EBADMSG;
	*ret_value = value;
	return 0;
}
