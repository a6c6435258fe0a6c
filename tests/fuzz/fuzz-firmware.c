/* SPDX-License-Identifier: MIT */
/* Answers of the firmware, as they come back in the message, and words of the device tree. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/firmware_ask.h"
#include "collectors/firmware_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;

/* The whole room for text is the firmware's: it may leave it without an end. */
static int answer(int fd, uint32_t *message)
{
	size_t room = FIRMWARE_TEXT_SIZE;

	(void)fd;
	memcpy(&message[6], input, input_size < room ? input_size : room);
	return 0;
}

static bool printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void check_answer(const char *text)
{
	struct firmware_rails rails;
	uint32_t bits;
	char version[96];

	if (firmware_throttled_parse(text, &bits) == 0 && strncmp(text, "throttled=0x", 12) != 0)
		abort();
	if (firmware_rails_parse(text, &rails) == 0 &&
	    (rails.supply_mv <= 0 || rails.supply_mv > 30000 || rails.power_mw < 0 ||
	     rails.power_mw > 24 * 900 * 1000 || rails.count > 24))
		abort();
	if (firmware_version_parse(text, version, sizeof(version)) == 0 &&
	    (strlen(version) >= sizeof(version) || !version[0] || !printable(version)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct firmware_ask ask;
	const char *text;
	char reset[FIRMWARE_RESET_SIZE];
	uint32_t word;

	input = data;
	input_size = size;
	firmware_ask_init(&ask, -1);
	ask.fd = 0;
	ask.request = answer;
	if (firmware_ask(&ask, "get_throttled", &text) == 0) {
		if (strlen(text) >= FIRMWARE_TEXT_SIZE)
			abort();
		/* In memory of exactly its size, so that reading behind it is seen. */
		char *copy = strdup(text);
		if (!copy)
			abort();
		check_answer(copy);
		free(copy);
	}

	if (firmware_word(data, size, &word) == 0) {
		if (size != 4)
			abort();
		firmware_reset_text(word, reset);
		if (!reset[0] || strlen(reset) >= sizeof(reset) || !printable(reset))
			abort();
	}
	return 0;
}
