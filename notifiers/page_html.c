/* SPDX-License-Identifier: MIT */
/*
 * HTML's syntax knows five characters that end a text or the value of an attribute (WHATWG HTML,
 * 13.2.5.1 and 13.2.5.36); all of them are escaped wherever they stand, so that no caller has to know
 * where it is. Numeric references are as good as names and shorter.
 *
 * A character that turns the direction of writing (Unicode TR 9) would let a stranger rearrange what
 * stands beside his name: it is shown as what it is not, a letter.
 */
#include "notifiers/page_html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

void html_start(struct html *html, char *buffer, size_t size)
{
	*html = (struct html){.buffer = buffer, .size = size};
}

int html_finish(const struct html *html)
{
	return html->full ? -ENOSPC : (int)html->used;
}

static void put_bytes(struct html *html, const char *bytes, size_t length)
{
	if (html->full || length > html->size - html->used) {
		html->full = true;
		return;
	}
	memcpy(html->buffer + html->used, bytes, length);
	html->used += length;
}

void html_put(struct html *html, const char *markup)
{
	put_bytes(html, markup, strlen(markup));
}

void html_format(struct html *html, const char *format, ...)
{
	char text[512]; /* longer than any format of the page with its numbers */
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text))
		html->full = true;
	else
		put_bytes(html, text, (size_t)length);
}

void html_int(struct html *html, int value)
{
	char digits[12];
	char *at = digits + sizeof(digits);
	unsigned rest = value < 0 ? -(unsigned)value : (unsigned)value;

	do {
		*--at = (char)('0' + rest % 10);
	} while ((rest /= 10) > 0);
	if (value < 0)
		*--at = '-';
	put_bytes(html, at, (size_t)(digits + sizeof(digits) - at));
}

static const char *get_reference(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&#34;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

/* Controls of ASCII and Latin-1, and the marks, embeddings and isolates of TR 9. */
static bool is_steering(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;

	if (length == 1)
		return (at[0] < ' ' && at[0] != '\t' && at[0] != '\n') || at[0] == 127;
	if (length == 2) /* U+0080..U+009F, U+061C */
		return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
	if (length != 3 || at[0] != 0xe2)
		return false;
	return (at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f ||	/* U+200E, U+200F */
				  (at[2] >= 0xa8 && at[2] <= 0xae))) || /* U+2028..U+202E */
	       (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);	/* U+2066..U+2069 */
}

void html_text(struct html *html, const char *text)
{
	while (*text) {
		size_t length = utf8_length(text);
		const char *reference = get_reference(*text);

		if (reference)
			html_put(html, reference);
		else if (length == 0 || is_steering(text, length))
			html_put(html, REPLACEMENT);
		else
			put_bytes(html, text, length);
		text += length ? length : 1;
	}
}

size_t html_mark(const struct html *html)
{
	return html->used;
}

void html_back(struct html *html, size_t mark)
{
	html->used = mark;
	html->full = false;
}
