/* SPDX-License-Identifier: MIT */
/*
 * What a program that we run has less of than we have, and that it does not outlive us. Where we have nothing
 * ourselves, nothing would be seen: so each is given to this process first.
 */
#include "child-world.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* With a child of the test's own that cannot have what it needs. */
#define EXIT_CANNOT 77
/* As the kernel counts (signal(7)). */
#define FIRST_REAL_TIME 32

/* What it printed, as text. */
static const char *output(void)
{
	static char text[CHILD_OUTPUT_SIZE + 1];

	memcpy(text, child.output, child.used);
	text[child.used] = '\0';
	return text;
}

/* Nothing of ours. */
static void test_surroundings(void **state)
{
	char before[4096], path[2 * CHILD_PATH_SIZE];

	(void)state;
	/* One that there is no room for gives way to the usual one. */
	snprintf(before, sizeof(before), "%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	setenv("PATH", path, 1);
	setenv("HOSTINGPI_SECRET", "leak", 1);
	setenv("LANG", "C.UTF-8", 1);
	unsetenv("TZ");
	dup2(STDERR_FILENO, 200); /* of a library that forgets O_CLOEXEC */
	run("env; cat /proc/$$/oom_score_adj; test -e /proc/$$/fd/200 || echo closed", "");
	close(200);
	unsetenv("HOSTINGPI_SECRET");
	setenv("PATH", before, 1);
	assert_null(strstr(output(), "HOSTINGPI_SECRET"));
	assert_null(strstr(output(), "TZ="));
	assert_non_null(strstr(output(), "LANG=C.UTF-8\n"));
	assert_non_null(strstr(output(), "PATH=/usr/local/bin:/usr/bin:/bin\n"));
	assert_non_null(strstr(output(), "\n500\nclosed\n"));
}

/* A core file has the keys in it, and may fill the card. */
static void test_no_core_file(void **state)
{
	struct rlimit before, some;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
	if (before.rlim_max == 0)
		skip(); /* nobody here could have one */
	some = (struct rlimit){.rlim_cur = before.rlim_max, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_CORE, &some), 0);
	run("ulimit -S -c; ulimit -H -c", "");
	assert_int_equal(setrlimit(RLIMIT_CORE, &before), 0);
	assert_output("0\n0\n");
}

/* What is blocked or ignored would stay so in it; and here, nobody could end the agent any more. */
static void test_signals(void **state)
{
	unsigned long long blocked, ignored;
	sigset_t none, after;

	(void)state;
	sigemptyset(&none);
	assert_int_equal(sigprocmask(SIG_SETMASK, &none, NULL), 0);
	/* Who runs the tests in the background ignores some itself; two of the C library's own stay so in any case. */
	for (int number = 1; number < FIRST_REAL_TIME; number++)
		signal(number, SIG_DFL);
	signal(SIGHUP, SIG_IGN); /* nohup(1) */
	signal(SIGPIPE, SIG_IGN);
	run("grep -E '^Sig(Blk|Ign):' /proc/self/status", "");
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sscanf(output(), "SigBlk:\t%llx\nSigIgn:\t%llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ((1ULL << (FIRST_REAL_TIME - 1)) - 1), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	for (int number = 1; number < FIRST_REAL_TIME; number++)
		assert_int_equal(sigismember(&after, number), 0);
}

static void test_little_address_space(void **state)
{
	(void)state;
	run("ulimit -S -v; ulimit -H -v", "");
	assert_output("262144\n262144\n");
}

static void test_lower_priority(void **state)
{
	int ours = getpriority(PRIO_PROCESS, 0);

	(void)state;
	if (ours >= 10)
		skip(); /* who is as low as that sees no difference */
	run("nice", "");
	assert_output("10\n");
	assert_int_equal(getpriority(PRIO_PROCESS, 0), ours);
}

/* What the unit gives us with AmbientCapabilities= goes on to programs; set where the kernel lets us. */
static bool raise_ambient(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[0].inheritable |= 1u << capability;
	return syscall(SYS_capset, &header, data) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1;
}

static void test_no_capability(void **state)
{
	int status;
	pid_t other = fork(); /* this one's are left alone */

	(void)state;
	assert_true(other >= 0);
	if (other == 0) {
		if (!raise_ambient(CAP_NET_BIND_SERVICE))
			_exit(EXIT_CANNOT);
		if (begin("grep ^CapAmb: /proc/$$/status", "") < 0)
			_exit(1);
		finish(NOW_NS);
		_exit(strcmp(output(), "CapAmb:\t0000000000000000\n") == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(other, &status, 0), other);
	unlink(program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CANNOT) {
		print_message("no ambient capability may be set here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* The parent: starts a program, tells its number once that runs, and dies as after SIGSEGV, without any word to it. */
__attribute__((noreturn)) static void live_and_die(int tell_fd, const char *script)
{
	if (begin(script, "") < 0)
		_exit(1);
	wait_for_output();
	(void)!write(tell_fd, &child.pid, sizeof(child.pid));
	kill(getpid(), SIGKILL);
	_exit(1);
}

/* By then the kernel has seen to it: what would end the program otherwise is said only after the parent's end. */
static void test_does_not_outlive_us(void **state)
{
	char fifo[128], script[256];
	int ends[2], fifo_fd, status;
	pid_t parent, orphan = 0;

	(void)state;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		skip();
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fifo_fd = open(fifo, O_RDWR | O_CLOEXEC);
	assert_true(fifo_fd >= 0);
	assert_int_equal(pipe(ends), 0);
	snprintf(script, sizeof(script), "echo begun; read line <%s; exit 9", fifo);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0)
		live_and_die(ends[1], script);
	close(ends[1]);
	assert_int_equal(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	close(ends[0]);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(write(fifo_fd, "go\n", 3), 3);
	assert_int_equal(waitpid(orphan, &status, 0), orphan);
	close(fifo_fd);
	unlink(fifo);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_surroundings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_core_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_address_space, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lower_priority, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_capability, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_outlive_us, setup, teardown),
	};

	return cmocka_run_group_tests_name("limits of programs", tests, NULL, NULL);
}
