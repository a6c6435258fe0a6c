/* SPDX-License-Identifier: MIT */
/* RFC 9110, 12.5.1: media ranges parted by commas, parameters by semicolons, one of them "q" with 0 to 1. */
#include "notifiers/http_accept.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The next piece up to one of the separators, without blanks around it. False: there is none. */
static bool cut(const char **at, const char *separators, const char **ret_piece, size_t *ret_length)
{
	const char *start = *at;

	if (!*start)
		return false;
	size_t length = strcspn(start, separators);
	*at = start + length;
	while (length > 0 && isspace((unsigned char)*start)) {
		start++;
		length--;
	}
	while (length > 0 && isspace((unsigned char)start[length - 1]))
		length--;
	*ret_piece = start;
	*ret_length = length;
	return true;
}

static bool is_word(const char *piece, size_t length, const char *word)
{
	return strlen(word) == length && strncasecmp(piece, word, length) == 0;
}

/* "0", "0.5", "1.000" in thousandths. */
static int read_weight(const char *text, size_t length)
{
	int value = 0, scale = 1000;

	for (size_t i = 0; i < length && scale > 0; i++) {
		if (text[i] == '.')
			continue;
		if (!isdigit((unsigned char)text[i]))
			break;
		value += (text[i] - '0') * scale;
		scale /= 10;
	}
	return value;
}

/* How much the type is liked, in thousandths; -1: it is not named. */
static int find_weight(const char *accept, const char *type, const char *version)
{
	const char *piece;
	size_t length;
	int best = -1;

	while (cut(&accept, ",;", &piece, &length)) {
		bool named = is_word(piece, length, type);
		int weight = 1000;

		while (*accept == ';') {
			accept++;
			if (!cut(&accept, ",;", &piece, &length))
				break;
			if (length > 2 && strncasecmp(piece, "q=", 2) == 0)
				weight = read_weight(piece + 2, length - 2);
			else if (version && length > 8 && strncasecmp(piece, "version=", 8) == 0)
				named = named && is_word(piece + 8, length - 8, version);
		}
		if (*accept == ',')
			accept++;
		if (named && weight > best)
			best = weight;
	}
	return best;
}

bool http_accept_prefers(const char *accept, const char *type, const char *version,
			 const char *other)
{
	int weight = find_weight(accept, type, version);

	return weight > 0 && weight >= find_weight(accept, other, NULL);
}
