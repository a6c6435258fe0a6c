/* SPDX-License-Identifier: MIT */
/*
 * The file of a waiting message. It was written by this program, but a folder in /run is open to whoever
 * became this user: every member must be there, once, with its type and in its range, and nothing else.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/json.h"
#include "agent/sentence.h"
#include "agent/utf8.h"
#include "notifiers/post_outbox.h"

const char *const post_kind_words[] = {
	[POST_START] = "start",	      [POST_SHED] = "shed",
	[POST_HARD] = "hard",	      [POST_NORMAL] = "normal",
	[POST_INCIDENT] = "incident", [POST_DAILY] = "daily",
	[POST_OPERATOR] = "message",  NULL,
};

/* 2^53: what a JSON number holds exactly. Nanoseconds of a hundred days of uptime fit. */
#define NUMBER_MAX 9007199254740992.0

enum member {
	MEMBER_ID,
	MEMBER_KIND,
	MEMBER_ABOUT,
	MEMBER_TEXT,
	MEMBER_CREATED_MS,
	MEMBER_CREATED_NS,
	MEMBER_ATTEMPTS,
	MEMBER_MAYBE_NS,
	MEMBER_RESULT,
	MEMBERS,
};

static const struct {
	const char *name;
	bool number;
} members[MEMBERS] = {
	[MEMBER_ID] = {"id", false},
	[MEMBER_KIND] = {"kind", false},
	[MEMBER_ABOUT] = {"about", false},
	[MEMBER_TEXT] = {"text", false},
	[MEMBER_CREATED_MS] = {"created_ms", true},
	[MEMBER_CREATED_NS] = {"created_ns", true},
	[MEMBER_ATTEMPTS] = {"attempts", true},
	[MEMBER_MAYBE_NS] = {"maybe_ns", true},
	[MEMBER_RESULT] = {"result", false},
};

static int find_members(const cJSON *root, const cJSON *found[MEMBERS], char *ret_error,
			size_t size)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, root)
	{
		size_t i = 0;

		while (i < MEMBERS && strcmp(item->string, members[i].name) != 0)
			i++;
		if (i == MEMBERS || found[i])
			return sentence_refuse(ret_error, size,
					       "a member is unknown or stands twice");
		if (members[i].number ? !cJSON_IsNumber(item) || !(item->valuedouble >= 0 &&
								   item->valuedouble <= NUMBER_MAX)
				      : !cJSON_IsString(item))
			return sentence_refuse(ret_error, size, "\"%s\" is not what it should be",
					       members[i].name);
		found[i] = item;
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		if (!found[i])
			return sentence_refuse(ret_error, size, "\"%s\" is missing",
					       members[i].name);
	}
	return 0;
}

/* Letters, digits and '-' only: names of kinds, of results, and of messages. */
static bool copy_name(char *target, size_t size, const char *text, size_t least)
{
	size_t length = strlen(text);

	if (length < least || length >= size ||
	    length != strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_"))
		return false;
	memcpy(target, text, length + 1);
	return true;
}

static bool copy_text(char *target, const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= POST_TEXT_SIZE || !utf8_valid(text))
		return false;
	for (const char *at = text; *at; at++) {
		if (((unsigned char)*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f)
			return false;
	}
	memcpy(target, text, length + 1);
	return true;
}

static int find_kind(const char *word)
{
	int kind = 0;

	while (post_kind_words[kind] && strcmp(post_kind_words[kind], word) != 0)
		kind++;
	return kind;
}

static int take(const cJSON *root, struct post_message *message, char *ret_error, size_t size)
{
	const cJSON *found[MEMBERS] = {NULL};

	if (find_members(root, found, ret_error, size) < 0)
		return -EINVAL;
	message->kind = find_kind(found[MEMBER_KIND]->valuestring);
	if (message->kind == POST_OUTBOX_KINDS ||
	    !copy_name(message->id, sizeof(message->id), found[MEMBER_ID]->valuestring, 1) ||
	    !copy_name(message->about, sizeof(message->about), found[MEMBER_ABOUT]->valuestring,
		       0) ||
	    !copy_name(message->last, sizeof(message->last), found[MEMBER_RESULT]->valuestring,
		       0) ||
	    !copy_text(message->text, found[MEMBER_TEXT]->valuestring))
		return sentence_refuse(ret_error, size, "its words are not what they should be");
	message->created_ms = (int64_t)found[MEMBER_CREATED_MS]->valuedouble;
	message->created_ns = (int64_t)found[MEMBER_CREATED_NS]->valuedouble;
	message->attempts = (int64_t)found[MEMBER_ATTEMPTS]->valuedouble;
	message->maybe_ns = (int64_t)found[MEMBER_MAYBE_NS]->valuedouble;
	return 0;
}

int post_message_parse(const char *bytes, size_t length, struct post_message *ret_message,
		       char *ret_error, size_t size)
{
	struct post_message message = {0};
	const char *end = NULL;
	cJSON *root = NULL;
	int result;

	/* A text that ends early would be another text than the one that may have been sent. */
	if (!memchr(bytes, '\0', length) && !memmem(bytes, length, "\\u0000", 6))
		root = cJSON_ParseWithLengthOpts(bytes, length, &end, false);
	if (!cJSON_IsObject(root) || (end != bytes + length && *end != '\n'))
		result = sentence_refuse(ret_error, size, "it is not one JSON object");
	else
		result = take(root, &message, ret_error, size);
	cJSON_Delete(root);
	if (result == 0)
		*ret_message = message;
	return result;
}

int post_message_format(const struct post_message *message, char *buffer, size_t size)
{
	struct json json;

	json_start(&json, buffer, size);
	json_object(&json, NULL);
	json_text(&json, "id", message->id);
	json_text(&json, "kind", post_kind_words[message->kind]);
	json_text(&json, "about", message->about);
	json_text(&json, "text", message->text);
	json_int(&json, "created_ms", message->created_ms);
	json_int(&json, "created_ns", message->created_ns);
	json_int(&json, "attempts", message->attempts);
	json_int(&json, "maybe_ns", message->maybe_ns);
	json_text(&json, "result", message->last);
	json_object_end(&json);
	return json_finish(&json);
}
