/* SPDX-License-Identifier: MIT */
/* Any text comes back byte for byte, and real ones come small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "mqtt-ring-world.h"
#include "notifiers/mqtt_pack.h"

static struct mqtt_pack written, parsed, reading, scratch;
static uint8_t record[40000];
static char buffer[MQTT_PACK_TEXT];

static void begin(void)
{
	memset(&written, 0, sizeof(written));
	memset(&reading, 0, sizeof(reading));
}

/* Sends a text through; returns the length of its record, or -ENOSPC, as it is when too large a number would come. */
static int through(const char *text, size_t length)
{
	int result;

	mqtt_pack_split(&parsed, text, length);
	assert_int_equal(mqtt_pack_join(&parsed, buffer, sizeof(buffer)), length);
	assert_memory_equal(buffer, text, length);
	result = mqtt_pack_encode(&written, &parsed, record, sizeof(record));
	if (result < 0)
		return result;
	assert_int_equal(mqtt_pack_decode(&reading, &scratch, record, (size_t)result), 0);
	assert_int_equal(mqtt_pack_join(&reading, buffer, sizeof(buffer)), length);
	assert_memory_equal(buffer, text, length);
	return result;
}

static void test_only_numbers_that_print_back_leave(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned numbers;
	} rows[] = {
		{"", 0},
		{"0", 1},
		{"-1", 1},
		{"-0", 0},
		{"-", 0},
		{"--1", 0},
		{"1.5", 1},
		{"1.50", 0},
		{"1.", 0},
		{".5", 1},
		{"1.2.3", 0},
		{"0.000001", 1},
		{"-0.5", 1},
		{"00", 0},
		{"01", 0},
		{"1e5", 0},
		{"1E+5", 0},
		{"999999999999999999", 1},
		{"1000000000000000000", 0},
		{"0.99999999999999999", 1},
		{"0.123456789012345678", 0},
		{"[1,2,-3.25]", 3},
		{"{\"a1\":1,\"b\":\"2 3\"}", 1},
		{"\"\\\"1\" 2", 1},
		{"\"unterminated 1", 0},
		{"\"\\", 0},
		{"\1 17", 0},
		{"a1b2", 2},
		{"1 \1", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		mqtt_pack_split(&parsed, rows[i].text, strlen(rows[i].text));
		if (parsed.count != rows[i].numbers)
			fail_msg("%s: %u numbers", rows[i].text, parsed.count);
		assert_true(through(rows[i].text, strlen(rows[i].text)) > 0);
		/* After itself it is nearly nothing: flags and which numbers changed. */
		assert_in_range(through(rows[i].text, strlen(rows[i].text)), 1, 2);
	}
}

static void test_more_numbers_than_fit_stay(void **state)
{
	(void)state;
	char text[MQTT_PACK_TEXT];
	size_t length = 0;

	while (length + 2 <= sizeof(text)) {
		text[length] = (char)('1' + length % 9);
		text[length + 1] = ',';
		length += 2;
	}
	begin();
	assert_true(through(text, length) > 0);
	assert_int_equal(parsed.count, MQTT_PACK_NUMBERS);
}

static void test_decimals_come_and_go(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"[45.277,1]", "[45.2,1]", "[45,1]", "[45.3,1.25]", "[-45.277,1]", "[0,0]",
	};

	begin();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_in_range(through(texts[i], strlen(texts[i])), 1, 20);
}

static void test_a_number_too_large_for_its_decimals_is_refused(void **state)
{
	(void)state;
	struct mqtt_pack before;

	begin();
	assert_true(through("[0.00000000000000001]", 21) > 0);
	before = written;
	assert_int_equal(through("[900000000000000000]", 20), -ENOSPC);
	assert_memory_equal(&before, &written, sizeof(before));
	begin();
	assert_true(through("[900000000000000000]", 20) > 0);
	assert_int_equal(through("[0.00000000000000001]", 21), -ENOSPC);
	begin();
	assert_true(through("[-900000000000000000]", 21) > 0);
	assert_true(through("[900000000000000000]", 20) > 0);
}

