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
#include "agent/utf8.h"

static const struct {
	const char *name;
	enum control_request request;
	bool is_message;
} commands[] = {
	{"status", REQUEST_NONE, false}, {"drain", REQUEST_DRAIN, false},
	{"ready", REQUEST_READY, false}, {"handover", REQUEST_HANDOVER, false},
	{"message", REQUEST_NONE, true},
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

static int command_find(const char *name, enum control_request *ret_request, bool *ret_is_message)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*ret_request = commands[i].request;
			*ret_is_message = commands[i].is_message;
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

/*
 * The text goes to services as it is: nothing that could steer a terminal, and more than blanks. cJSON
 * ends a text at \\u0000, so that what stands behind it would be lost in silence: see has_nul().
 */
static bool text_valid(const char *text)
{
	bool blank_only = true;

	if (strlen(text) >= OPERATOR_TEXT_SIZE || !utf8_valid(text))
		return false;
	for (; *text != '\0'; text++) {
		if (((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f)
			return false;
		blank_only = blank_only && strchr(" \n\t", *text) != NULL;
	}
	return !blank_only;
}

enum member {
	MEMBER_COMMAND,
	MEMBER_REASON,
	MEMBER_TEXT,
	MEMBERS,
};

static const char *const member_names[MEMBERS] = {"command", "reason", "text"};

/* Finds the members of the request; each at most once, nothing else beside them. */
static int members_find(const cJSON *object, const cJSON *ret_members[MEMBERS], char *ret_error,
			size_t size)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		size_t i = 0;

		while (i < MEMBERS && strcmp(member->string, member_names[i]) != 0)
			i++;
		if (i == MEMBERS)
			return sentence_refuse(ret_error, size,
					       "unknown member; allowed are \"command\", "
					       "\"reason\" and \"text\"");
		if (ret_members[i] != NULL)
			return sentence_refuse(ret_error, size, "\"%s\" stands twice",
					       member->string);
		if (!cJSON_IsString(member))
			return sentence_refuse(ret_error, size, "\"%s\" must be a text",
					       member->string);
		ret_members[i] = member;
	}
	return 0;
}

/* "\\u0000", unless its backslash is itself escaped; or such a byte. */
static bool has_nul(const char *line, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++) {
		if (line[i] != '\\')
			continue;
		if (length - i >= 6 && memcmp(line + i, "\\u0000", 6) == 0)
			return true;
		i++;
	}
	return memchr(line, '\0', length) != NULL;
}

static int take_reason(struct control_command *command, const cJSON *reason, char *ret_error,
		       size_t size)
{
	if (reason == NULL)
		return 0;
	if (command->request != REQUEST_DRAIN)
		return sentence_refuse(ret_error, size, "\"reason\" belongs to the command drain");
	if (!reason_valid(reason->valuestring))
		return sentence_refuse(ret_error, size,
				       "\"reason\" must be 1 to %d printable ASCII characters "
				       "without '#'",
				       CONTROL_REASON_SIZE - 1);
	memcpy(command->reason, reason->valuestring, strlen(reason->valuestring) + 1);
	return 0;
}

static int take_text(struct control_command *command, bool is_message, const cJSON *text,
		     char *ret_error, size_t size)
{
	if (!is_message && text == NULL)
		return 0;
	if (!is_message)
		return sentence_refuse(ret_error, size, "\"text\" belongs to the command message");
	if (text == NULL || !text_valid(text->valuestring))
		return sentence_refuse(ret_error, size,
				       "\"text\" must be 1 to %d bytes of UTF-8 without control "
				       "characters",
				       OPERATOR_TEXT_SIZE - 1);
	memcpy(command->text, text->valuestring, strlen(text->valuestring) + 1);
	return 0;
}

int control_parse(const char *line, size_t length, struct control_command *ret_command,
		  char *ret_error, size_t size)
{
	__attribute__((cleanup(cleanup_delete))) cJSON *object = NULL;
	struct control_command parsed = {0};
	const cJSON *members[MEMBERS] = {NULL};
	const char *end = NULL;
	bool is_message;
	int r;

	if (!has_nul(line, length))
		object = cJSON_ParseWithLengthOpts(line, length, &end, false);
	if (!cJSON_IsObject(object) || !blank(end, line + length))
		return sentence_refuse(
			ret_error, size,
			"not a JSON object; send one per line, like {\"command\":\"status\"}");
	r = members_find(object, members, ret_error, size);
	if (r < 0)
		return r;
	if (members[MEMBER_COMMAND] == NULL ||
	    command_find(members[MEMBER_COMMAND]->valuestring, &parsed.request, &is_message) < 0)
		return sentence_refuse(ret_error, size,
				       "unknown command; \"command\" is one of status, drain, "
				       "ready, handover, message");
	r = take_reason(&parsed, members[MEMBER_REASON], ret_error, size);
	if (r == 0)
		r = take_text(&parsed, is_message, members[MEMBER_TEXT], ret_error, size);
	if (r == 0)
		*ret_command = parsed;
	return r;
}
