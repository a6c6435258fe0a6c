/* SPDX-License-Identifier: MIT */
/*
 * cJSON reads; what it would silently change is looked for here. It ends a text at \u0000, so
 * that is refused. Line ends are welcome in a post, other control characters are not.
 */
#include "notifiers/post/message.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "agent/sentence.h"

static int check_id(const char *id, char *ret_error, size_t size)
{
	size_t length = strlen(id);

	if (!length || length >= MESSAGE_ID_SIZE ||
	    length != strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789-_.:"))
		return sentence_refuse(ret_error, size,
				       "id must be 1 to %d letters, digits, '-', '_', '.' or ':'",
				       MESSAGE_ID_SIZE - 1);
	return 0;
}

static int check_text(const char *text, char *ret_error, size_t size)
{
	if (strlen(text) >= MESSAGE_TEXT_SIZE)
		return sentence_refuse(ret_error, size, "text is longer than %d bytes",
				       MESSAGE_TEXT_SIZE - 1);
	if (!text[strspn(text, " \t\r\n")])
		return sentence_refuse(ret_error, size, "text is empty");
	for (; *text; text++) {
		if (((unsigned char)*text < ' ' && !strchr("\t\r\n", *text)) || *text == 0x7f)
			return sentence_refuse(ret_error, size,
					       "text has control characters in it");
	}
	return 0;
}

static int take(const cJSON *root, struct message *ret_message, char *ret_error, size_t size)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(root, "id");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(root, "text");

	if (!cJSON_IsString(id))
		return sentence_refuse(ret_error, size, "the message has no text member \"id\"");
	if (check_id(id->valuestring, ret_error, size) < 0)
		return -EINVAL;
	strcpy(ret_message->id, id->valuestring);
	if (!cJSON_IsString(text))
		return sentence_refuse(ret_error, size, "the message has no text member \"text\"");
	if (check_text(text->valuestring, ret_error, size) < 0)
		return -EINVAL;
	strcpy(ret_message->text, text->valuestring);
	return 0;
}

/* "\u0000", unless its backslash is itself escaped. */
static int has_nul(const char *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++) {
		if (bytes[i] != '\\')
			continue;
		if (length - i >= 6 && memcmp(bytes + i, "\\u0000", 6) == 0)
			return 1;
		i++;
	}
	return memchr(bytes, '\0', length) != NULL;
}

int message_parse(const char *bytes, size_t length, struct message *ret_message, char *ret_error,
		  size_t size)
{
	const char *end = NULL;
	cJSON *root;
	int result;

	ret_message->id[0] = ret_message->text[0] = '\0';
	if (length > MESSAGE_INPUT_SIZE)
		return sentence_refuse(ret_error, size, "the message is longer than %d bytes",
				       MESSAGE_INPUT_SIZE);
	if (has_nul(bytes, length))
		return sentence_refuse(ret_error, size, "the message has a NUL character in it");
	root = cJSON_ParseWithLengthOpts(bytes, length, &end, 0);
	while (root && end < bytes + length && strchr(" \t\r\n", *end))
		end++;
	if (!cJSON_IsObject(root) || end != bytes + length)
		result = sentence_refuse(ret_error, size,
					 "the message must be one JSON object: {\"id\": \"...\", "
					 "\"text\": \"...\"}");
	else
		result = take(root, ret_message, ret_error, size);
	cJSON_Delete(root);
	return result;
}
