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
	/* Through links: /proc/self, /proc/mounts and, with "..", what is below /sys/class. */
	assert_true(procfs_read_line(root, "proc/self/statm", line, sizeof(line)) > 0);
	assert_true(procfs_read_path(root, "proc/mounts", buffer, sizeof(buffer)) > 0);
	assert_true(procfs_read_line(root, "sys/class/net/lo/mtu", line, sizeof(line)) > 0);
	assert_int_equal(procfs_open(root, "proc/no-such-file"), -ENOENT);
	close(root);
}

/*
 * Files of the running kernel that do not change while they are read, shorter and longer than a page:
 * the read that is spared would have found nothing. A file that a kernel does not have is passed over,
 * but not all of them are.
 */
static void test_records_are_all_there(void **context)
{
	(void)context;
	static const struct {
		const char *path;
		size_t longest;
	} rows[] = {
		{"/proc/devices", 128},	     {"/proc/crypto", 1024}, {"/proc/misc", 128},
		{"/proc/self/limits", 4096}, {"/proc/iomem", 256},   {"/proc/filesystems", 4096},
	};
	static char whole[1 << 20], records[1 << 20];
	unsigned compared = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = procfs_open(AT_FDCWD, rows[i].path);
		if (fd < 0)
			continue;
		int length = procfs_read(fd, whole, sizeof(whole));
		assert_int_equal(procfs_read_records(fd, records, sizeof(records), rows[i].longest),
				 length);
		if (length > 0)
			assert_memory_equal(whole, records, (size_t)length + 1);
		close(fd);
		compared++;
	}
	assert_true(compared >= 2);
}

/* A plain file of any length, with one or more pages. */
static void test_records_sizes(void **context)
{
	(void)context;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t lengths[] = {1, page - 101, page - 100, page - 99, page, page + 1, 3 * page};
	char *text = malloc(4 * page);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(text, 'x', lengths[i]);
		int fd = file_with(text, lengths[i]);
		assert_int_equal(procfs_read_records(fd, text, 4 * page, 100), lengths[i]);
		assert_int_equal(strlen(text), lengths[i]);
		/* As before: what does not fit is not taken, and nothing is an error. */
		assert_int_equal(procfs_read_records(fd, text, lengths[i], 100), -EFBIG);
		close(fd);
	}
	int fd = file_with("", 0);
	assert_int_equal(procfs_read_records(fd, text, page, 100), -ENODATA);
	close(fd);
	free(text);
}

static void put_file(int folder_fd, const char *path, const char *text)
{
	int fd = openat(folder_fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Whatever a link in the tree says, it stays in the tree. */
static void test_links_stay_below_the_root(void **context)
{
	(void)context;
	char folder[] = "/tmp/hostingpi-procfs-XXXXXX", outside[] = "/tmp/hostingpi-other-XXXXXX";
	char line[64], secret[64];
	assert_non_null(mkdtemp(folder));
	assert_non_null(mkdtemp(outside));
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int other = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0 && other >= 0);
	put_file(other, "secret", "of this machine\n");
	assert_int_equal(mkdirat(root, "sys", 0700), 0);
	assert_int_equal(mkdirat(root, "tmp", 0700), 0);
	put_file(root, "sys/real", "of the tree\n");

	snprintf(secret, sizeof(secret), "%s/secret", outside);
	assert_int_equal(symlinkat(secret, root, "sys/escape"), 0);
	assert_int_equal(procfs_open(root, "sys/escape"), -ENOENT);
	snprintf(secret, sizeof(secret), "../..%s/secret", outside);
	assert_int_equal(symlinkat(secret, root, "sys/above"), 0);
	assert_int_equal(procfs_open(root, "sys/above"), -ENOENT);
	assert_int_equal(symlinkat(outside, root, "tmp/there"), 0);
	assert_int_equal(procfs_open(root, "tmp/there/secret"), -ENOENT);

	assert_int_equal(symlinkat("/sys/real", root, "tmp/absolute"), 0);
	assert_true(procfs_read_line(root, "tmp/absolute", line, sizeof(line)) > 0);
	assert_string_equal(line, "of the tree");
	/* An absolute path is not one of the tree. */
	assert_int_equal(procfs_open(root, "/sys/real"), -ENOENT);
	snprintf(secret, sizeof(secret), "%s/secret", outside);
	assert_true(procfs_read_line(root, secret, line, sizeof(line)) > 0);
	assert_string_equal(line, "of this machine");
	assert_int_equal(symlinkat("../sys/real", root, "tmp/relative"), 0);
	assert_true(procfs_read_line(root, "tmp/relative", line, sizeof(line)) > 0);
	assert_string_equal(line, "of the tree");

	static const char *const names[] = {"sys/escape",   "sys/above",    "sys/real",
					    "tmp/absolute", "tmp/relative", "tmp/there"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unlinkat(root, names[i], 0), 0);
	unlinkat(root, "sys", AT_REMOVEDIR);
	unlinkat(root, "tmp", AT_REMOVEDIR);
	unlinkat(other, "secret", 0);
	close(root);
	close(other);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(outside), 0);
}

/* A root that answers no more: here it is another folder, in which there is nothing. */
static void test_kept_folders_need_no_root(void **state)
{
	(void)state;
	char empty[] = "/tmp/hostingpi-empty-XXXXXX";
	assert_non_null(mkdtemp(empty));
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int other = open(empty, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[64];

	procfs_keep(root);
	assert_int_equal(dup3(other, root, O_CLOEXEC), root);
	assert_true(procfs_read_line(root, "proc/sys/kernel/ostype", text, sizeof(text)) > 0);
	assert_string_equal(text, "Linux");
	assert_true(procfs_exists(root, "proc/self/stat"));
	/* What is not in memory is asked of the root, and nobody else's root is meant. */
	assert_int_equal(procfs_open(root, "etc/passwd"), -ENOENT);
	assert_int_equal(procfs_open(root, "proc//self/stat"), -ENOENT);
	assert_int_equal(procfs_open(other, "proc/self/stat"), -ENOENT);
	procfs_forget();
	assert_int_equal(procfs_open(root, "proc/self/stat"), -ENOENT);
	procfs_forget();

	close(root);
	close(other);
	rmdir(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_real_files),
		cmocka_unit_test(test_records_are_all_there),
		cmocka_unit_test(test_records_sizes),
		cmocka_unit_test(test_links_stay_below_the_root),
		cmocka_unit_test(test_kept_folders_need_no_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
