// SPDX-License-Identifier: MIT
/*
 * What must be the same on every architecture: times and files of 64 bits also where a word has 32,
 * numbers for the kernel, and what one process leaves for the next one. A Pi with 32 bits may run on
 * a kernel of 64, and its agent is built with another time_t than some of its libraries are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "agent/history_self.h"
#include "agent/memory_fs.h"
#include "agent/units.h"
#include "notifiers/mqtt_ring.h"
#include "notifiers/mqtt_slots_image.h"

/* With the flags of the Makefile; without one of them this file does not compile. */
_Static_assert(sizeof(time_t) == 8, "times end in 2038: -D_TIME_BITS=64");
_Static_assert(sizeof(off_t) == 8, "files end at 2 GiB: -D_FILE_OFFSET_BITS=64");
_Static_assert(sizeof(ino_t) == 8 && sizeof(((struct stat *)0)->st_ino) == 8,
	       "inodes have 64 bits");
_Static_assert(sizeof(((struct stat *)0)->st_size) == 8, "sizes have 64 bits");
_Static_assert(sizeof(((struct stat *)0)->st_mtim.tv_sec) == 8, "file times have 64 bits");
_Static_assert(sizeof(((struct statfs *)0)->f_blocks) == 8, "blocks have 64 bits");
_Static_assert(sizeof(((struct timeval *)0)->tv_sec) == 8, "timeval has 64 bits");
_Static_assert(sizeof(rlim_t) == 8, "limits have 64 bits");
_Static_assert(sizeof(long long) == 8 && sizeof(intmax_t) == 8, "numbers of /proc have 64 bits");
_Static_assert(sizeof(int) == 4 && sizeof(enum history_span) == 4, "-fshort-enums is not ours");

/* In a file or a page that the next process maps, be it of a package for the other word size. */
_Static_assert(sizeof(struct running) == 32 && sizeof(struct point) == 6, "the history's image");
_Static_assert(sizeof(struct slots_directory) == 24 &&
		       offsetof(struct slots_directory, number) == 16 &&
		       sizeof(struct slots_head) == 16 && offsetof(struct slots_head, first) == 8,
	       "the ring file");

/* 2100-01-01, behind the end of 32 bits with and without a sign (2038; 2106 is where that one ends). */
#define YEAR_2100 INT64_C(4102444800)
#define FAR_FILE (INT64_C(5) << 30)

static int open_scratch(char path[64])
{
	int fd;

	snprintf(path, 64, "/dev/shm/hostingpi-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0) {
		snprintf(path, 64, "/tmp/hostingpi-test-XXXXXX");
		fd = mkstemp(path);
	}
	assert_true(fd >= 0);
	return fd;
}

static void test_files_beyond_4_gib(void **context)
{
	char path[64], byte = 'x';
	struct stat st;
	int fd = open_scratch(path);

	(void)context;
	assert_int_equal(pwrite(fd, &byte, 1, FAR_FILE), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size == FAR_FILE + 1);
	assert_true(lseek(fd, 0, SEEK_END) == FAR_FILE + 1);
	byte = 0;
	assert_int_equal(pread(fd, &byte, 1, FAR_FILE), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(ftruncate(fd, FAR_FILE + 2), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size == FAR_FILE + 2);
	close(fd);
	unlink(path);
}

static void test_times_after_2038(void **context)
{
	const struct timespec later[2] = {{.tv_sec = YEAR_2100}, {.tv_sec = YEAR_2100}};
	const time_t far = YEAR_2100;
	char path[64], text[32];
	struct stat st;
	struct tm tm;
	int fd = open_scratch(path);

	(void)context;
	/* Through a descriptor and through a name: other calls of the kernel. */
	assert_int_equal(futimens(fd, later), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_mtim.tv_sec == YEAR_2100);
	assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_atim.tv_sec == YEAR_2100);
	close(fd);
	unlink(path);
	assert_non_null(gmtime_r(&far, &tm));
	assert_true(strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
	assert_string_equal(text, "2100-01-01T00:00:00Z");
	assert_true(timegm(&tm) == far);
}

static void test_clocks(void **context)
{
	const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
	struct timespec now, again;

	(void)context;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		assert_int_equal(clock_gettime(clocks[i], &now), 0);
		assert_int_equal(clock_gettime(clocks[i], &again), 0);
		/* The upper halves of the seconds and of the nanoseconds are filled in. */
		assert_in_range(now.tv_nsec, 0, 999999999);
		assert_true(now.tv_sec >= 0 && now.tv_sec < YEAR_2100);
		if (clocks[i] != CLOCK_REALTIME)
			assert_true(again.tv_sec > now.tv_sec ||
				    (again.tv_sec == now.tv_sec && again.tv_nsec >= now.tv_nsec));
	}
}

static void test_socket_time_limit(void **context)
{
	struct timeval limit = {.tv_sec = 12, .tv_usec = 500000}, got = {0};
	socklen_t size = sizeof(got);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)context;
	if (fd < 0)
		skip(); /* no IPv6 in this kernel */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &size), 0);
	assert_true(got.tv_sec == 12 && got.tv_usec == 500000);
	close(fd);
}

/* EOVERFLOW is what a call for 32 bits says to an inode, a cookie or a file system that is larger. */
static void test_folders_and_file_systems(void **context)
{
	static const char *const folders[] = {"/", "/etc", "/proc", "/sys", "/dev", "/run"};

	(void)context;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		struct statfs fs;
		struct stat st;
		DIR *dir = opendir(folders[i]);
		int count = 0;

		if (!dir)
			continue;
		assert_int_equal(statfs(folders[i], &fs), 0);
		assert_int_equal(stat(folders[i], &st), 0);
		errno = 0;
		while (readdir(dir))
			count++;
		assert_int_equal(errno, 0);
		assert_true(count >= 2);
		closedir(dir);
	}
}

static void test_memory_file_systems(void **context)
{
	struct statfs fs = {.f_type = TMPFS_MAGIC};

	(void)context;
	assert_true(memory_fs_is(&fs));
	/* Larger than an int, which the type is on 32 bits. */
	memset(&fs.f_type, 0, sizeof(fs.f_type));
	memcpy(&fs.f_type, &(uint32_t){RAMFS_MAGIC}, sizeof(uint32_t));
	assert_true(memory_fs_is(&fs));
	fs.f_type = EXT4_SUPER_MAGIC;
	assert_false(memory_fs_is(&fs));
}

/* drivers/char/broadcom/vcio.c: IOCTL_MBOX_PROPERTY, and the one that its compat entry takes. */
static void test_firmware_request(void **context)
{
	unsigned long expected = sizeof(void *) == 4 ? 0xc0046400 : 0xc0086400;

	(void)context;
	assert_true(_IOWR(100, 0, char *) == expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_beyond_4_gib),
		cmocka_unit_test(test_times_after_2038),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_socket_time_limit),
		cmocka_unit_test(test_folders_and_file_systems),
		cmocka_unit_test(test_memory_file_systems),
		cmocka_unit_test(test_firmware_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
