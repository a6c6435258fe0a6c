/* SPDX-License-Identifier: MIT */
/*
 * Everything that is not plain text goes through here, so that one place knows what the terminal can
 * show. A reason may contain what a broker or a web server said: it is shown, not obeyed.
 */
#include "agent/ctl/text.h"

#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

bool text_terminal(FILE *out)
{
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && term != NULL && strcmp(term, "dumb") != 0;
}

size_t text_columns(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

struct style style_detect(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");

	/* no-color.org: set and not empty. */
	return (struct style){
		.colour = text_terminal(out) && (no_colour == NULL || no_colour[0] == '\0'),
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

/* SGR sequences, ECMA-48 section 8.3.117; the eight basic colours fit every palette. */
static const char *const tone_codes[] = {
	[TONE_NORMAL] = "",	   [TONE_STRONG] = "\033[1m",	[TONE_FAINT] = "\033[2m",
	[TONE_GOOD] = "\033[32m",  [TONE_WARNING] = "\033[33m", [TONE_BAD] = "\033[1;31m",
	[TONE_CURVE] = "\033[36m",
};

void tone_start(FILE *out, const struct style *style, enum tone tone)
{
	if (style->colour)
		fputs(tone_codes[tone], out);
}

void tone_end(FILE *out, const struct style *style, enum tone tone)
{
	if (style->colour && tone != TONE_NORMAL)
		fputs("\033[0m", out);
}

/*
 * Controls of ASCII and of Latin-1 (U+0080..U+009F), what changes the direction of writing, and what has
 * no width that we know.
 */
static bool steers(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       (c >= 0x80 && wcwidth(c) < 0);
}

void text_put(FILE *out, const struct style *style, const char *text)
{
	mbstate_t shift = {0};
	size_t left = strlen(text);

	while (left > 0) {
		wchar_t c = 0;
		size_t length = 1;

		if ((unsigned char)*text < 0x80) {
			c = (wchar_t)*text;
		} else if (style->utf8) {
			length = mbrtowc(&c, text, left, &shift);
			if (length == 0 || length > left) {
				shift = (mbstate_t){0};
				length = 1;
				c = 0;
			}
		}
		if (steers(c))
			fputc('?', out);
		else
			fwrite(text, 1, length, out);
		text += length;
		left -= length;
	}
}

/*
 * Bytes of the next piece of text, which is a character or a whole SGR sequence (nobody else writes an
 * escape: text_put()); *ret_columns is what it takes.
 */
static size_t next_piece(const struct style *style, const char *text, size_t length,
			 size_t *ret_columns)
{
	mbstate_t shift = {0};
	wchar_t c = 0;
	size_t bytes = 1;

	*ret_columns = 1;
	if (*text == '\033') {
		while (bytes < length && text[bytes - 1] != 'm')
			bytes++;
		*ret_columns = 0;
	} else if (style->utf8 && (unsigned char)*text >= 0x80) {
		bytes = mbrtowc(&c, text, length, &shift);
		if (bytes == 0 || bytes > length)
			return 1;
		*ret_columns = wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;
	}
	return bytes;
}

size_t text_width(const struct style *style, const char *text, size_t length)
{
	size_t width = 0, columns;

	for (size_t at = 0; at < length; width += columns)
		at += next_piece(style, text + at, length - at, &columns);
	return width;
}

void text_cut(FILE *out, const struct style *style, const char *text, size_t length, size_t columns)
{
	size_t used = 0, room = columns, bytes, piece;

	if (columns == 0)
		return;
	/* The mark takes the last column. */
	if (text_width(style, text, length) > columns)
		room--;
	for (size_t at = 0; at < length; at += bytes) {
		bytes = next_piece(style, text + at, length - at, &piece);
		if (used + piece > room)
			break;
		fwrite(text + at, 1, bytes, out);
		used += piece;
	}
	if (room == columns)
		return;
	fputs(style->colour ? "\033[0m" : "", out);
	fputs(style->utf8 ? "…" : "~", out);
}

const char *text_bytes(char text[static TEXT_NUMBER_SIZE], double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (fabs(bytes) >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		bytes /= 1024;
		unit++;
	}
	/* %g for what is beyond all memory: a broken document must not need 300 digits. */
	if (fabs(bytes) >= 1e6)
		snprintf(text, TEXT_NUMBER_SIZE, "%.3g %s", bytes, units[unit]);
	else
		snprintf(text, TEXT_NUMBER_SIZE, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
	return text;
}

const char *text_duration(char text[static TEXT_NUMBER_SIZE], double seconds)
{
	/* A century is as good as never, and keeps the conversion below defined. */
	long long whole = seconds > 3.2e9 ? 3200000000 : seconds > 0 ? (long long)seconds : 0;

	if (whole < 60)
		snprintf(text, TEXT_NUMBER_SIZE, "%lld s", whole);
	else if (whole < 3600)
		snprintf(text, TEXT_NUMBER_SIZE, "%lld min %lld s", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(text, TEXT_NUMBER_SIZE, "%lld h %lld min", whole / 3600, whole / 60 % 60);
	else
		snprintf(text, TEXT_NUMBER_SIZE, "%lld d %lld h", whole / 86400, whole / 3600 % 24);
	return text;
}

/* Broken down on the wall clock of this machine; false if the number is no time. */
static bool local_time(double ms, struct tm *ret_time)
{
	time_t seconds;

	/* The year 3000; also keeps the conversion defined. */
	if (!(ms >= 0 && ms < 32503680000e3))
		return false;
	seconds = (time_t)(ms / 1000);
	return localtime_r(&seconds, ret_time) != NULL;
}

bool text_time(char text[static TEXT_NUMBER_SIZE], double ms)
{
	struct tm time;

	text[0] = '\0';
	return local_time(ms, &time) && strftime(text, TEXT_NUMBER_SIZE, "%T", &time) > 0;
}

bool text_day_and_time(char text[static TEXT_NUMBER_SIZE], double ms)
{
	struct tm time;

	text[0] = '\0';
	return local_time(ms, &time) && strftime(text, TEXT_NUMBER_SIZE, "%F %T", &time) > 0;
}

/* The cell of width that a share falls into. */
static size_t cell_of(double share, size_t width)
{
	double cell = share > 0 ? share * (double)width : 0;

	return cell >= (double)width ? width - 1 : (size_t)cell;
}

static const char *bar_cell(const struct style *style, bool full, bool mark)
{
	if (style->utf8)
		return mark ? "┃" : full ? "█" : "░";
	return mark ? "|" : full ? "#" : ".";
}

void text_bar(FILE *out, const struct style *style, enum tone tone, const struct text_bar *bar)
{
	/* Blocks have edges of their own, signs need brackets. */
	size_t edges = style->utf8 ? 0 : 2;
	size_t width = bar->width > edges ? bar->width - edges : 0;
	size_t full = bar->share >= 1
			      ? width
			      : (size_t)(bar->share > 0 ? bar->share * (double)width + 0.5 : 0);
	size_t mark = isnan(bar->mark) ? width : cell_of(bar->mark, width);

	if (width == 0)
		return;
	fputs(edges > 0 ? "[" : "", out);
	for (size_t i = 0; i < width; i++) {
		/* One tone for a run of cells: a frame is to be short. */
		enum tone now = i == mark ? TONE_STRONG : i < full ? tone : TONE_FAINT;

		if (i == 0 || i == mark || i == mark + 1 || i == full)
			tone_start(out, style, now);
		fputs(bar_cell(style, i < full, i == mark), out);
		if (i + 1 == width || i + 1 == mark || i == mark || i + 1 == full)
			tone_end(out, style, now);
	}
	fputs(edges > 0 ? "]" : "", out);
}
