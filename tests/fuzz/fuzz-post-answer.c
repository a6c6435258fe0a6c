/* SPDX-License-Identifier: MIT */
/*
 * The answer of a service: a status code, header lines, an empty line, a body. Whatever comes, the
 * verdict is one of the table, its texts end inside their places and are printable, and nothing is
 * called posted without an id.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/post/answer.h"

#define NOW_S INT64_C(1790000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_printable(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
	for (; *text; text++)
		check((unsigned char)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct answer_headers headers = {0};
	struct answer answer;
	enum post_service service;
	int status;

	if (size < 3)
		return 0;
	service = data[0] % 2 ? POST_X : POST_MASTODON;
	status = data[1] * 4 + data[2] % 4;
	bytes += 3;
	size -= 3;
	while (size) {
		const char *end = memchr(bytes, '\n', size);
		size_t length = end ? (size_t)(end - bytes) + 1 : size;
		answer_header(&headers, bytes, length);
		bytes += length;
		size -= length;
		if (length == 1)
			break;
	}
	answer_judge(service, status, &headers, bytes, size, NOW_S, &answer);
	check(answer.result <= ANSWER_NO_CREDIT);
	check(answer.retry_after_s >= 0 && answer.retry_after_s <= 86400);
	check_printable(answer.detail, sizeof(answer.detail));
	check_printable(answer.remote_id, sizeof(answer.remote_id));
	check((answer.result == ANSWER_POSTED) == (answer.remote_id[0] != '\0'));
	check((answer.result == ANSWER_POSTED) == (answer.detail[0] == '\0'));
	return 0;
}
