/* SPDX-License-Identifier: MIT */
/* One line for each event; what is foreign in it (a kernel line, a broker's words) is made harmless. */
#include "agent/ctl/events.h"

#include <stdio.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/text.h"

/* "undervoltage" and most others; a longer one moves its text to the right. */
#define KIND_WIDTH 14

static enum tone tone_of(const char *severity)
{
	if (strcmp(severity, "critical") == 0)
		return TONE_BAD;
	return strcmp(severity, "warning") == 0 ? TONE_WARNING : TONE_NORMAL;
}

static void print_event(const struct style *style, const cJSON *event)
{
	const char *severity = document_text(event, "severity");
	const char *kind = document_text(event, "kind"), *words = document_text(event, "text");
	char time[TEXT_NUMBER_SIZE];
	double ms;

	if (!document_number(event, "ts", &ms) || !text_day_and_time(time, ms))
		snprintf(time, sizeof(time), "%-19s", "?");
	severity = severity != NULL ? severity : "?";
	kind = kind != NULL ? kind : "?";
	printf("%s  ", time);
	tone_start(stdout, style, tone_of(severity));
	text_put(stdout, style, severity);
	tone_end(stdout, style, tone_of(severity));
	printf("%*s", strlen(severity) < 10 ? (int)(10 - strlen(severity)) : 1, "");
	text_put(stdout, style, kind);
	printf("%*s", strlen(kind) < KIND_WIDTH ? (int)(KIND_WIDTH - strlen(kind)) : 1, "");
	text_put(stdout, style, words != NULL ? words : "");
	putchar('\n');
}

static void print_events(const cJSON *answer)
{
	struct style style = style_detect(stdout);
	const cJSON *event;
	double left_out;

	if (cJSON_GetArraySize(document_find(answer, "events")) == 0)
		puts("nothing has happened since the agent's start");
	cJSON_ArrayForEach(event, document_find(answer, "events"))
	{
		print_event(&style, event);
	}
	if (document_number(answer, "left_out", &left_out) && left_out > 0)
		printf("(%.0f older ones did not fit into the answer)\n", left_out);
}

enum ctl_exit events_run(const struct ctl_options *options, struct client *client)
{
	char request[64] = "{\"command\":\"events\"}";
	cJSON *answer = NULL;
	enum ctl_exit result;

	if (options->count > 0)
		snprintf(request, sizeof(request), "{\"command\":\"events\",\"count\":%ld}",
			 options->count);
	result = client_ask(client, request, &answer);
	if (result != CTL_FINE)
		return ctl_fail(result, client->error);
	if (options->json) {
		result = ctl_print_json(answer);
	} else {
		print_events(answer);
		result = ctl_output_end();
	}
	cJSON_Delete(answer);
	return result;
}
