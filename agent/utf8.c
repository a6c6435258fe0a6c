/* SPDX-License-Identifier: MIT */
/*
 * RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF. A NUL byte is never a
 * continuation byte, so that nothing beyond the end of a text is looked at.
 */
#include "agent/utf8.h"

size_t utf8_length(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char c = at[0];
	if (c < 0x80)
		return 1;

	size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) ||
	    (c == 0xf0 && at[1] < 0x90) || (c == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

bool utf8_valid(const char *text)
{
	while (*text) {
		size_t length = utf8_length(text);
		if (length == 0)
			return false;
		text += length;
	}
	return true;
}
