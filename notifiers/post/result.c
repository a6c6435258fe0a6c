/* SPDX-License-Identifier: MIT */
/* The words are a contract (design, 7): the daemon and scripts read them. */
#include "notifiers/post/result.h"

#include <errno.h>
#include <stdio.h>

#include "agent/json.h"

enum result_exit result_exit(const struct result *result)
{
	switch (result->answer.result) {
	case ANSWER_POSTED:
	case ANSWER_DUPLICATE:
		return RESULT_EXIT_FINE;
	case ANSWER_RETRY:
		return RESULT_EXIT_RETRY;
	case ANSWER_REJECTED:
		return RESULT_EXIT_REJECTED;
	case ANSWER_UNAUTHORISED:
	case ANSWER_NO_CREDIT:
		return RESULT_EXIT_REFUSED;
	}
	return RESULT_EXIT_RETRY;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void int_or_null(struct json *json, const char *key, int64_t value)
{
	if (value)
		json_int(json, key, value);
	else
		json_text(json, key, NULL);
}

int result_format(const struct result *result, char *ret_line, size_t size)
{
	const struct answer *answer = &result->answer;
	const struct route_address *address = result->address;
	char prefix[NAT64_PREFIX_TEXT_SIZE] = "";
	struct json json;

	if (address && address->via == ROUTE_NAT64)
		nat64_prefix_format(&address->prefix, prefix);
	json_start(&json, ret_line, size);
	json_object(&json, NULL);
	json_text(&json, "id", or_null(result->id));
	json_text(&json, "result", answer_result_words[answer->result]);
	int_or_null(&json, "status", result->status);
	json_text(&json, "remote_id", or_null(answer->remote_id));
	int_or_null(&json, "retry_after_s", answer->retry_after_s);
	json_text(&json, "detail", or_null(answer->detail));
	json_bool(&json, "cut", result->cut);
	json_text(&json, "via", address ? route_via_words[address->via] : NULL);
	json_text(&json, "prefix", or_null(prefix));
	json_object_end(&json);
	return json_finish(&json) < 0 ? -ENOSPC : 0;
}

int result_print(const struct result *result)
{
	char line[RESULT_LINE_SIZE];
	int status = result_format(result, line, sizeof(line));

	if (status < 0)
		return status;
	return puts(line) < 0 || fflush(stdout) != 0 ? -errno : 0;
}
