/* SPDX-License-Identifier: MIT */
/* Which paths are credentials of the service, for the service and for everybody else, and what is said of them. */
#include <errno.h>
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

#include "agent/credential.h"

#define OF_UNIT "/run/credentials/hostingpid.service/"

static int set_up(void **state)
{
	(void)state;
	return unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_path(void **state)
{
	(void)state;
	char path[64] = "as it was";

	setenv("CREDENTIALS_DIRECTORY", "/run/c", 1);
	assert_int_equal(credential_path("mqtt", path, sizeof("/run/c/mqtt") - 1), -ENAMETOOLONG);
	assert_string_equal(path, "as it was");
	assert_int_equal(credential_path("", path, sizeof(path)), -EINVAL);
	assert_int_equal(credential_path("mqtt", path, sizeof("/run/c/mqtt")), 0);
	assert_string_equal(path, "/run/c/mqtt");
	/* Not one of systemd. */
	setenv("CREDENTIALS_DIRECTORY", "run/c", 1);
	assert_int_equal(credential_path("mqtt", path, sizeof(path)), 0);
	assert_string_equal(path, OF_UNIT "mqtt");
}

static void test_which_is_one(void **state)
{
	(void)state;
	assert_true(credential_is(OF_UNIT "mqtt"));
	assert_false(credential_is("/run/c/mqtt"));
	setenv("CREDENTIALS_DIRECTORY", "/run/c", 1);
	assert_true(credential_is("/run/c/mqtt"));
	assert_true(credential_is(OF_UNIT "mqtt"));
	assert_false(credential_is("/run/c"));
	assert_false(credential_is("/run/cc/mqtt"));
	assert_false(credential_is("/etc/mqtt"));
}

static void test_rights(void **state)
{
	(void)state;
	static const mode_t open_to_others[] = {0444, 0401, 0460, 0450, 0442};
	struct stat st = {.st_mode = S_IFREG | 0440};

	assert_true(credential_is_closed(OF_UNIT "mqtt", &st));
	assert_false(credential_is_closed("/etc/mqtt", &st));
	st.st_uid = 1000; /* systemd keeps those with an access list itself */
	assert_false(credential_is_closed(OF_UNIT "mqtt", &st));
	st.st_uid = 0;
	for (size_t i = 0; i < sizeof(open_to_others) / sizeof(open_to_others[0]); i++) {
		st.st_mode = S_IFREG | open_to_others[i];
		assert_false(credential_is_closed(OF_UNIT "mqtt", &st));
	}
}

static void test_elsewhere(void **state)
{
	(void)state;
	char folder[] = "/tmp/test-credential-XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mqtt", folder);
	assert_true(credential_elsewhere(OF_UNIT "nobody-has-this"));
	assert_false(credential_elsewhere(path));
	/* The service itself lacks it. */
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_false(credential_elsewhere(path));
	assert_int_equal(rmdir(folder), 0);
}

static void test_advice(void **state)
{
	(void)state;
	assert_non_null(strstr(credential_advise(OF_UNIT "mqtt", ENOENT), "LoadCredential="));
	assert_non_null(strstr(credential_advise(OF_UNIT "mqtt", EACCES), "LoadCredential="));
	assert_string_equal(credential_advise(OF_UNIT "mqtt", EIO), "");
	assert_string_equal(credential_advise("/etc/mqtt", ENOENT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_path, set_up, set_up),
		cmocka_unit_test_setup_teardown(test_which_is_one, set_up, set_up),
		cmocka_unit_test_setup_teardown(test_rights, set_up, set_up),
		cmocka_unit_test_setup_teardown(test_elsewhere, set_up, set_up),
		cmocka_unit_test_setup_teardown(test_advice, set_up, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
