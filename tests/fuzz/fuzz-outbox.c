/* SPDX-License-Identifier: MIT */
/*
 * The files of the outbox: whatever their bytes, what is taken is a message that may be posted and that
 * reads back the same from the file that would be written for it; and the file of what is remembered.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/utf8.h"
#include "notifiers/post_memory.h"
#include "notifiers/post_outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_message(const uint8_t *data, size_t size)
{
	static char bytes[POST_FILE_SIZE];
	struct post_message message = {0}, again = {0};
	char error[128] = "";
	int length;

	if (post_message_parse((const char *)data, size, &message, error, sizeof(error)) < 0) {
		check(error[0] && !strchr(error, '\n'));
		return;
	}
	check(!error[0]);
	check(message.kind >= 0 && message.kind < POST_OUTBOX_KINDS);
	check(message.id[0] && !strchr(message.id, '/') && message.text[0]);
	check(strlen(message.text) < sizeof(message.text) && utf8_valid(message.text));
	check(message.created_ns >= 0 && message.created_ms >= 0 && message.attempts >= 0);
	length = post_message_format(&message, bytes, sizeof(bytes));
	check(length > 0);
	check(post_message_parse(bytes, (size_t)length, &again, error, sizeof(error)) == 0);
	check(memcmp(&message, &again, sizeof(message)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As it is read from a file: with a NUL behind it that does not count. */
	char *bytes = malloc(size + 1), text[POST_MEMORY_SIZE];
	struct post_memory memory, again;

	check(bytes != NULL);
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	check_message((const uint8_t *)bytes, size);
	if (post_memory_parse(bytes, &memory) == 0) {
		post_memory_format(&memory, text);
		check(post_memory_parse(text, &again) == 0);
		check(memcmp(&memory, &again, sizeof(memory)) == 0);
	}
	free(bytes);
	return 0;
}
