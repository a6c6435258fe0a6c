/* SPDX-License-Identifier: MIT */
/* Files with secrets: what is read, what is refused, and that no message shows a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notifiers/credentials.h"

static char username[32], password[32], message[512];

static const struct credential rows[] = {
	{"username", username, sizeof(username)},
	{"password", password, sizeof(password)},
	{0},
};

static int parse(const char *text, size_t length)
{
	strcpy(username, "-");
	strcpy(password, "-");
	message[0] = '\0';
	return credentials_parse(text, length, rows, message, sizeof(message));
}

static void test_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *username, *password;
	} cases[] = {
		{"username = pi\npassword = secret\n", "pi", "secret"},
		{"password=secret\r\n\r\nusername=pi", "pi", "secret"},
		{"# comment\n ; another\n\n\tusername\t=\tpi\t\n", "pi", "-"},
		{"password = a # b ; c = d \"e\"", "-", "a # b ; c = d \"e\""},
		{"password = 0123456789012345678901234567890", "-",
		 "0123456789012345678901234567890"},
		{"", "-", "-"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text)), 0);
		assert_string_equal(username, cases[i].username);
		assert_string_equal(password, cases[i].password);
	}
}

static void test_refused_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"hidden", "line 1: expected \"name = value\""},
		{"\nuser = hidden", "line 2: unknown name, expected one of: username, password"},
		{"user name = hidden", "line 1: unknown name"},
		{"= hidden", "line 1: unknown name"},
		{"username = a\nusername = hidden", "line 2: username stands twice"},
		{"username =", "line 1: username must have 1 to 31 characters"},
		{"password = hidden78901234567890123456789012", "password must have 1 to 31"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text)), -EINVAL);
		if (!strstr(message, cases[i].message))
			fail_msg("said \"%s\", not \"%s\"", message, cases[i].message);
		assert_null(strstr(message, "hidden"));
	}
	assert_int_equal(parse("password = hid\0den", 18), -EINVAL);
	assert_string_equal(password, "-");
}

static char path[] = "/tmp/hostingpi-test-XXXXXX/secret";

static int set_up(void **state)
{
	(void)state;
	*strrchr(path, '/') = '\0';
	if (!mkdtemp(path))
		return -1;
	path[strlen(path)] = '/';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static void write_file(const char *text, size_t length, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int load(void)
{
	strcpy(username, "-");
	strcpy(password, "-");
	message[0] = '\0';
	return credentials_read(path, rows, message, sizeof(message));
}

static void test_file(void **state)
{
	(void)state;
	static const char text[] = "username = pi\npassword = secret\n";
	static const mode_t open_to_others[] = {0640, 0604, 0620, 0610, 0601, 0777};
	char order[128];

	write_file(text, strlen(text), 0600);
	assert_int_equal(load(), 0);
	assert_string_equal(username, "pi");
	assert_string_equal(password, "secret");
	write_file(text, strlen(text), 0400);
	assert_int_equal(load(), 0);

	snprintf(order, sizeof(order), "run: chmod 600 %s", path);
	for (size_t i = 0; i < sizeof(open_to_others) / sizeof(open_to_others[0]); i++) {
		write_file(text, strlen(text), open_to_others[i]);
		assert_int_equal(load(), -EPERM);
		assert_non_null(strstr(message, order));
		assert_string_equal(password, "-");
	}
}

/* What systemd leaves with an access list: root's, and the list's mask where the group's rights are. */
static void test_credential_of_the_service(void **state)
{
	(void)state;
	static const char text[] = "username = pi\n";
	char folder[sizeof(path)];

	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	write_file(text, strlen(text), 0440);
	assert_int_equal(load(), -EPERM);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_int_equal(load(), geteuid() == 0 ? 0 : -EPERM);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(load(), -EPERM);
	assert_int_equal(chmod(path, 0460), 0);
	assert_int_equal(load(), -EPERM);
	unlink(path);
	assert_int_equal(load(), -ENOENT);
	assert_non_null(strstr(message, "LoadCredential="));
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* Root may read everything, so that another user tries it. */
static void test_file_of_another_user(void **state)
{
	(void)state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	write_file("username = pi\n", 14, 0600);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setuid(65534) < 0 || load() != -EACCES)
			_exit(1);
		_exit(strstr(message, "Permission denied; use sudo, or let it belong to") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_file_that_is_none(void **state)
{
	(void)state;
	char text[CREDENTIALS_FILE_SIZE + 1];

	unlink(path);
	assert_int_equal(load(), -ENOENT);
	assert_non_null(strstr(message, path));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load(), -EINVAL);
	assert_non_null(strstr(message, "not a regular file"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: must not hang */
	assert_int_equal(load(), -EINVAL);

	memset(text, '\n', sizeof(text));
	write_file(text, sizeof(text), 0600);
	assert_int_equal(load(), -EFBIG);
	write_file(text, sizeof(text) - 1, 0600);
	assert_int_equal(load(), 0);
	write_file("nonsense", 8, 0600);
	assert_int_equal(load(), -EINVAL);
	assert_non_null(strstr(message, "/secret: line 1: expected"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_credential_of_the_service),
		cmocka_unit_test(test_file_of_another_user),
		cmocka_unit_test(test_file_that_is_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
