/* SPDX-License-Identifier: MIT */
/*
 * Requests on the control socket. Whatever comes in: a request that is taken has a reason which may be
 * shown and logged as it is, a message a text that may be posted, and a refusal leaves the command alone and has one line of text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/diary.h"
#include "agent/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_command command = {.verb = VERB_STATUS, .reason = "untouched"};
	char error[120] = "";
	char *line;
	int r;

	if (size > CONTROL_LINE_MAX)
		return 0;
	/* A copy of its exact length, so that reading beyond it is seen. */
	line = malloc(size + (size == 0));
	check(line != NULL);
	memcpy(line, data, size);
	r = control_parse(line, size, &command, error, sizeof(error));
	free(line);
	if (r < 0) {
		check(r == -EINVAL && error[0] != '\0' && strlen(error) < sizeof(error) - 1);
		check(strcmp(command.reason, "untouched") == 0);
		return 0;
	}
	check(r == 0 && error[0] == '\0');
	check(command.verb == VERB_DRAIN || command.verb == VERB_READY ||
	      command.reason[0] == '\0');
	check(command.for_s >= 0 && command.for_s <= CONTROL_FOR_MOST_S);
	check(command.for_s == 0 || command.verb == VERB_DRAIN);
	check(command.count >= 1 && command.count <= DIARY_EVENTS);
	check(strlen(command.series) < sizeof(command.series));
	check(command.series[0] == '\0' || command.verb == VERB_HISTORY);
	check(command.span < HISTORY_SPANS);
	check(command.span == 0 || command.series[0] != '\0');
	check(strlen(command.reason) < sizeof(command.reason));
	check((command.text[0] != '\0') == (command.verb == VERB_MESSAGE));
	check(strlen(command.text) < sizeof(command.text) && utf8_valid(command.text));
	for (const char *at = command.text; *at != '\0'; at++)
		check((unsigned char)*at >= ' ' || *at == '\n' || *at == '\t');
	for (const char *at = command.reason; *at != '\0'; at++)
		check(*at >= ' ' && *at <= '~' && *at != '#');
	return 0;
}
