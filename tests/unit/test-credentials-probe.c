/* SPDX-License-Identifier: MIT */
/*
 * What the doctor says about whose a file with secrets is. Who asks and who is in /etc/passwd stands here: the
 * tests run as root here and there, and nobody may have made the user.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pwd.h>
#include <unistd.h>

#include "notifiers/credentials.h"

static char root[] = "root", agent[] = "hostingpi", longer[] = "hostingpi2", other[] = "pi";
static uid_t asking;
static struct passwd users[3];
static size_t user_count, user_next;

/* Instead of the library's. */
uid_t geteuid(void)
{
	return asking;
}

struct passwd *fgetpwent(FILE *file)
{
	(void)file;
	return user_next < user_count ? &users[user_next++] : NULL;
}

static char folder[] = "/tmp/hostingpi-test-XXXXXX", path[64];
static size_t notes;
static char title[128], sentence[MODULE_SENTENCE_SIZE];

static void take(void *context, enum module_note kind, const char *subject, const char *text)
{
	assert_ptr_equal(context, users);
	assert_int_equal(kind, MODULE_TROUBLE);
	notes++;
	snprintf(title, sizeof(title), "%s", subject);
	snprintf(sentence, sizeof(sentence), "%s", text);
}

/* How often something is said. */
static size_t probe(const char *file)
{
	notes = user_next = 0;
	credentials_probe(file, take, users);
	return notes;
}

static int set_up(void **state)
{
	FILE *file;

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/secret", folder);
	file = fopen(path, "we");
	return file ? fclose(file) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* Root asks; the file is of who runs the test. */
static int before_each(void **state)
{
	(void)state;
	asking = 0;
	users[0] = (struct passwd){.pw_name = root, .pw_uid = 0};
	users[1] = (struct passwd){.pw_name = agent, .pw_uid = getuid()};
	users[2] = (struct passwd){.pw_name = other, .pw_uid = getuid()};
	user_count = 3;
	return 0;
}

static void test_of_the_agent(void **state)
{
	(void)state;
	assert_int_equal(probe(path), 0);
}

static void test_of_somebody_else(void **state)
{
	char order[128];

	(void)state;
	users[1].pw_uid = getuid() + 1;
	assert_int_equal(probe(path), 1);
	assert_string_equal(title, "a file with secrets is somebody else's");
	/* To be copied and run: nothing stands behind the name. */
	snprintf(order, sizeof(order), "chown hostingpi %s", path);
	assert_string_equal(strstr(sentence, "chown"), order);
	assert_non_null(strstr(sentence, "runs as hostingpi and cannot read it"));
}

/* Only root sees for another user, and reading the file is somebody else's trouble then. */
static void test_who_cannot_know(void **state)
{
	(void)state;
	users[1].pw_uid = getuid() + 1;
	asking = getuid() + 2;
	assert_int_equal(probe(path), 0);
}

/* Then the unit of the package does not start it: whose the file should be, nobody knows. */
static void test_no_such_user(void **state)
{
	(void)state;
	users[1] = (struct passwd){.pw_name = longer, .pw_uid = getuid() + 1};
	assert_int_equal(probe(path), 0);
	user_count = 0;
	assert_int_equal(probe(path), 0);
}

static void test_no_file(void **state)
{
	char none[80];

	(void)state;
	users[1].pw_uid = getuid() + 1;
	assert_int_equal(probe(""), 0);
	snprintf(none, sizeof(none), "%s-none", path);
	assert_int_equal(probe(none), 0);
}

/* systemd gives it to the agent whose ever it is. */
static void test_credential_of_the_service(void **state)
{
	(void)state;
	users[1].pw_uid = getuid() + 1;
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_int_equal(probe(path), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(probe(path), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_of_the_agent, before_each),
		cmocka_unit_test_setup(test_of_somebody_else, before_each),
		cmocka_unit_test_setup(test_who_cannot_know, before_each),
		cmocka_unit_test_setup(test_no_such_user, before_each),
		cmocka_unit_test_setup(test_no_file, before_each),
		cmocka_unit_test_setup(test_credential_of_the_service, before_each),
	};

	return cmocka_run_group_tests_name("whose a file with secrets is", tests, set_up,
					   tear_down);
}
