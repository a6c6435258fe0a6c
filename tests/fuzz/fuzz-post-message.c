/* SPDX-License-Identifier: MIT */
/*
 * The message on standard input, and its text cut to what X takes: whatever comes, texts end inside
 * their places, a refusal says one line, and what is taken can be counted and is not too long.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/post/message.h"
#include "notifiers/post/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message message;
	static char text[MESSAGE_TEXT_SIZE];
	char error[128] = "";
	size_t length;
	int result = message_parse((const char *)data, size, &message, error, sizeof(error));

	check(result == 0 || result == -EINVAL);
	check((result == 0) == (error[0] == '\0'));
	check(!strchr(error, '\n'));
	check(strnlen(message.id, sizeof(message.id)) < sizeof(message.id));
	check(strnlen(message.text, sizeof(message.text)) < sizeof(message.text));
	if (result < 0)
		return 0;
	check(message.id[0] && message.text[0]);
	result = text_fit(&text_rules_x, message.text, text, sizeof(text));
	check(result == 0 || result == TEXT_CUT || result == -EILSEQ || result == -ENOSPC);
	if (result < 0)
		return 0;
	check(text_length(&text_rules_x, text, &length) == 0);
	check(length <= text_rules_x.limit);
	return 0;
}
