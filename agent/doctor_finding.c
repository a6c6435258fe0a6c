/* SPDX-License-Identifier: MIT */
/*
 * The list has a fixed room. What does not fit is counted, so that nobody takes the list for all there is.
 */
#include "agent/doctor_finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/sample.h"

const char *const doctor_level_words[] = {
	[DOCTOR_ATTENTION] = "attention", [DOCTOR_ADVICE] = "advice", [DOCTOR_GOOD] = "good",
	[DOCTOR_ABSENT] = "absent",	  [DOCTOR_LEVELS] = NULL,
};

struct finding *doctor_add(struct findings *findings, enum doctor_level level, const char *module,
			   const char *what, const char *text)
{
	if (findings->count == FINDINGS) {
		findings->dropped++;
		return NULL;
	}
	struct finding *row = &findings->rows[findings->count++];
	*row = (struct finding){.level = level, .module = module, .text = text};
	snprintf(row->what, sizeof(row->what), "%s", what);
	return row;
}

void doctor_say(struct finding *row, const char *format, ...)
{
	char text[2 * MODULE_SENTENCE_SIZE];
	va_list args;

	if (!row)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_copy(row->own, sizeof(row->own), text);
	row->text = row->own;
}

void doctor_remedy(struct finding *row, const char *format, ...)
{
	va_list args;

	if (!row)
		return;
	va_start(args, format);
	vsnprintf(row->remedy, sizeof(row->remedy), format, args);
	va_end(args);
}

size_t doctor_count(const struct findings *findings, enum doctor_level level)
{
	size_t count = 0;
	for (size_t i = 0; i < findings->count; i++)
		count += findings->rows[i].level == level;
	return count;
}
