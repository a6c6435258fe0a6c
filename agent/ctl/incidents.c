/* SPDX-License-Identifier: MIT */
/* Newest first, so that the one that matters stands where it stood before. */
#include "agent/ctl/incidents.h"

#include <string.h>

#include "agent/ctl/document.h"

/* In a frame: by the place in the list, the newest is missed most. */
static const int incident_ranks[] = {9, 12, 12, 22};

static const struct {
	const char *severity, *sign;
	enum tone tone;
} severities[] = {
	{"info", " ", TONE_NORMAL},
	{"warning", "!", TONE_WARNING},
	{"critical", "!!", TONE_BAD},
};

/* Of "2026-11-20 14:05:09" the time for the day of the document, "11-20 14:05" for another one. */
#define YEAR_WIDTH 5
#define DAY_WIDTH 11

static void put_time(const struct row *row, const cJSON *event)
{
	char text[TEXT_NUMBER_SIZE] = "", now[TEXT_NUMBER_SIZE];
	double ts, now_ts;

	if (document_number(event, "ts", &ts) && text_day_and_time(text, ts) &&
	    document_number(row->document, "ts", &now_ts) && text_day_and_time(now, now_ts) &&
	    strncmp(text, now, DAY_WIDTH) != 0)
		fprintf(row->out, "  %.*s  ", DAY_WIDTH, text + YEAR_WIDTH);
	else
		fprintf(row->out, "  %-*s  ", DAY_WIDTH, text[0] != '\0' ? text + DAY_WIDTH : "");
}

void incidents_print(struct row *row, const cJSON *answer, size_t most)
{
	const cJSON *event;
	size_t shown = 0;

	if (row->frame != NULL)
		frame_title(row->frame, incident_ranks[0]);
	row_title(row, "events");
	cJSON_ArrayForEach(event, document_find(answer, "events"))
	{
		const char *severity = document_text(event, "severity");
		const char *text = document_text(event, "text");
		size_t i = 0;

		if (shown++ == most)
			break;
		if (row->frame != NULL)
			frame_rank(row->frame, incident_ranks[shown < 4 ? shown - 1 : 3]);
		while (i < 2 && (severity == NULL || strcmp(severities[i].severity, severity) != 0))
			i++;
		put_time(row, event);
		tone_start(row->out, row->style, severities[i].tone);
		fprintf(row->out, "%-2s ", severities[i].sign);
		text_put(row->out, row->style, text != NULL ? text : "(without a text)");
		tone_end(row->out, row->style, severities[i].tone);
		fputc('\n', row->out);
	}
	if (shown == 0 && row->frame != NULL)
		frame_rank(row->frame, incident_ranks[0]);
	if (shown == 0)
		fputs("  none since the agent was started\n", row->out);
}
