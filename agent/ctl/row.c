/* SPDX-License-Identifier: MIT */
/* All text of a row goes through text_put(), because any part of it may come from elsewhere. */
#include "agent/ctl/row.h"

#include <stdarg.h>
#include <string.h>

#include "agent/ctl/document.h"

/* "112.0 to 512.0 MiB"; and with more room "of 921.0 MiB, reserve 276.3 MiB". */
#define NOTE_WIDTH 20
#define NOTE_WIDTH_MOST 34
/* From here on there is room for that. */
#define WIDE_COLUMNS 110
/* A part is at most a reason or an error text, which the daemon cuts at 191 bytes. */
#define PART_SIZE 256

void row_start(struct row *row, const char *label)
{
	row->any = row->trouble = false;
	tone_start(row->out, row->style, TONE_FAINT);
	fprintf(row->out, "  %-*s", ROW_LABEL_WIDTH, label);
	tone_end(row->out, row->style, TONE_FAINT);
	fputs("  ", row->out);
}

void row_part(struct row *row, enum tone tone, const char *format, ...)
{
	char text[PART_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (row->any)
		fputs(", ", row->out);
	row->any = true;
	row->trouble |= tone == TONE_BAD;
	tone_start(row->out, row->style, tone);
	text_put(row->out, row->style, text);
	tone_end(row->out, row->style, tone);
}

void row_end(struct row *row)
{
	if (!row->any)
		row_part(row, TONE_FAINT, "not known");
	fputc('\n', row->out);
}

/* Foreign text may have any width: what is measured is what is shown. */
static size_t width_of(const struct row *row, const char *text)
{
	return text_width(row->style, text, strlen(text));
}

void row_number(struct row *row, enum tone tone, const char *text)
{
	size_t width = width_of(row, text);

	row->any = true;
	if (width < ROW_NUMBER_WIDTH)
		fprintf(row->out, "%*s", (int)(ROW_NUMBER_WIDTH - width), "");
	tone_start(row->out, row->style, tone);
	fputs(text, row->out);
	tone_end(row->out, row->style, tone);
}

void row_picture(struct row *row)
{
	fputs("  ", row->out);
}

size_t row_note_width(const struct row *row)
{
	if (row->columns < ROW_NOTE_COLUMNS)
		return 0;
	return row->columns < WIDE_COLUMNS ? NOTE_WIDTH : NOTE_WIDTH_MOST;
}

size_t row_picture_width(const struct row *row)
{
	size_t note = row_note_width(row), taken = ROW_PICTURE_COLUMN + (note > 0 ? 2 + note : 0);

	/* In the narrowest window the picture is all that is left out. */
	return row->columns > taken ? row->columns - taken : 0;
}

void row_note(struct row *row, enum tone tone, const char *text)
{
	if (row_note_width(row) == 0)
		return;
	fputs("  ", row->out);
	tone_start(row->out, row->style, tone);
	if (row->whole)
		text_put(row->out, row->style, text);
	else
		text_cut(row->out, row->style, text, strlen(text), row_note_width(row));
	tone_end(row->out, row->style, tone);
}

void row_title(const struct row *row, const char *title)
{
	size_t width = width_of(row, title);

	tone_start(row->out, row->style, TONE_STRONG);
	fputs(title, row->out);
	tone_end(row->out, row->style, TONE_STRONG);
	fputs(width + 1 < row->columns ? " " : "", row->out);
	tone_start(row->out, row->style, TONE_FAINT);
	for (size_t i = width + 1; i < row->columns; i++)
		fputs(row->style->utf8 ? "─" : "-", row->out);
	tone_end(row->out, row->style, TONE_FAINT);
	fputc('\n', row->out);
}

void row_bytes(struct row *row, const char *path, const char *before, const char *after)
{
	char text[TEXT_NUMBER_SIZE];
	double bytes;

	if (document_number(row->document, path, &bytes))
		row_part(row, TONE_NORMAL, "%s%s%s", before, text_bytes(text, bytes), after);
}

void row_trouble(struct row *row, const char *path, const char *what)
{
	double count;

	if (document_number(row->document, path, &count) && count > 0)
		row_part(row, TONE_BAD, "%.0f %s", count, what);
}

void row_flag(struct row *row, const char *path, enum tone tone, const char *text)
{
	if (document_flag(row->document, path))
		row_part(row, tone, "%s", text);
}
