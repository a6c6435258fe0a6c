/* SPDX-License-Identifier: MIT */
/* What systemd says in the environment, and what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/sdnotify.h"
#include "agent/units.h"

static char path[64];
static int ours; /* systemd's end */

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test-sdnotify-%d", (int)getpid());
	strcpy(address.sun_path, path);
	ours = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(ours, (struct sockaddr *)&address, sizeof(address)), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(ours);
	return unlink(path);
}

/* The period for these variables; NULL: not set. */
static int64_t watchdog_ns(const char *usec, const char *pid)
{
	struct sdnotify notify;

	setenv("NOTIFY_SOCKET", path, 1);
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	sdnotify_open(&notify);
	assert_true(notify.fd >= 0);
	/* Programs that are started must not take them for theirs. */
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	sdnotify_close(&notify);
	return notify.watchdog_ns;
}

/* Twice in the time that systemd allows, if it is meant for this process. */
static void test_watchdog(void **state)
{
	char own[16], other[16];

	(void)state;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	snprintf(other, sizeof(other), "%d", (int)getppid());
	assert_true(watchdog_ns("30000000", own) == 15 * NS_PER_S);
	assert_true(watchdog_ns("30000000", NULL) == 15 * NS_PER_S);
	assert_true(watchdog_ns("30000000", other) == 0);
	assert_true(watchdog_ns("30000000", "x") == 0);
	assert_true(watchdog_ns(NULL, own) == 0);
	assert_true(watchdog_ns("0", own) == 0);
	assert_true(watchdog_ns("-5", own) == 0);
	assert_true(watchdog_ns("9223372036854775807", own) == 0);
}

static void test_without_systemd(void **state)
{
	struct sdnotify notify;

	(void)state;
	setenv("WATCHDOG_USEC", "30000000", 1);
	sdnotify_open(&notify);
	assert_true(notify.fd < 0);
	assert_true(notify.watchdog_ns == 0);
	sdnotify_send(&notify, "READY=1");
	sdnotify_close(&notify);
}

/* Half a line says something else. */
static void test_what_is_too_long_is_not_said(void **state)
{
	char text[512], heard[1024];
	struct sdnotify notify;

	(void)state;
	setenv("NOTIFY_SOCKET", path, 1);
	sdnotify_open(&notify);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	sdnotify_send(&notify, "STATUS=%s", text);
	assert_true(recv(ours, heard, sizeof(heard), 0) < 0);
	sdnotify_send(&notify, "STATUS=%.200s", text);
	assert_int_equal(recv(ours, heard, sizeof(heard), 0), strlen("STATUS=") + 200);
	sdnotify_close(&notify);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_watchdog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_systemd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_too_long_is_not_said, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
