/* SPDX-License-Identifier: MIT */
/*
 * Requests on the control socket. Strict: a member that is unknown, stands twice or has the wrong type
 * is refused, so that a misspelt "reason" is not lost in silence and a newer hostingpictl learns that
 * this daemon does not understand it. cJSON parses; its nesting is bounded by the length of the line.
 */
#include "agent/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "agent/sentence.h"

static const struct {
	const char *name;
	enum control_request request;
} commands[] = {
	{"status", REQUEST_NONE},
	{"drain", REQUEST_DRAIN},
	{"ready", REQUEST_READY},
};

static void cleanup_delete(cJSON **json)
{
	cJSON_Delete(*json);
}

/* Only blanks may follow the object; cJSON itself stops at its end and does not look further. */
static bool blank(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++;
	return text == end;
}

static int command_find(const char *name, enum control_request *ret_request)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*ret_request = commands[i].request;
			return 0;
		}
	}
	return -ENOENT;
}

/* The reason goes to logs and to the comment of the agent-check line: what '#' would cut short. */
static bool reason_valid(const char *reason)
{
	size_t length = strlen(reason);

	if (length == 0 || length >= CONTROL_REASON_SIZE)
		return false;
	for (size_t i = 0; i < length; i++)
		if (reason[i] < ' ' || reason[i] > '~' || reason[i] == '#')
			return false;
	return true;
}

/* Finds the members of the request; each at most once, nothing else beside them. */
static int members_find(const cJSON *object, const cJSON **ret_command, const cJSON **ret_reason,
			char *ret_error, size_t size)
{
	const cJSON *command = NULL, *reason = NULL, *member;

	cJSON_ArrayForEach(member, object)
	{
		const cJSON **place = NULL;

		if (strcmp(member->string, "command") == 0)
			place = &command;
		else if (strcmp(member->string, "reason") == 0)
			place = &reason;
		if (place == NULL)
			return sentence_refuse(
				ret_error, size,
				"unknown member; allowed are \"command\" and \"reason\"");
		if (*place != NULL)
			return sentence_refuse(ret_error, size, "\"%s\" stands twice",
					       member->string);
		if (!cJSON_IsString(member))
			return sentence_refuse(ret_error, size, "\"%s\" must be a text",
					       member->string);
		*place = member;
	}
	*ret_command = command;
	*ret_reason = reason;
	return 0;
}

int control_parse(const char *line, size_t length, struct control_command *ret_command,
		  char *ret_error, size_t size)
{
	__attribute__((cleanup(cleanup_delete))) cJSON *object = NULL;
	struct control_command parsed = {0};
	const cJSON *command = NULL, *reason = NULL;
	const char *end = NULL;
	int r;

	/* A NUL byte would hide what stands after it. */
	if (memchr(line, '\0', length) == NULL)
		object = cJSON_ParseWithLengthOpts(line, length, &end, false);
	if (!cJSON_IsObject(object) || !blank(end, line + length))
		return sentence_refuse(
			ret_error, size,
			"not a JSON object; send one per line, like {\"command\":\"status\"}");
	r = members_find(object, &command, &reason, ret_error, size);
	if (r < 0)
		return r;
	if (command == NULL || command_find(command->valuestring, &parsed.request) < 0)
		return sentence_refuse(
			ret_error, size,
			"unknown command; \"command\" is one of status, drain, ready");
	if (reason != NULL) {
		if (parsed.request != REQUEST_DRAIN)
			return sentence_refuse(ret_error, size,
					       "\"reason\" belongs to the command drain");
		if (!reason_valid(reason->valuestring))
			return sentence_refuse(
				ret_error, size,
				"\"reason\" must be 1 to %d printable ASCII characters "
				"without '#'",
				CONTROL_REASON_SIZE - 1);
		memcpy(parsed.reason, reason->valuestring, strlen(reason->valuestring) + 1);
	}
	*ret_command = parsed;
	return 0;
}
