/* SPDX-License-Identifier: MIT */
/* The output of hostingpi-post: what is taken of it fits and is printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/post_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
	for (; *text; text++)
		check((unsigned char)*text >= ' ' && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct post_result result = {0};
	char *bytes = malloc(size + (size == 0));

	check(bytes != NULL);
	memcpy(bytes, data, size);
	if (post_result_parse(bytes, size, "a-1", &result) == 0) {
		check((unsigned)result.word < POST_RESULT_UNUSABLE);
		check(result.status >= 0 && result.status <= 999 && result.retry_after_s >= 0);
		check_text(result.detail, sizeof(result.detail));
		check_text(result.remote_id, sizeof(result.remote_id));
		check_text(result.via, sizeof(result.via));
		check_text(result.prefix, sizeof(result.prefix));
	}
	free(bytes);
	return 0;
}
