/* SPDX-License-Identifier: MIT */
/* The JSON writer: what it writes is read back by cJSON; what does not fit is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "agent/json.h"
#include "agent/sample.h"

static const char *decimal(int64_t value, unsigned digits)
{
	static char text[64];
	struct json json;
	json_start(&json, text, sizeof(text));
	json_decimal(&json, NULL, value, digits);
	assert_true(json_finish(&json) > 0);
	return text;
}

static void test_decimals(void **context)
{
	(void)context;
	assert_string_equal(decimal(61234, 3), "61.234");
	assert_string_equal(decimal(61200, 3), "61.2");
	assert_string_equal(decimal(61000, 3), "61");
	assert_string_equal(decimal(-5, 3), "-0.005");
	assert_string_equal(decimal(0, 6), "0");
	assert_string_equal(decimal(1, 6), "0.000001");
	assert_string_equal(decimal(INT64_MAX, 0), "9223372036854775807");
	assert_string_equal(decimal(INT64_MIN, 0), "-9223372036854775808");
}

static void test_nesting(void **context)
{
	(void)context;
	char text[256];
	struct json json;
	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	json_object(&json, "empty");
	json_object_end(&json);
	json_array(&json, "list");
	json_int(&json, NULL, 1);
	json_text(&json, NULL, NULL);
	json_array_end(&json);
	json_bool(&json, "yes", true);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	assert_string_equal(text, "{\"empty\":{},\"list\":[1,null],\"yes\":true}");
}

/* Every byte string comes out as JSON that a real parser accepts, and ASCII comes back unchanged. */
static void test_any_bytes(void **context)
{
	(void)context;
	for (int i = 0; i < 20000; i++) {
		char in[24], out[200];
		size_t length = (size_t)(rand() % (int)(sizeof(in) - 1));
		bool ascii = true;
		for (size_t j = 0; j < length; j++) {
			in[j] = (char)(1 + rand() % 255);
			ascii = ascii && (unsigned char)in[j] < 0x80;
		}
		in[length] = '\0';
		struct json json;
		json_start(&json, out, sizeof(out));
		json_text(&json, NULL, in);
		assert_true(json_finish(&json) > 0);
		cJSON *parsed = cJSON_Parse(out);
		assert_non_null(parsed);
		if (ascii)
			assert_string_equal(cJSON_GetStringValue(parsed), in);
		cJSON_Delete(parsed);
	}
}

static void test_utf8(void **context)
{
	(void)context;
	char text[64];
	struct json json;
	json_start(&json, text, sizeof(text));
	json_text(&json, NULL, "\xc3\xa4\xf0\x9f\x8d\x93\xff\xed\xa0\x80");
	json_finish(&json);
	assert_string_equal(text, "\"\xc3\xa4\xf0\x9f\x8d\x93\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* At every size it either fits as a whole or says so; no byte is written outside. */
static void test_full(void **context)
{
	(void)context;
	for (size_t size = 3; size < 64; size++) {
		char *text = malloc(size); /* the sanitizer watches the end */
		struct json json;
		json_start(&json, text, size);
		json_object(&json, NULL);
		json_text(&json, "reason", "a\"b\\c\n");
		json_int(&json, "value", -12345);
		json_object_end(&json);
		int length = json_finish(&json);
		if (length < 0) {
			assert_int_equal(length, -ENOSPC);
			assert_string_equal(text, "");
		} else {
			assert_int_equal(length, strlen(text));
			assert_string_equal(text,
					    "{\"reason\":\"a\\\"b\\\\c\\u000a\",\"value\":-12345}");
		}
		free(text);
	}
}

static void test_text_copy(void **context)
{
	(void)context;
	char out[8];
	assert_false(text_copy(out, sizeof(out), "1234567"));
	assert_string_equal(out, "1234567");
	assert_true(text_copy(out, sizeof(out), "12345678"));
	assert_string_equal(out, "1234...");
	/* Never in the middle of a character. */
	assert_true(text_copy(out, sizeof(out), "123\xc3\xa4xyz"));
	assert_string_equal(out, "123...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals),  cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_full),	  cmocka_unit_test(test_text_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
