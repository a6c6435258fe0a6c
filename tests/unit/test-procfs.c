/* SPDX-License-Identifier: MIT */
/* Kernel file reading: strict numbers, anchored keys, sizes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/procfs.h"

static int file_with(const char *bytes, size_t length)
{
	char path[] = "/tmp/hostingpi-procfs-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, bytes, length), length);
	return fd;
}

static void test_numbers(void **context)
{
	(void)context;
	const char *end;
	int64_t value = 5;
	assert_int_equal(procfs_number("123 kB", &end, &value), 0);
	assert_int_equal(value, 123);
	assert_string_equal(end, " kB");
	assert_int_equal(procfs_number("9223372036854775807", &end, &value), 0);
	assert_int_equal(value, INT64_MAX);
	value = 5;
	assert_int_equal(procfs_number("9223372036854775808", &end, &value), -ERANGE);
	assert_int_equal(procfs_number("", &end, &value), -EINVAL);
	assert_int_equal(procfs_number(" 1", &end, &value), -EINVAL);
	assert_int_equal(procfs_number("-1", &end, &value), -EINVAL);
	assert_int_equal(value, 5);

	assert_int_equal(procfs_integer("-42\n", &value), 0);
	assert_int_equal(value, -42);
	assert_int_equal(procfs_integer("42 ", &value), -EINVAL);
	assert_int_equal(procfs_integer("--1", &value), -EINVAL);
}

static void test_table(void **context)
{
	(void)context;
	static const struct procfs_key keys[] = {
		{"MemFree:", 1024}, {"Cached:", 1024}, {"pswpout", 1},	{"pswp", 1},
		{"twice", 1},	    {"bad:", 1},       {"huge:", 1024}, {"cut:", 1},
	};
	static const char text[] = "MemFree:     100 kB\nSwapCached:  7 kB\nCached: 9 kB\n"
				   "pswpout 3\ntwice 1\ntwice 2\nbad: 1 MB\n"
				   "huge: 9223372036854775807 kB\ncut: 12";
	int64_t values[8] = {0};
	uint64_t found;
	procfs_table(text, keys, 8, values, &found);
	assert_int_equal(found, 0x7); /* the first three and nothing else */
	assert_int_equal(values[0], 102400);
	assert_int_equal(values[1], 9 * 1024); /* not that of SwapCached */
	assert_int_equal(values[2], 3);
}

static void test_sizes(void **context)
{
	(void)context;
	char buffer[64];
	char big[64];
	memset(big, 'x', sizeof(big));

	int fd = file_with("", 0);
	assert_int_equal(procfs_read(fd, buffer, sizeof(buffer)), -ENODATA);
	close(fd);
	fd = file_with(big, 63); /* one byte stays for the end */
	assert_int_equal(procfs_read(fd, buffer, sizeof(buffer)), 63);
	assert_int_equal(procfs_read(fd, buffer, sizeof(buffer)), 63); /* again from the start */
	close(fd);
	fd = file_with(big, 64);
	assert_int_equal(procfs_read(fd, buffer, sizeof(buffer)), -EFBIG);
	close(fd);
}

static void test_real_files(void **context)
{
	(void)context;
	char buffer[65536], line[128];
	int root = open("/", O_RDONLY | O_DIRECTORY);
	int fd = procfs_open(root, "proc/zoneinfo");
	if (fd >= 0) {
		/* Comes in several pieces: the last zone must be there. */
		assert_true(procfs_read(fd, buffer, sizeof(buffer)) > 0);
		assert_non_null(strstr(buffer, "Movable"));
		close(fd);
	}
	assert_true(procfs_read_line(root, "proc/sys/kernel/osrelease", line, sizeof(line)) > 0);
	assert_null(strchr(line, '\n'));
	assert_int_equal(procfs_open(root, "proc/no-such-file"), -ENOENT);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_real_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
