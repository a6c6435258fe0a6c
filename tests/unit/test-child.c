/* SPDX-License-Identifier: MIT */
/*
 * Running a program: whatever it does, it is read, ended and reaped, and no descriptor and no process is
 * left. It is a shell here.
 */
#include "child-world.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

static void test_talks(void **state)
{
	(void)state;
	run("cat; echo \"$1 $2\"; exit 75", "hello\n");
	assert_int_equal(child.end, CHILD_EXITED);
	assert_int_equal(child.code, 75);
	assert_output("hello\n-c /some/file.conf\n");
}

/* More than a pipe holds, in both directions. */
static void test_long_input(void **state)
{
	static char input[CHILD_INPUT_SIZE];

	(void)state;
	memset(input, 'x', sizeof(input) - 1);
	run("wc -c | tr -d ' '", input);
	assert_output("16383\n");
	assert_int_equal(child_start(&child, &env, &command, input, sizeof(input) + 1, LATER_NS,
				     nothing, NULL),
			 -EMSGSIZE);
}

static void test_prints_much(void **state)
{
	(void)state;
	run("head -c 1000000 /dev/zero | tr '\\0' y", "");
	assert_int_equal(child.end, CHILD_EXITED);
	assert_int_equal(child.used, CHILD_OUTPUT_SIZE);
}

static void test_closes_early(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	run("exec <&- >&-; exit 3", "never read");
	assert_int_equal(child.end, CHILD_EXITED);
	assert_int_equal(child.code, 3);
	assert_output("");
}

static void test_dies(void **state)
{
	(void)state;
	run("echo half; kill -SEGV $$", "x");
	assert_int_equal(child.end, CHILD_KILLED);
	assert_int_equal(child.code, SIGSEGV);
	assert_output("half\n");
}

static void test_hangs(void **state)
{
	(void)state;
	assert_int_equal(
		begin("trap '' TERM HUP INT; echo begun; while :; do sleep 1000; done", ""), 0);
	wait_for_output();
	assert_false(child_step(&child, LATER_NS - 1));
	assert_false(child_step(&child, LATER_NS));
	assert_false(child_step(&child, LATER_NS + 2 * NS_PER_S - 1));
	finish(LATER_NS + 2 * NS_PER_S);
	assert_int_equal(child.end, CHILD_LATE);
	assert_output("begun\n");
}

/* It is asked to end first, and what it says then counts. */
static void test_ends_when_asked(void **state)
{
	(void)state;
	assert_int_equal(begin("trap 'echo sorry; exit 5' TERM; echo begun; "
			       "while :; do sleep 1000 & wait; done",
			       ""),
			 0);
	wait_for_output();
	finish(LATER_NS);
	assert_int_equal(child.end, CHILD_LATE);
	assert_output("begun\nsorry\n");
}

static void test_hurries(void **state)
{
	(void)state;
	child_hurry(&child, NOW_NS); /* none runs */
	assert_int_equal(begin("echo begun; exec sleep 1000", ""), 0);
	wait_for_output();
	child_hurry(&child, NOW_NS + 5);
	child_hurry(&child, NOW_NS + 9);
	assert_false(child_step(&child, NOW_NS + 4));
	finish(NOW_NS + 5);
	assert_int_equal(child.end, CHILD_LATE);
}

static void test_keeps_the_end(void **state)
{
	(void)state;
	child.tail = true;
	run("head -c 1000000 /dev/zero | tr '\\0' y; echo; echo the end", "");
	assert_true(child.used > 8 && child.used <= CHILD_OUTPUT_SIZE);
	assert_memory_equal(child.output + child.used - 9, "\nthe end\n", 9);
	assert_int_equal(child.output[0], 'y');
}

/* It can all come after the first look of the last step; so one look must be enough, also for the pipe of a Pi 5. */
static void test_keeps_the_end_of_a_full_pipe(void **state)
{
	siginfo_t info;

	(void)state;
	child.tail = true;
	begin("kill -STOP $$; head -c 260000 /dev/zero | tr '\\0' y; echo; echo the end", "");
	assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WSTOPPED), 0);
	assert_int_equal(fcntl(child.out_fd, F_SETPIPE_SZ, 262144), 262144);
	kill(child.pid, SIGCONT);
	assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(child_step(&child, NOW_NS));
	assert_memory_equal(child.output + child.used - 9, "\nthe end\n", 9);
}

/* It is not read until its time is up, which would take the loop's. */
static void test_prints_without_end(void **state)
{
	(void)state;
	run("exec head -c 100000000 /dev/zero", "");
	assert_int_equal(child.end, CHILD_KILLED);
	assert_int_equal(child.code, SIGPIPE);
}

/* What it started is ended with it, and cannot keep us waiting by holding its output open. */
static void test_leaves_somebody_behind(void **state)
{
	char text[32] = "";
	pid_t left;

	(void)state;
	run("sleep 1000 & echo $!", "");
	assert_int_equal(child.end, CHILD_EXITED);
	memcpy(text, child.output, child.used < 31 ? child.used : 31);
	left = atoi(text);
	assert_true(left > 1);
	/* Gone, or a zombie that is init's. */
	for (int i = 0; kill(left, 0) == 0 && i < 100000; i++) {
		char path[64], line[256] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", left);
		file = fopen(path, "re");
		if (!file || !fgets(line, sizeof(line), file) || strstr(line, ") Z "))
			left = 0;
		if (file)
			fclose(file);
		if (!left)
			return;
		sched_yield();
	}
	assert_int_not_equal(kill(left, 0), 0);
}

static void test_cannot_be_started(void **state)
{
	(void)state;
	post_command_make(&command, "/nowhere/hostingpi-post", NULL);
	assert_int_equal(child_start(&child, &env, &command, "x", 1, LATER_NS, nothing, NULL), 0);
	finish(NOW_NS);
	assert_int_equal(child.end, CHILD_EXITED);
	assert_int_equal(child.code, 127);
}

static void test_closed_while_it_runs(void **state)
{
	(void)state;
	assert_int_equal(begin("exec sleep 1000", ""), 0);
	child_close(&child);
	assert_int_equal(child.pid, 0);
	child_close(&child);
	assert_false(child_step(&child, NOW_NS));
}

static void test_many_in_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		run("cat", "again\n");
		assert_output("again\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_talks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prints_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closes_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_when_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hurries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_the_end_of_a_full_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prints_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_somebody_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_be_started, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_while_it_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_in_a_row, setup, teardown),
	};

	return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
