/* SPDX-License-Identifier: MIT */
/* Configuration files and drop-ins in a scratch directory, among them some that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/conf.h"

struct numbers {
	int64_t a, b, c;
};

static const struct conf_item items[] = {
	CONF_ROW(struct numbers, a, CONF_INT, "0"),
	CONF_ROW(struct numbers, b, CONF_INT, "0"),
	CONF_ROW(struct numbers, c, CONF_INT, "0"),
	{.key = NULL},
};

static struct numbers numbers;
static const struct conf_section sections[] = {{"n", items, &numbers}, {NULL, NULL, NULL}};

static char folder[] = "/tmp/test-conf-XXXXXX";

static void collect(void *context, const char *message)
{
	char *all = context;

	assert_true(strlen(all) + strlen(message) + 2 < 4096);
	/* Without the directory, whose name is another one each time. */
	while (strstr(message, folder) == message)
		message += strlen(folder) + 1;
	sprintf(all + strlen(all), "%s\n", message);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int expect_all(const char *name, bool missing_ok, const char *messages)
{
	char path[128], all[4096] = "";
	int errors;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	conf_defaults(sections);
	errors = conf_read_all(path, sections, missing_ok, collect, all);
	assert_string_equal(all, messages);
	return errors;
}

static void test_missing(void **state)
{
	char all[4096] = "", path[128];

	(void)state;
	assert_int_equal(expect_all("none.conf", true, ""), 0);
	assert_int_equal(expect_all("none.conf", false,
				    "none.conf: cannot be read: No such file or directory\n"),
			 1);
	snprintf(path, sizeof(path), "%s/none.conf", folder);
	assert_int_equal(conf_read(path, sections, true, collect, all), 0);
	assert_int_equal(conf_read(path, sections, false, collect, all), -ENOENT);
	assert_string_equal(all, "none.conf: cannot be read: No such file or directory\n");
	/* Drop-ins count even when there is no main file. */
	make_folder("none.conf.d");
	write_file("none.conf.d/x.conf", "[n]\na = 5\n");
	assert_int_equal(expect_all("none.conf", true, ""), 0);
	assert_int_equal(numbers.a, 5);
}

static void test_drop_ins(void **state)
{
	(void)state;
	write_file("c.conf", "[n]\na = 1\nb = 1\nc = 1\n");
	make_folder("c.conf.d");
	write_file("c.conf.d/20.conf", "[n]\nb = 20\nc = 20\n");
	write_file("c.conf.d/10.conf", "[n]\nb = 10\n");
	write_file("c.conf.d/Z.conf", "[n]\nc = 30\n");
	/* None of these is a drop-in. */
	write_file("c.conf.d/90.conf~", "nonsense\n");
	write_file("c.conf.d/.conf", "nonsense\n");
	write_file("c.conf.d/.91.conf", "nonsense\n");
	write_file("c.conf.d/92.conf.bak", "nonsense\n");
	write_file("c.conf.d/README", "nonsense\n");
	assert_int_equal(expect_all("c.conf", false, ""), 0);
	assert_int_equal(numbers.a, 1);
	assert_int_equal(numbers.b, 20);
	assert_int_equal(numbers.c, 30);
}

static void test_errors_of_all_files(void **state)
{
	(void)state;
	write_file("e.conf", "[n]\na = x\n");
	make_folder("e.conf.d");
	write_file("e.conf.d/1.conf", "[n]\na = 1\na = 2\n");
	write_file("e.conf.d/2.conf", "[n]\n\nb = y\n");
	make_folder("e.conf.d/3.conf");
	assert_int_equal(expect_all("e.conf", false,
				    "e.conf:2: [n] a = x: must be a whole number\n"
				    "e.conf.d/1.conf:3: [n] a: is already set in line 2\n"
				    "e.conf.d/2.conf:3: [n] b = y: must be a whole number\n"
				    "e.conf.d/3.conf: cannot be read: Is a directory\n"),
			 4);
}

static void test_unreadable(void **state)
{
	char path[128], all[4096] = "";

	(void)state;
	make_folder("d.conf");
	assert_int_equal(expect_all("d.conf", true, "d.conf: cannot be read: Is a directory\n"), 1);
	write_file("big.conf", "");
	snprintf(path, sizeof(path), "%s/big.conf", folder);
	assert_int_equal(truncate(path, 1024 * 1024), 0);
	assert_int_equal(conf_read(path, sections, true, collect, all), -EFBIG);
	assert_string_equal(all, "big.conf: cannot be read: File too large\n");
	write_file("f.conf", "");
	write_file("f.conf.d", "");
	assert_int_equal(expect_all("f.conf", false, "f.conf.d: cannot be read: Not a directory\n"),
			 1);
	/* Root may read everything. */
	if (geteuid() == 0)
		return;
	write_file("g.conf", "");
	snprintf(path, sizeof(path), "%s/g.conf", folder);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(expect_all("g.conf", true, "g.conf: cannot be read: Permission denied\n"),
			 1);
}

/* Nobody writes into the FIFO: whoever waits for that waits for ever. */
static void test_not_regular(void **state)
{
	char path[128], all[4096] = "";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	alarm(60);
	snprintf(path, sizeof(path), "%s/fifo.conf", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(conf_read(path, sections, false, collect, all), -ENOTSUP);
	assert_string_equal(all, "fifo.conf: is not a regular file\n");
	assert_int_equal(expect_all("fifo.conf", true, "fifo.conf: is not a regular file\n"), 1);

	write_file("k.conf", "[n]\na = 1\n");
	make_folder("k.conf.d");
	snprintf(path, sizeof(path), "%s/k.conf.d/10.conf", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	write_file("k.conf.d/20.conf", "[n]\nb = 2\n");
	assert_int_equal(expect_all("k.conf", false, "k.conf.d/10.conf: is not a regular file\n"),
			 1);
	assert_int_equal(numbers.b, 2); /* one after the other, in spite of it */

	all[0] = '\0';
	assert_int_equal(conf_read("/dev/zero", sections, true, collect, all), -ENOTSUP);
	assert_int_equal(conf_read("/dev/null", sections, true, collect, all), -ENOTSUP);
	assert_string_equal(all, "/dev/zero: is not a regular file\n"
				 "/dev/null: is not a regular file\n");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s.conf", folder);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(expect_all("s.conf", false, "s.conf: is not a regular file\n"), 1);
	close(fd);
	alarm(0);

	/* What a link leads to is what counts. */
	snprintf(path, sizeof(path), "%s/l.conf", folder);
	assert_int_equal(symlink("k.conf", path), 0);
	assert_int_equal(expect_all("l.conf", false, ""), 0);
	assert_int_equal(numbers.a, 1);
}

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

static int remove_scratch(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_drop_ins),
		cmocka_unit_test(test_errors_of_all_files),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_not_regular),
	};

	return cmocka_run_group_tests_name("configuration files", tests, make_scratch,
					   remove_scratch);
}
