/* SPDX-License-Identifier: MIT */
/*
 * A start that failed: the first failure ends at once, later ones wait. Nobody sleeps for it here: what ends the
 * waiting is there before it begins, or comes from a child that has seen it begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/again.h"

#define DEADLINE_S 120

static char folder[64], conf[96], drop_ins[96], drop_in[112], mark[96], notify[96];

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Starts have failed for an hour, so who waits in vain does it for another one: the alarm comes first. */
static void write_mark(void)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_NOW},
					 {.tv_sec = time(NULL) - AGAIN_CONF_S}};

	write_file(mark, "");
	assert_int_equal(utimensat(AT_FDCWD, mark, times, 0), 0);
}

/* A folder as systemd gives it, and its end of the notification socket. */
static int set_up(void **state)
{
	static int fd;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(folder, "/tmp/test-again-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(conf, sizeof(conf), "%s/agent.conf", folder);
	snprintf(drop_ins, sizeof(drop_ins), "%s/agent.conf.d", folder);
	snprintf(drop_in, sizeof(drop_in), "%s/bad.conf", drop_ins);
	snprintf(mark, sizeof(mark), "%s/start-failed", folder);
	snprintf(notify, sizeof(notify), "%s/notify", folder);
	write_file(conf, "x\n");
	assert_int_equal(mkdir(drop_ins, 0700), 0);
	write_file(drop_in, "x\n");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", notify);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("RUNTIME_DIRECTORY", folder, 1);
	setenv("NOTIFY_SOCKET", notify, 1);
	alarm(DEADLINE_S);
	*state = &fd;
	return 0;
}

static int tear_down(void **state)
{
	close(*(int *)*state);
	unlink(drop_in);
	rmdir(drop_ins);
	unlink(conf);
	unlink(mark);
	unlink(notify);
	return rmdir(folder);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void test_first_failure(void **state)
{
	(void)state;
	struct again again;

	again_open(&again, conf);
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), 2);
	assert_true(exists(mark));
	again_forget();
	assert_false(exists(mark));
}

static void test_without_systemd(void **state)
{
	(void)state;
	struct again again;

	write_mark();
	unsetenv("NOTIFY_SOCKET");
	again_open(&again, conf);
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), 2);
}

/* What systemd gives is absolute: nothing is written to wherever this was started. */
static void test_no_folder_of_systemd(void **state)
{
	(void)state;
	char before[256];
	struct again again;

	again_open(&again, conf);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir("/tmp"), 0);
	setenv("RUNTIME_DIRECTORY", folder + strlen("/tmp/"), 1);
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), 2);
	assert_int_equal(chdir(before), 0);
	assert_false(exists(mark));
}

/* Mended between reading it and waiting: that must not be slept through. */
static void test_changed_before(void **state)
{
	(void)state;
	struct again again;

	write_mark();
	again_open(&again, conf);
	assert_int_equal(unlink(drop_in), 0);
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), 2);
	assert_true(exists(mark));
}

/* What an editor lays beside a file while it is open, and all else that is not read. */
static void test_beside(void **state)
{
	(void)state;
	static const char *const names[] = {".bad.conf.swp", ".hidden.conf", "bad.conf~", "4913"};
	struct again before, after;
	char path[sizeof(drop_ins) + 16];

	again_open(&before, conf);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", drop_ins, names[i]);
		write_file(path, "x\n");
		again_open(&after, conf);
		assert_true(after.stamp == before.stamp);
		unlink(path);
	}
}

/* Each of these may be how it is mended. */
static void test_what_counts(void **state)
{
	(void)state;
	struct again first, other;
	char renamed[sizeof(drop_in) + 8], second[sizeof(drop_in)];

	again_open(&first, conf);
	write_file(conf, "other\n");
	again_open(&other, conf);
	assert_true(other.stamp != first.stamp);

	again_open(&first, conf);
	snprintf(renamed, sizeof(renamed), "%s.off", drop_in);
	assert_int_equal(rename(drop_in, renamed), 0);
	again_open(&other, conf);
	assert_true(other.stamp != first.stamp);
	assert_int_equal(rename(renamed, drop_in), 0);

	again_open(&first, conf);
	snprintf(second, sizeof(second), "%s/zz.conf", drop_ins);
	write_file(second, "x\n");
	again_open(&other, conf);
	assert_true(other.stamp != first.stamp);
	unlink(second);

	again_open(&first, conf);
	assert_int_equal(chmod(drop_in, 0600), 0);
	again_open(&other, conf);
	assert_true(other.stamp != first.stamp);

	unlink(drop_in);
	again_open(&first, conf);
	assert_int_equal(rmdir(drop_ins), 0);
	write_file(drop_ins, "no folder\n");
	again_open(&other, conf);
	assert_true(other.stamp != first.stamp);
	unlink(drop_ins);
}

