/* SPDX-License-Identifier: MIT */
/* All text of a row goes through text_put(), because any part of it may come from elsewhere. */
#include "agent/ctl/row.h"

#include <stdarg.h>

#include "agent/ctl/document.h"

/* The longest label, "time to swap". */
#define LABEL_WIDTH 12
/* A part is at most a reason or an error text, which the daemon cuts at 191 bytes. */
#define PART_SIZE 256

void row_start(struct row *row, const char *label)
{
	row->any = false;
	tone_start(row->out, row->style, TONE_FAINT);
	fprintf(row->out, "  %-*s", LABEL_WIDTH, label);
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
