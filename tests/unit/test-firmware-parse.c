/* SPDX-License-Identifier: MIT */
/* What the firmware says, right, cut off at every byte, twice, and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/firmware_parse.h"

#include "firmware-texts.h"

static void test_throttled(void **state)
{
	static const struct {
		const char *text;
		int64_t bits; /* -1: refused */
	} rows[] = {
		{"throttled=0x0", 0},
		{"throttled=0x50000\n", 0x50000},
		{"throttled=0xE0008\r\n", 0xe0008},
		{"throttled=0xffffffff", 0xffffffff},
		{"", -1},
		{"throttled=", -1},
		{"throttled=0x", -1},
		{"throttled=50000", -1},
		{"throttled=0x100000000", -1},
		{"throttled=0x5000g", -1},
		{"throttled=0x50000 0x1", -1},
		{"throttled=0x50000\nx", -1},
		{"throttled=-0x1", -1},
		{" throttled=0x0", -1},
		{"Throttled=0x0", -1},
		{"volt=5.1V", -1},
		{UNKNOWN_COMMAND, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t bits = 0x12345678;
		int r = firmware_throttled_parse(rows[i].text, &bits);

		assert_int_equal(r, rows[i].bits < 0 ? -EINVAL : 0);
		assert_int_equal(bits, rows[i].bits < 0 ? 0x12345678 : rows[i].bits);
	}
}

static void test_rails(void **state)
{
	struct firmware_rails rails;

	(void)state;
	assert_int_equal(firmware_rails_parse(RAILS, &rails), 0);
	assert_int_equal(rails.supply_mv, 5114);
	assert_int_equal(rails.count, 12);
	/* 370 + 165 + 207 + 8 + 194 + 264 + 1200 + 4 + 4 + 3 + 86 milliwatts. */
	assert_in_range(rails.power_mw, 2500, 2515);
}

/* A number that lost its last digits is no smaller number. */
static void test_rails_cut_off(void **state)
{
	const size_t length = strlen(RAILS);
	const size_t supply = (size_t)(strstr(RAILS, "EXT5V") - RAILS);
	const size_t end = supply + strlen("EXT5V_V volt(24)=5.11478000V");

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		char *text = strndup(RAILS, cut);
		struct firmware_rails rails = {.supply_mv = -7};
		int r = firmware_rails_parse(text, &rails);

		assert_int_equal(r, cut < end ? -EINVAL : 0);
		assert_int_equal(rails.supply_mv, cut < end ? -7 : 5114);
		free(text);
	}
}

static void test_rails_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		UNKNOWN_COMMAND,
		RAILS_BUT_SUPPLY,
		RAILS "EXT5V_V volt(24)=5.11478000V\n",
		RAILS "HDMI_A current(22)=0.01697190A\n",
		RAILS_WITH("-5.11478000"),
		RAILS_WITH("0.00000000"),
		RAILS_WITH("30.00000100"),
		RAILS_WITH("99999999999999999999"),
		RAILS_WITH("5,11"),
		RAILS_WITH(""),
		"EXT5V_V volt(24)=5.1\n",
		"EXT5V_V volt(24)=5.1A\n",
		"EXT5V_V volt(24)=5.1V V\n",
		"EXT5V_V volt()=5.1V\n",
		"EXT5V_V volt(24) = 5.1V\n",
		"EXT5V_V current(24)=5.1V\n",
		"EXT5V_A current(24)=5.1A\n",
		"EXT5V volt(24)=5.1V\n",
		"_V volt(24)=5.1V\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct firmware_rails rails = {.count = 77};

		assert_int_equal(firmware_rails_parse(texts[i], &rails), -EINVAL);
		assert_int_equal(rails.count, 77);
	}
}

