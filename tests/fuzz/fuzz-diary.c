/* SPDX-License-Identifier: MIT */
/*
 * The file that the last events are kept in. What is taken over can be told as a document, is at most as much
 * as the diary holds, and written again it is the same; what is refused leaves nothing behind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/diary_image.h"
#include "agent/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_again(const struct diary *diary)
{
	static char first[DIARY_IMAGE_SIZE], second[DIARY_IMAGE_SIZE];
	static struct diary again;

	memset(&again, 0, sizeof(again));
	check(diary_format(diary, "b", first) < sizeof(first));
	check(diary_parse(&again, "b", first) == 0);
	check(again.count == diary->count);
	diary_format(&again, "b", second);
	check(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct diary diary;
	static char document[65536];
	char *text = malloc(size + 1);

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&diary, 0, sizeof(diary));
	if (diary_parse(&diary, "b", text) == 0) {
		int length = diary_render(&diary, DIARY_EVENTS, document, sizeof(document));

		check(length > 0 && utf8_valid(document));
		check_again(&diary);
	} else {
		check(diary.count == 0 && !diary_get(&diary, 0) && !diary.names[0][0]);
	}
	free(text);
	return 0;
}
