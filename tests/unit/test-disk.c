/* SPDX-License-Identifier: MIT */
/* The parsers behind the SD card collector: block statistics and lines of mountinfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/disk.h"

static void parses_stat(void **state)
{
	struct disk_stat stat;
	(void)state;

	/* 17 fields, Linux 6.18 */
	assert_int_equal(disk_stat_parse("   29768     7095  2687306    27052     7365     6382   "
					 "279344     1392        2    17784    28745     4413     "
					 "  49   113176      262     1402       37\n",
					 &stat),
			 0);
	assert_int_equal(stat.reads, 29768);
	assert_int_equal(stat.writes, 7365);
	assert_int_equal(stat.write_bytes, 279344 * 512);
	assert_int_equal(stat.write_ms, 1392);
	assert_int_equal(stat.in_flight, 2);
	assert_int_equal(stat.discards, 4413);
	assert_int_equal(stat.flushes, 1402);

	/* 15 fields (4.18 to 5.4), 11 fields (before), more than we know */
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n", &stat), 0);
	assert_int_equal(stat.discards, 12);
	assert_int_equal(stat.flushes, 0);
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 7 8 9 10 11", &stat), 0);
	assert_int_equal(stat.discards, 0);
	assert_int_equal(
		disk_stat_parse("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n", &stat), 0);
	assert_int_equal(stat.flushes, 16);

	stat.reads = 42;
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 7 8 9 10", &stat), -EINVAL);
	assert_int_equal(disk_stat_parse("", &stat), -EINVAL);
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 7 8 -9 10 11", &stat), -EINVAL);
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 7 8 9x 10 11", &stat), -EINVAL);
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 99999999999999999999 8 9 10 11", &stat),
			 -ERANGE);
	assert_int_equal(disk_stat_parse("1 2 3 4 5 6 9000000000000000000 8 9 10 11", &stat),
			 -ERANGE);
	assert_int_equal(stat.reads, 42); /* untouched on failure */
}

static void parses_mount(void **state)
{
	struct disk_mount mount;
	(void)state;

	assert_int_equal(disk_mount_parse("22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw",
					  &mount),
			 0);
	assert_int_equal(mount.major, 179);
	assert_int_equal(mount.minor, 2);
	assert_string_equal(mount.type, "ext4");
	assert_string_equal(mount.source, "/dev/root");
	assert_int_equal(disk_mount_parse("2 1 8:1 /sub / rw shared:1 master:2 unbindable - xfs "
					  "/dev/sda1 rw",
					  &mount),
			 0);
	assert_string_equal(mount.source, "/dev/sda1");
	assert_int_equal(disk_mount_parse("3 1 0:21 / /proc rw - proc proc rw", &mount),
			 DISK_OTHER);
	assert_int_equal(disk_mount_parse("3 1 0:21 / /", &mount), DISK_OTHER);
	assert_int_equal(disk_mount_parse("3 1 0:21 / / rw", &mount), -EINVAL);
	assert_int_equal(disk_mount_parse("3 1 0:21 / / rw - ", &mount), -EINVAL);
	assert_int_equal(disk_mount_parse("3 1 0-21 / / rw - ext4 /dev/root rw", &mount), -EINVAL);
	assert_int_equal(disk_mount_parse("3 1", &mount), -EINVAL);
	assert_int_equal(disk_mount_parse("", &mount), -EINVAL);
}

static void steps_over_wraps(void **state)
{
	(void)state;

	assert_int_equal(disk_stat_step(5, 5), 0);
	assert_int_equal(disk_stat_step(5, 9), 4);
	assert_int_equal(disk_stat_step(INT64_C(4294967295), 3), 4);
	assert_int_equal(disk_stat_step(1000, 3), -1);		      /* a reset */
	assert_int_equal(disk_stat_step(INT64_C(4294967296), 3), -1); /* a 64-bit kernel */
	assert_int_equal(disk_stat_step_ms(INT64_C(4294967295), 3), 4);
	assert_int_equal(disk_stat_step_ms(3, 5), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_stat),
		cmocka_unit_test(parses_mount),
		cmocka_unit_test(steps_over_wraps),
	};
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