/* Lines that newer firmware may add, numbers without a fraction, more digits than are used. */
static void test_rails_others(void **state)
{
	static const char text[] = "PMIC_T temp(30)=41.2C\n"
				   "a_line_that_is_longer_than_any_line_of_the_table_"
				   "a_line_that_is_longer_than_any_line_of_the_table V volt(1)=1V\n"
				   "A_V volt(1)=2V\nA_A current(1)=3.A\r\n"
				   "\tEXT5V_V  volt(24)=4.99999999999999999999999V";
	struct firmware_rails rails;

	(void)state;
	assert_int_equal(firmware_rails_parse(text, &rails), 0);
	assert_int_equal(rails.supply_mv, 4999);
	assert_int_equal(rails.power_mw, 6000);
	assert_int_equal(rails.count, 1);
}

/* More rails than there is room for are not simply left out of the sum. */
static void test_rails_too_many(void **state)
{
	char text[2048] = "EXT5V_V volt(24)=5.1V\n";
	struct firmware_rails rails;

	(void)state;
	for (int i = 0; i < 23; i++)
		sprintf(text + strlen(text), "R%d_V volt(%d)=1V\n", i, i);
	assert_int_equal(firmware_rails_parse(text, &rails), 0);
	strcat(text, "R23_V volt(23)=1V\n");
	assert_int_equal(firmware_rails_parse(text, &rails), -EINVAL);
}

static void test_version(void **state)
{
	static const struct {
		const char *text, *version; /* NULL: refused */
	} rows[] = {
		{VERSION, VERSION_SHORT},
		{"2024/09/23 14:02:56 \nCopyright\nversion 26826259 (release) (embedded)\n",
		 "2024/09/23 14:02:56 26826259"},
		{"d\nversion h", "d h"},
		{"d\033[2J\nversion h\001", "d?[2J h?"},
		{"", NULL},
		{"\nversion h", NULL},
		{"  \nversion h", NULL},
		{"d\nversion ", NULL},
		{"d\nversion \n", NULL},
		{"version h", NULL},
		{"d\n version h", NULL},
		{UNKNOWN_COMMAND, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char version[96] = "before";
		int r = firmware_version_parse(rows[i].text, version, sizeof(version));

		assert_int_equal(r, rows[i].version ? 0 : -EINVAL);
		assert_string_equal(version, rows[i].version ? rows[i].version : "before");
	}

	char small[sizeof(VERSION_SHORT)] = "before";
	assert_int_equal(firmware_version_parse(VERSION, small, sizeof(small) - 1), -EINVAL);
	assert_string_equal(small, "before");
	assert_int_equal(firmware_version_parse(VERSION, small, sizeof(small)), 0);
	assert_string_equal(small, VERSION_SHORT);
}

static void test_word(void **state)
{
	uint32_t word = 7;

	(void)state;
	assert_int_equal(firmware_word("\0\0\x13\x88", 4, &word), 0);
	assert_int_equal(word, 5000);
	assert_int_equal(firmware_word("\xff\xfe\xfd\xfc", 4, &word), 0);
	assert_int_equal(word, 0xfffefdfc);
	for (size_t length = 0; length < 9; length++)
		if (length != 4)
			assert_int_equal(firmware_word("\0\0\0\0\0\0\0\0", length, &word), -EINVAL);
	assert_int_equal(word, 0xfffefdfc);
}

static void test_reset(void **state)
{
	static const struct {
		uint32_t word;
		const char *text;
	} rows[] = {
		{0, "none"},
		{1, "overvoltage"},
		{2, "undervoltage"},
		{4, "overheat"},
		{8, "enable"},
		{16, "watchdog"},
		{6, "undervoltage,overheat"},
		{0x20, "0x20"},
		{0x40000002, "undervoltage,0x40000000"},
		{0xffffffff, "overvoltage,undervoltage,overheat,enable,watchdog,0xffffffe0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[FIRMWARE_RESET_SIZE];

		firmware_reset_text(rows[i].word, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throttled),     cmocka_unit_test(test_rails),
		cmocka_unit_test(test_rails_cut_off), cmocka_unit_test(test_rails_refused),
		cmocka_unit_test(test_rails_others),  cmocka_unit_test(test_rails_too_many),
		cmocka_unit_test(test_version),	      cmocka_unit_test(test_word),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
