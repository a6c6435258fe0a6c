/* SPDX-License-Identifier: MIT */
/*
 * The parsers of the kernel's files about memory: what is right gives exact numbers, what is cut off,
 * twice there or too large gives none, and then leaves the outputs alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	uint64_t found = 0;

	(void)state;
	assert_int_equal(memory_parse_meminfo(MEMINFO, whole, &found), 0);
	assert_int_equal(whole[MEMORY_SWAP_TOTAL], 524284 * KIB);
	assert_int_equal(whole[MEMORY_ANON], 355692 * KIB);
	assert_int_equal(found, (1 << MEMORY_FIELDS) - 1);
	for (size_t length = 0; length < strlen(MEMINFO); length++) {
		char *text = strndup(MEMINFO, length);
		int64_t values[MEMORY_FIELDS] = {-7, -7};

		assert_non_null(text);
		found = 77;
		assert_int_equal(memory_parse_meminfo(text, values, &found), -EBADMSG);
		assert_int_equal(values[0], -7);
		assert_int_equal(found, 77);
		free(text);
	}
}

static void test_swaps_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		struct {
			enum swap_kind kind;
			int64_t total_bytes, used_bytes;
		} swaps;
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
		struct memory_swaps swaps = {.kind = SWAP_NONE};

		assert_int_equal(memory_parse_swaps(rows[i].text, &swaps), rows[i].result);
		assert_int_equal(swaps.kind, rows[i].swaps.kind);
		assert_int_equal(swaps.total_bytes, rows[i].swaps.total_bytes);
		assert_int_equal(swaps.used_bytes, rows[i].swaps.used_bytes);
	}
}

static void test_swaps_zrams(void **state)
{
	static const struct {
		const char *text;
		enum swap_kind kind;
		unsigned count;
		int zrams[3];
	} rows[] = {
		{SWAPS_HEADING SWAP_FILE, SWAP_DISK, 0, {0}},
		{SWAPS_HEADING SWAP_ZRAM0 SWAP_FILE, SWAP_MIXED, 1, {0}},
		{SWAPS_HEADING SWAP_FILE "/dev/zram12 partition 8 2 5\n" SWAP_ZRAM0,
		 SWAP_MIXED,
		 2,
		 {12, 0}},
		/* The node was removed, the device works on. */
		{SWAPS_HEADING "/dev/zram3\\040(deleted) partition 8 2 5\n", SWAP_ZRAM, 1, {3}},
		{SWAPS_HEADING "/dev/zram\\040(deleted) partition 8 2 5\n", SWAP_DISK, 0, {0}},
		{SWAPS_HEADING "\\040(deleted) partition 8 2 5\n", SWAP_DISK, 0, {0}},
		{SWAPS_HEADING "/dev/zram2147483647 partition 8 2 5\n", SWAP_ZRAM, 1, {INT32_MAX}},
		{SWAPS_HEADING "/dev/zram2147483648 partition 8 2 5\n", SWAP_DISK, 0, {0}},
		{SWAPS_HEADING "/dev/zram99999999999999999999 partition 8 2 5\n",
		 SWAP_DISK,
		 0,
		 {0}},
	};
	char many[4096] = SWAPS_HEADING;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory_swaps swaps;

		assert_int_equal(memory_parse_swaps(rows[i].text, &swaps), 0);
		assert_int_equal(swaps.kind, rows[i].kind);
		assert_int_equal(swaps.zram_count, rows[i].count);
		for (unsigned j = 0; j < swaps.zram_count; j++)
			assert_int_equal(swaps.zrams[j], rows[i].zrams[j]);
	}
	for (int i = 0; i < MEMORY_SWAP_AREAS; i++)
		sprintf(many + strlen(many), "/dev/zram%d partition 8 1 5\n", i);

	struct memory_swaps swaps;

	assert_int_equal(memory_parse_swaps(many, &swaps), 0);
	assert_int_equal(swaps.zram_count, MEMORY_SWAP_AREAS);
	strcat(many, "/dev/zram99 partition 8 1 5\n");
	assert_int_equal(memory_parse_swaps(many, &swaps), -EBADMSG);
}

static void test_zram_backing_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"1 2 3",
		"1 2\n",
		"1 2 3 4\n", /* a vendor's kernel with other numbers in other places */
		"1 2 3\n4 5 6\n",
		"1 2 x\n",
		"1 2 -3\n",
		"1 2 9223372036854775807\n",
		"9223372036854775807 2 3\n",
	};
	int64_t written = -7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(memory_parse_zram_backing(bad[i], &written), -EBADMSG);
	assert_int_equal(written, -7);
	assert_int_equal(memory_parse_zram_backing("      10        2       13\n", &written), 0);
	assert_int_equal(written, 13 * 4096);
}

static void test_vmstat_stalls(void **state)
{
	static const struct {
		const char *text;
		int64_t stalls; /* -1: unknown */
	} rows[] = {
		{"allocstall 5\n", 5},
		{"allocstall_dma 1\nallocstall_normal 2\nallocstall_movable 4\n", 7},
		{"allocstall_normal 2\nallocstall_high 8\nallocstall_movable 4\n", 14},
		{"allocstall_dma32 16\nallocstall_device 32\n", 48},
		{"allocstall_none 1\nallocstalls 2\n", -1},
		{"allocstall_dma 9223372036854775807\nallocstall_normal 1\n", -1},
		{"allocstall_dma x\n", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t values[MEMORY_COUNTERS] = {0};
		uint64_t found;

		values[MEMORY_ALLOC_STALLS] = -1;
		memory_parse_vmstat(rows[i].text, 4096, values, &found);
		assert_int_equal(values[MEMORY_ALLOC_STALLS], rows[i].stalls);
		assert_int_equal(found, rows[i].stalls < 0 ? 0 : 1 << MEMORY_ALLOC_STALLS);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meminfo_cut_anywhere), cmocka_unit_test(test_swaps_parse),
		cmocka_unit_test(test_pressure_parse),	     cmocka_unit_test(test_swaps_zrams),
		cmocka_unit_test(test_zram_backing_parse),   cmocka_unit_test(test_vmstat_stalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
