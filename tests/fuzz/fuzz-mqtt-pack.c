/* SPDX-License-Identifier: MIT */
/*
 * Texts, lines of the input, one after the other: each comes back byte for byte. Then the input as a
 * record: whatever it is, nothing is read or written outside.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/mqtt_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mqtt_pack written, parsed, reading, scratch;
static uint8_t record[40000];
static char buffer[MQTT_PACK_TEXT], again[MQTT_PACK_TEXT];

static void check(int condition)
{
	if (!condition)
		abort();
}

static void begin(void)
{
	written.count = written.length = reading.count = reading.length = 0;
}

static void through(const char *text, size_t length)
{
	int result;

	mqtt_pack_split(&parsed, text, length);
	result = mqtt_pack_encode(&written, &parsed, record, sizeof(record));
	if (result < 0) {
		begin();
		result = mqtt_pack_encode(&written, &parsed, record, sizeof(record));
	}
	check(result > 0);
	check(mqtt_pack_decode(&reading, &scratch, record, (size_t)result) == 0);
	check(mqtt_pack_join(&reading, buffer, sizeof(buffer)) == (int)length);
	check(memcmp(buffer, text, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;

	begin();
	while (text < end) {
		const char *line = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((line ? line : end) - text);
		through(text, length < MQTT_PACK_TEXT ? length : MQTT_PACK_TEXT);
		text += length + 1;
	}
	if (mqtt_pack_decode(&reading, &scratch, data, size) == 0) {
		int length = mqtt_pack_join(&reading, buffer, sizeof(buffer));
		begin();
		if (length >= 0) {
			memcpy(again, buffer, (size_t)length);
			through(again, (size_t)length);
		}
	}
	return 0;
}