static void test_no_room_is_told_and_changes_nothing(void **state)
{
	(void)state;
	char text[2048];
	struct mqtt_pack before;
	int whole;

	begin();
	for (uint64_t i = 1; i < 4; i++) {
		size_t length = world_document(i, text, sizeof(text));
		mqtt_pack_split(&parsed, text, length);
		before = written;
		whole = through(text, length);
		for (int size = 0; size < whole; size++) {
			struct mqtt_pack again = before;
			mqtt_pack_split(&parsed, text, length);
			record[size] = 0xee;
			assert_int_equal(mqtt_pack_encode(&again, &parsed, record, (size_t)size),
					 -ENOSPC);
			assert_memory_equal(&again, &before, sizeof(again));
			assert_int_equal(record[size], 0xee);
		}
	}
	assert_int_equal(mqtt_pack_join(&parsed, buffer, 10), -ENOSPC);
}

static void test_documents_become_small(void **state)
{
	(void)state;
	char text[2048];
	size_t sum = 0;

	begin();
	for (uint64_t i = 1; i <= 200; i++) {
		size_t length = world_document(i, text, sizeof(text));
		int result = through(text, length);
		assert_true(result > 0);
		if (i > 1)
			sum += (size_t)result;
	}
	/* Of more than 500 bytes, whose every other one changes its shape. */
	assert_in_range(sum / 199, 10, 80);
}

/* Changes a text in some places. */
static size_t mutate(char *text, size_t length)
{
	static const char bytes[] = "0123456789-+.eE\"\\,:{}[] ab\1";

	for (unsigned i = world_random(4); i > 0; i--) {
		size_t at = world_random((unsigned)length + 1), size = world_random(30);
		switch (world_random(4)) {
		case 0:
			if (at < length)
				text[at] = bytes[world_random(sizeof(bytes) - 1)];
			break;
		case 1: /* take some out */
			size = size > length - at ? length - at : size;
			memmove(text + at, text + at + size, length - at - size);
			length -= size;
			break;
		case 2: /* double some */
			size = size > length - at ? length - at : size;
			size = size > MQTT_PACK_TEXT - length ? MQTT_PACK_TEXT - length : size;
			memmove(text + at + size, text + at, length - at);
			length += size;
			break;
		default: /* put some in */
			size = size > MQTT_PACK_TEXT - length ? MQTT_PACK_TEXT - length : size;
			memmove(text + at + size, text + at, length - at);
			for (size_t j = 0; j < size; j++)
				text[at + j] = bytes[world_random(sizeof(bytes) - 2)];
			length += size;
		}
	}
	return length;
}

static void test_any_texts_come_back(void **state)
{
	(void)state;
	static char text[MQTT_PACK_TEXT];
	size_t length = 0;

	world_seed("pack");
	begin();
	for (unsigned i = 0; i < 8000; i++) {
		if (world_random(50) == 0)
			length = world_document(world_random(1000), text, sizeof(text));
		length = mutate(text, length);
		if (through(text, length) < 0) {
			begin();
			assert_true(through(text, length) > 0);
		}
	}
}

static void test_damaged_records_do_no_harm(void **state)
{
	(void)state;
	char text[2048];
	unsigned refused = 0;

	world_seed("damage");
	begin();
	for (unsigned i = 1; i < 5000; i++) {
		size_t length = world_document(i, text, sizeof(text));
		int result = through(text, length);
		struct mqtt_pack before = reading;
		assert_true(result > 0);
		for (unsigned j = 0; j < 3; j++) {
			size_t cut = world_random((unsigned)result + 1);
			struct mqtt_pack harmed = before;
			record[world_random((unsigned)result)] ^= (uint8_t)(1u << world_random(8));
			if (mqtt_pack_decode(&harmed, &scratch, record, cut) < 0)
				refused++;
			else
				mqtt_pack_join(&harmed, buffer, sizeof(buffer));
		}
	}
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_numbers_that_print_back_leave),
		cmocka_unit_test(test_more_numbers_than_fit_stay),
		cmocka_unit_test(test_decimals_come_and_go),
		cmocka_unit_test(test_a_number_too_large_for_its_decimals_is_refused),
		cmocka_unit_test(test_no_room_is_told_and_changes_nothing),
		cmocka_unit_test(test_documents_become_small),
		cmocka_unit_test(test_any_texts_come_back),
		cmocka_unit_test(test_damaged_records_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