static int64_t boot_s(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	return (int64_t)now.tv_sec;
}

/* The pause that is told for a mark of this time; the waiting itself ends at once. */
static long told_pause_s(int64_t mark_s)
{
	const struct timespec times[2] = {{.tv_sec = (time_t)mark_s}, {.tv_sec = (time_t)mark_s}};
	char said[256] = "";
	struct again again;
	int channel[2], before = dup(STDERR_FILENO);
	const char *number;

	write_file(mark, "");
	assert_int_equal(utimensat(AT_FDCWD, mark, times, 0), 0);
	setenv("NOTIFY_SOCKET", notify, 1); /* each waiting takes it out of the environment */
	again_open(&again, conf);
	again.stamp++;
	assert_int_equal(pipe(channel), 0);
	dup2(channel[1], STDERR_FILENO);
	again_wait(&again, AGAIN_CONF_S, 2);
	dup2(before, STDERR_FILENO);
	close(before);
	close(channel[1]);
	assert_true(read(channel[0], said, sizeof(said) - 1) > 0);
	close(channel[0]);
	number = strstr(said, "tried again in ");
	assert_non_null(number);
	return strtol(number + strlen("tried again in "), NULL, 10);
}

/* A machine without a battery sets its clock soon after the boot, by any amount and to either side. */
static void test_the_clock_that_nobody_sets(void **state)
{
	(void)state;
	int64_t begin_s = boot_s();
	struct again again;
	struct stat st;

	again_open(&again, conf);
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), 2);
	assert_int_equal(stat(mark, &st), 0);
	assert_in_range(st.st_mtim.tv_sec, begin_s, boot_s());
	assert_in_range(told_pause_s(boot_s() - 500), 500, 3000);
	assert_int_equal(told_pause_s(boot_s() - 100000), AGAIN_CONF_S);
	/* Of the other clock, so later than now: it is dated anew. */
	assert_int_equal(told_pause_s((int64_t)time(NULL)), 2);
	assert_int_equal(stat(mark, &st), 0);
	assert_in_range(st.st_mtim.tv_sec, begin_s, boot_s());
}

/* Runs change() in a child as soon as the waiting has told systemd that it goes on; what it said in text. */
static void wait_with(int fd, void (*change)(void), int expected, char *text, size_t size)
{
	struct again again;
	ssize_t length;
	pid_t child;

	write_mark();
	setenv("NOTIFY_SOCKET", notify, 1);
	again_open(&again, conf);
	unsetenv("NOTIFY_SOCKET"); /* as the agent does that started half-way */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char first[256];

		alarm(DEADLINE_S); /* that of the parent is not ours */
		length = recv(fd, first, sizeof(first), MSG_PEEK);
		change();
		_exit(length > 0 ? 0 : 1);
	}
	assert_int_equal(again_wait(&again, AGAIN_CONF_S, 2), expected);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (size_t used = 0;
	     (length = recv(fd, text + used, size - 1 - used, MSG_DONTWAIT)) > 0;) {
		used += (size_t)length;
		text[used] = '\0';
	}
}

static void mend(void)
{
	write_file(drop_in, "better\n");
}

static void end(void)
{
	kill(getppid(), SIGTERM);
}

static void interrupt(void)
{
	kill(getppid(), SIGINT);
}

static void hang_up(void)
{
	kill(getppid(), SIGHUP);
}

static void test_mended(void **state)
{
	char said[4096] = "";

	wait_with(*(int *)*state, mend, 2, said, sizeof(said));
	assert_true(exists(mark));
	assert_non_null(strstr(said, "STATUS=Cannot start"));
	assert_non_null(strstr(said, "EXTEND_TIMEOUT_USEC="));
	assert_null(strstr(said, "READY"));
}

static void test_asked_to_end(void **state)
{
	char said[4096] = "";

	wait_with(*(int *)*state, end, 0, said, sizeof(said));
	assert_false(exists(mark));
	wait_with(*(int *)*state, interrupt, 0, said, sizeof(said));
	assert_false(exists(mark));
}

static void test_hang_up(void **state)
{
	char said[4096] = "";

	wait_with(*(int *)*state, hang_up, 2, said, sizeof(said));
	assert_true(exists(mark));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_clock_that_nobody_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_systemd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_folder_of_systemd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_beside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asked_to_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hang_up, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
