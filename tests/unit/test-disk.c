/* SPDX-License-Identifier: MIT */
/* The parsers behind the SD card collector: block statistics and lines of mountinfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/units.h"
#include "collectors/disk.h"
#include "collectors/disk_window.h"

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
	assert_int_equal(stat.queue_ms, 28745);
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

static const struct disk_mount *mounted(const char *fields)
{
	static struct disk_mount mount;
	char line[320];

	snprintf(line, sizeof(line), "22 1 179:2 / / %s", fields);
	assert_int_equal(disk_mount_parse(line, &mount), 0);
	return &mount;
}

static void tells_read_only(void **state)
{
	(void)state;

	/* Of this mount alone: the agent's own view under systemd. */
	assert_false(mounted("ro,noatime - ext4 /dev/root rw")->read_only);
	assert_true(mounted("rw,noatime - ext4 /dev/root ro")->read_only);
	assert_false(mounted("rw - ext4 /dev/root ro")->stopped);
	assert_true(mounted("rw shared:1 - ext4 /dev/root rw,emergency_ro,stripe=4")->read_only);
	assert_true(mounted("rw - ext4 /dev/root rw,emergency_ro")->stopped);
	assert_true(mounted("rw - ext4 /dev/root rw,shutdown\n")->stopped);
	assert_true(mounted("rw - ext4 /dev/root rw,errors=remount-ro")->error_stops);
	assert_false(mounted("rw - ext4 /dev/root rw,errors=remount-ro")->read_only);
	/* Words that contain ours, a source with that name, no options at all. */
	assert_false(
		mounted("rw - overlay ro rw,lowerdir=/ro,upperdir=ro,prod,erosion")->read_only);
	assert_false(mounted("rw - ext4 ro")->read_only);
	assert_false(mounted("rw - ext4 ro ,,")->read_only);

	assert_true(disk_mount_is_nfs(mounted("rw - nfs4 server:/pi rw")));
	assert_true(disk_mount_is_nfs(mounted("rw - nfs server:/pi rw")));
	assert_false(disk_mount_is_nfs(mounted("rw - nfsd nfsd rw")));
}

static void tells_the_lower_directory(void **state)
{
	char line[256];
	(void)state;

	assert_string_equal(
		mounted("rw - overlay overlay rw,lowerdir=/a\\040b:/c,upperdir=/d")->lower,
		"/a\\040b");
	assert_string_equal(mounted("rw - overlay o rw,lowerdir+=/a,lowerdir+=/b")->lower, "/a");
	assert_string_equal(mounted("rw - overlay o lowerdir=/a")->lower, "/a");
	assert_string_equal(mounted("rw - overlay o lowerdir=")->lower, "");
	assert_string_equal(mounted("rw - overlay o rw,upperdir=/lowerdir=/a")->lower, "");
	assert_string_equal(mounted("rw - overlay o ,,")->lower, "");
	assert_string_equal(mounted("rw - ext4 /dev/root rw,lowerdir=/a")->lower, "");
	assert_string_equal(mounted("rw - overlay o lowerdirs=/a,lowerdir")->lower, "");
	snprintf(line, sizeof(line), "rw - overlay o rw,lowerdir+=/%0127d,lowerdir+=/b", 0);
	assert_string_equal(mounted(line)->lower, "");
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
	assert_int_equal(disk_stat_step_bytes(1024, 4096), 3072);
	assert_int_equal(disk_stat_step_bytes(INT64_C(4294967295) * 512, 1024), 3 * 512);
	assert_int_equal(disk_stat_step_bytes(1024, 512), -1);
}

static void tells_busy_time(void **state)
{
	struct disk_stat before = {.reads = 5, .queue_ms = UINT32_MAX}, after = before;
	(void)state;

	assert_int_equal(disk_stat_busy_ns(&before, &after, NS_PER_S), 0);
	after.in_flight = 1; /* nothing finished and something waits */
	assert_int_equal(disk_stat_busy_ns(&before, &after, NS_PER_S), NS_PER_S);
	after.reads = 6; /* took 301 ms, over a wrap; another one waits */
	after.queue_ms = 300;
	assert_int_equal(disk_stat_busy_ns(&before, &after, NS_PER_S), 301 * NS_PER_MS);
	after.queue_ms = 5000; /* several at a time */
	assert_int_equal(disk_stat_busy_ns(&before, &after, NS_PER_S), NS_PER_S);
	after = before;
	after.flushes = 1;
	assert_true(disk_stat_finished(&before, &after));
}

/* A point each second: the way is that of the window, or of all there is while that is less. */
static void window_covers_its_span(void **state)
{
	struct disk_window window = {0};
	struct disk_point point = {0}, way;
	(void)state;

	assert_false(disk_window_take(&window, 10 * NS_PER_S, &point, &way));
	for (int second = 1; second < 1000; second++) {
		point.at_ns += NS_PER_S;
		point.writes += 2;
		point.write_ms = (point.write_ms + 100000000) & UINT32_MAX;
		point.write_bytes += 512;
		assert_true(disk_window_take(&window, 10 * NS_PER_S, &point, &way));
		int64_t seconds = second < 10 ? second : 10;
		assert_int_equal(way.at_ns, seconds * NS_PER_S);
		assert_int_equal(way.writes, 2 * seconds);
		assert_int_equal(way.write_ms, 100000000 * seconds);
		assert_int_equal(way.write_bytes, 512 * seconds);
	}
	/* The counters begin anew. */
	point = (struct disk_point){.at_ns = point.at_ns + NS_PER_S};
	assert_false(disk_window_take(&window, 10 * NS_PER_S, &point, &way));
	point.at_ns += NS_PER_S;
	assert_true(disk_window_take(&window, 10 * NS_PER_S, &point, &way));
	assert_int_equal(way.at_ns, NS_PER_S);
}

/* At any pace the window is at most a twelfth too long, unless two readings are further apart. */
static void window_at_any_pace(void **state)
{
	struct disk_window window = {0};
	struct disk_point point = {0}, way;
	unsigned seed = 1;
	(void)state;

	assert_false(disk_window_take(&window, 1200, &point, &way));
	for (int i = 0; i < 20000; i++) {
		int64_t step = 1 + rand_r(&seed) % (i % 1000 < 500 ? 40 : 400);
		point.at_ns += step;
		assert_true(disk_window_take(&window, 1200, &point, &way));
		assert_true(way.at_ns <= point.at_ns);
		assert_true(way.at_ns >= 1200 || way.at_ns == point.at_ns);
		assert_true(way.at_ns < 1200 + 100 + 2 * 400);
		assert_true(window.count <= DISK_WINDOW_POINTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_stat),
		cmocka_unit_test(parses_mount),
		cmocka_unit_test(tells_read_only),
		cmocka_unit_test(tells_the_lower_directory),
		cmocka_unit_test(steps_over_wraps),
		cmocka_unit_test(tells_busy_time),
		cmocka_unit_test(window_covers_its_span),
		cmocka_unit_test(window_at_any_pace),
	};
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
