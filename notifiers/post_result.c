/* SPDX-License-Identifier: MIT */
/*
 * The program is ours, but it has spoken with a stranger: members of the wrong type are taken as missing,
 * texts are cut and made printable, and a result that is not about our message is none.
 */
#include "notifiers/post_result.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "agent/sample.h"

const char *const post_result_words[] = {
	[POST_RESULT_POSTED] = "posted",
	[POST_RESULT_DUPLICATE] = "duplicate",
	[POST_RESULT_RETRY] = "retry",
	[POST_RESULT_REJECTED] = "rejected",
	[POST_RESULT_UNAUTHORISED] = "unauthorised",
	[POST_RESULT_NO_CREDIT] = "no_credit",
	[POST_RESULT_UNUSABLE] = "unusable",
	NULL,
};

/* A member that is a text, or an empty one. */
static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(member) ? member->valuestring : "";
}

/* A whole number of 0..most, or 0. */
static int64_t number_of(const cJSON *object, const char *name, int64_t most)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	/* The comparison is false for what is not a number. */
	if (!cJSON_IsNumber(member) ||
	    !(member->valuedouble >= 0 && member->valuedouble <= (double)most))
		return 0;
	return (int64_t)member->valuedouble;
}

static void copy_text(char *target, size_t size, const char *text)
{
	text_copy(target, size, text);
	for (; *target; target++) {
		if ((unsigned char)*target < ' ' || *target == 0x7f)
			*target = ' ';
	}
}

static bool find_word(const char *text, enum post_result_word *ret_word)
{
	for (int i = 0; i < POST_RESULT_UNUSABLE; i++) {
		if (strcmp(text, post_result_words[i]) == 0) {
			*ret_word = (enum post_result_word)i;
			return true;
		}
	}
	return false;
}

int post_result_parse(const char *bytes, size_t length, const char *id,
		      struct post_result *ret_result)
{
	const char *end = memchr(bytes, '\n', length);
	struct post_result result = {0};
	int error = -EBADMSG;
	cJSON *root;

	if (!end)
		return -EBADMSG;
	root = cJSON_ParseWithLength(bytes, (size_t)(end - bytes));
	if (cJSON_IsObject(root) && strcmp(text_of(root, "id"), id) == 0 &&
	    find_word(text_of(root, "result"), &result.word)) {
		/* Its words for that (hostingpi-post(8)); looked for before they are cut. */
		result.unsure = result.word == POST_RESULT_RETRY &&
				strstr(text_of(root, "detail"), "may have arrived");
		result.status = (int)number_of(root, "status", 999);
		result.retry_after_s = number_of(root, "retry_after_s", INT64_C(1) << 40);
		copy_text(result.remote_id, sizeof(result.remote_id), text_of(root, "remote_id"));
		copy_text(result.detail, sizeof(result.detail), text_of(root, "detail"));
		copy_text(result.via, sizeof(result.via), text_of(root, "via"));
		copy_text(result.prefix, sizeof(result.prefix), text_of(root, "prefix"));
		*ret_result = result;
		error = 0;
	}
	cJSON_Delete(root);
	return error;
}
