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

#include "agent/diary.h"
#include "agent/sentence.h"
#include "agent/utf8.h"

enum member {
	MEMBER_COMMAND,
	MEMBER_REASON,
	MEMBER_FOR,
	MEMBER_TEXT,
	MEMBER_SERIES,
	MEMBER_SPAN,
	MEMBER_COUNT,
	MEMBERS,
};

static const struct {
	const char *name;
	bool number; /* otherwise a text */
} member_rows[MEMBERS] = {
	[MEMBER_COMMAND] = {"command", false}, [MEMBER_REASON] = {"reason", false},
	[MEMBER_FOR] = {"for_s", true},	       [MEMBER_TEXT] = {"text", false},
	[MEMBER_SERIES] = {"series", false},   [MEMBER_SPAN] = {"span", false},
	[MEMBER_COUNT] = {"count", true},
};

#define TAKES(member) (1u << MEMBER_##member)

/* By enum control_verb: its name, and which members may stand beside it. */
static const struct {
	const char *name;
	unsigned takes;
} verbs[] = {
	[VERB_STATUS] = {"status", 0},
	[VERB_HISTORY] = {"history", TAKES(SERIES) | TAKES(SPAN)},
	[VERB_EVENTS] = {"events", TAKES(COUNT)},
	[VERB_DRAIN] = {"drain", TAKES(REASON) | TAKES(FOR)},
	[VERB_READY] = {"ready", TAKES(REASON)},
	[VERB_HANDOVER] = {"handover", 0},
	[VERB_MESSAGE] = {"message", TAKES(TEXT)},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

const char *control_verb_name(enum control_verb verb)
{
	return verbs[verb].name;
}

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

static int verb_find(const cJSON *command, enum control_verb *ret_verb)
{
	for (size_t i = 0; command != NULL && i < VERBS; i++) {
		if (strcmp(verbs[i].name, command->valuestring) == 0) {
			*ret_verb = (enum control_verb)i;
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

/* Finds the members of the request; each at most once, nothing else beside them. */
static int members_find(const cJSON *object, const cJSON *ret_members[MEMBERS], char *ret_error,
			size_t size)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		size_t i = 0;

		while (i < MEMBERS && strcmp(member->string, member_rows[i].name) != 0)
			i++;
		if (i == MEMBERS)
			return sentence_refuse(
				ret_error, size,
				"unknown member; allowed are command, reason, for_s, "
				"text, series, span and count");
		if (ret_members[i] != NULL)
			return sentence_refuse(ret_error, size, "\"%s\" stands twice",
					       member->string);
		if (member_rows[i].number ? !cJSON_IsNumber(member) : !cJSON_IsString(member))
			return sentence_refuse(ret_error, size, "\"%s\" must be a %s",
					       member->string,
					       member_rows[i].number ? "number" : "text");
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

/* Every member must mean something to the command: otherwise it was meant for another one. */
static int members_check(enum control_verb verb, const cJSON *const members[MEMBERS],
			 char *ret_error, size_t size)
{
	for (unsigned i = MEMBER_COMMAND + 1; i < MEMBERS; i++) {
		const char *owner = "";

		if (members[i] == NULL || (verbs[verb].takes >> i & 1) != 0)
			continue;
		for (size_t j = VERBS; j-- > 0;)
			if ((verbs[j].takes >> i & 1) != 0)
				owner = verbs[j].name;
		return sentence_refuse(ret_error, size, "\"%s\" belongs to the command %s%s",
				       member_rows[i].name, owner,
				       i == MEMBER_REASON ? " or ready" : "");
	}
	return 0;
}

static int take_reason(struct control_command *command, const cJSON *reason, char *ret_error,
		       size_t size)
{
	if (reason == NULL)
		return 0;
	if (!reason_valid(reason->valuestring))
		return sentence_refuse(ret_error, size,
				       "\"reason\" must be 1 to %d printable ASCII characters "
				       "without '#'",
				       CONTROL_REASON_SIZE - 1);
	memcpy(command->reason, reason->valuestring, strlen(reason->valuestring) + 1);
	return 0;
}

static int take_text(struct control_command *command, const cJSON *text, char *ret_error,
		     size_t size)
{
	if (command->verb != VERB_MESSAGE)
		return 0;
	if (text == NULL || !text_valid(text->valuestring))
		return sentence_refuse(ret_error, size,
				       "\"text\" must be 1 to %d bytes of UTF-8 without control "
				       "characters",
				       OPERATOR_TEXT_SIZE - 1);
	memcpy(command->text, text->valuestring, strlen(text->valuestring) + 1);
	return 0;
}

/* A whole number of 1..most; *ret_number is left alone if there is no such member. */
static int take_number(const cJSON *member, int64_t most, int64_t *ret_number, char *ret_error,
		       size_t size)
{
	if (member == NULL)
		return 0;
	double value = member->valuedouble;
	if (!(value >= 1 && value <= (double)most) || value != (double)(int64_t)value)
		return sentence_refuse(ret_error, size,
				       "\"%s\" must be a whole number of 1 to %lld", member->string,
				       (long long)most);
	*ret_number = (int64_t)value;
	return 0;
}

/* Which series there are only the agent knows; here it is a name. */
static int take_course(struct control_command *command, const cJSON *series, const cJSON *span,
		       char *ret_error, size_t size)
{
	if (series == NULL && span != NULL)
		return sentence_refuse(ret_error, size, "\"span\" needs a \"series\"");
	if (series != NULL) {
		size_t length = strlen(series->valuestring);

		if (length == 0 || length >= sizeof(command->series))
			return sentence_refuse(ret_error, size,
					       "\"series\" must be 1 to %d characters",
					       CONTROL_SERIES_SIZE - 1);
		memcpy(command->series, series->valuestring, length + 1);
	}
	for (int i = 0; span != NULL && history_span_words[i] != NULL; i++) {
		if (strcmp(span->valuestring, history_span_words[i]) == 0) {
			command->span = (enum history_span)i;
			return 0;
		}
	}
	return span == NULL ? 0 : sentence_refuse(ret_error, size, "\"span\" is one of hour, day");
}

static int take_members(struct control_command *command, const cJSON *const members[MEMBERS],
			char *ret_error, size_t size)
{
	int64_t count = DIARY_EVENTS;
	int r = members_check(command->verb, members, ret_error, size);

	if (r == 0)
		r = take_reason(command, members[MEMBER_REASON], ret_error, size);
	if (r == 0)
		r = take_text(command, members[MEMBER_TEXT], ret_error, size);
	if (r == 0)
		r = take_number(members[MEMBER_FOR], CONTROL_FOR_MOST_S, &command->for_s, ret_error,
				size);
	if (r == 0)
		r = take_number(members[MEMBER_COUNT], DIARY_EVENTS, &count, ret_error, size);
	if (r == 0)
		r = take_course(command, members[MEMBER_SERIES], members[MEMBER_SPAN], ret_error,
				size);
	command->count = (size_t)count;
	return r;
}

int control_parse(const char *line, size_t length, struct control_command *ret_command,
		  char *ret_error, size_t size)
{
	__attribute__((cleanup(cleanup_delete))) cJSON *object = NULL;
	struct control_command parsed = {0};
	const cJSON *members[MEMBERS] = {NULL};
	const char *end = NULL;
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
	if (verb_find(members[MEMBER_COMMAND], &parsed.verb) < 0)
		return sentence_refuse(ret_error, size,
				       "unknown command; \"command\" is one of status, history, "
				       "events, drain, ready, handover, message");
	r = take_members(&parsed, members, ret_error, size);
	if (r == 0)
		*ret_command = parsed;
	return r;
}
