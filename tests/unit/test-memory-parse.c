/* SPDX-License-Identifier: MIT */
/*
 * The parsers of the kernel's files about memory: what is right gives exact numbers, what is cut off,
 * twice there or too large gives none, and then leaves the outputs alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/memory_parse.h"
#include "memory-texts.h"

/* Wherever the text is cut, the numbers are the right ones or none. */
static void test_meminfo_cut_anywhere(void **state)
{
	int64_t whole[MEMORY_FIELDS];

	(void)state;
	assert_int_equal(memory_parse_meminfo(MEMINFO, whole), 0);
	assert_int_equal(whole[MEMORY_SWAP_TOTAL], 524284 * KIB);
	for (size_t length = 0; length < strlen(MEMINFO); length++) {
		char *text = strndup(MEMINFO, length);
		int64_t values[MEMORY_FIELDS] = {-7, -7};

		assert_non_null(text);
		assert_int_equal(memory_parse_meminfo(text, values), -EBADMSG);
		assert_int_equal(values[0], -7);
		free(text);
	}
}

static void test_swaps_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		struct memory_swaps swaps;
	} rows[] = {
		{SWAPS_HEADING, 0, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING SWAP_FILE, 0, {SWAP_DISK, 524284 * KIB, 1000 * KIB}},
		{SWAPS_HEADING SWAP_ZRAM0, 0, {SWAP_ZRAM, 2097136 * KIB, 500 * KIB}},
		{SWAPS_HEADING SWAP_ZRAM0 SWAP_FILE,
		 0,
		 {SWAP_MIXED, (2097136 + 524284) * KIB, 1500 * KIB}},
		{SWAPS_HEADING "/dev/zram0 partition 8 1 5\n/dev/zram12 partition 8 2 5\n",
		 0,
		 {SWAP_ZRAM, 16 * KIB, 3 * KIB}},
		{SWAPS_HEADING "/mnt/zram0 file 8 1 5\n", 0, {SWAP_DISK, 8 * KIB, 1 * KIB}},
		{SWAPS_HEADING "/dev/zram file 8 1 5\n", 0, {SWAP_DISK, 8 * KIB, 1 * KIB}},
		{SWAPS_HEADING "/dev/zram0x file 8 1 5\n", 0, {SWAP_DISK, 8 * KIB, 1 * KIB}},
		{SWAPS_HEADING "/var/swap\\040file\\040(deleted) file 8 1 5\n",
		 0,
		 {SWAP_DISK, 8 * KIB, 1 * KIB}},
		{"", -EBADMSG, {SWAP_NONE, 0, 0}},
		{"Filename", -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAP_FILE, -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "/var/swap file 8", -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "/var/swap file 8\n", -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "/var/swap file 8 9 5\n", -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "/var/swap file 8k 1 5\n", -EBADMSG, {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "/var/swap file 9223372036854775807 1 5\n",
		 -EBADMSG,
		 {SWAP_NONE, 0, 0}},
		{SWAPS_HEADING "\n", -EBADMSG, {SWAP_NONE, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory_swaps swaps = {SWAP_NONE, 0, 0};

		assert_int_equal(memory_parse_swaps(rows[i].text, &swaps), rows[i].result);
		assert_int_equal(swaps.kind, rows[i].swaps.kind);
		assert_int_equal(swaps.total_bytes, rows[i].swaps.total_bytes);
		assert_int_equal(swaps.used_bytes, rows[i].swaps.used_bytes);
	}
}

static void test_pressure_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
		"some avg10=0.00 total=1\nfull avg10=0.00 total=2",
		"some avg10=0.00 total=1\nsome avg10=0.00 total=2\n",
		"some avg10=0.00 total=1x\nfull avg10=0.00 total=2\n",
		"some avg10=0.00 total=\nfull avg10=0.00 total=2\n",
		"some avg10=0.00\nfull avg10=0.00 total=2\n",
		"some avg10=0.00 total=1 2\nfull avg10=0.00 total=2\n",
		"some avg10=0.00 total=99999999999999999999\nfull avg10=0.00 total=2\n",
		"others total=1\nfull total=2\n",
		"some total=1\n\nfull total=2\n",
	};
	int64_t some = -7;
	int64_t full = -7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(memory_parse_pressure(bad[i], &some, &full), -EBADMSG);
	assert_int_equal(some, -7);
	assert_int_equal(full, -7);
	assert_int_equal(memory_parse_pressure("full avg10=1.00 total=2\nsome avg10=1.00 total=3\n",
					       &some, &full),
			 0);
	assert_int_equal(some, 3);
	assert_int_equal(full, 2);
}

static void test_zoneinfo_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"nothing\n",
		"        high     5\n",
		"Node 0, zone   Normal\n",
		"Node 0, zone   Normal\n  high 5\n  managed 5\n",
		ZONE(5, 100, "(0, 1)") "Node 0, zone   Movable\n  high 5\n",
		ZONE(5, 100, "(0, 1)") "Node 0, zone   Mova",
		ZONE(5, 100, "0, 1)"),
		ZONE(5, 100, "(0, 1"),
		ZONE(5, 100, "(0, )"),
		ZONE(5, 100, "()"),
		ZONE(5, 100, "(0)") ZONE(x, 100, "(0)"),
		ZONE(5, 100, "(0)") ZONE(5, , "(0)"),
		ZONE(9223372036854775807, 9223372036854775807, "(0, 1)"),
		ZONE(9223372036854775807, 9223372036854775807, "(0)"),
		ZONE(5, 100, "(0)\n        high     5"),
	};
	int64_t bytes = -7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(memory_parse_zoneinfo(bad[i], 4096, &bytes), -EBADMSG);
	assert_int_equal(bytes, -7);
	assert_int_equal(memory_parse_zoneinfo(ZONE(5, 100, "(0, 7, 3, 3)") ZONE(6, 100, "(0)"),
					       4096, &bytes),
			 0);
	assert_int_equal(bytes, (5 + 7 + 6) * 4096);
	/* A reserve that is larger than its zone is as large as the zone. */
	assert_int_equal(
		memory_parse_zoneinfo(ZONE(92, 3840, "(0, 3017, 4041, 4041)"), 4096, &bytes), 0);
	assert_int_equal(bytes, 3840 * 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meminfo_cut_anywhere),
		cmocka_unit_test(test_swaps_parse),
		cmocka_unit_test(test_pressure_parse),
		cmocka_unit_test(test_zoneinfo_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
