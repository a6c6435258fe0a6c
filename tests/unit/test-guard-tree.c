/* SPDX-License-Identifier: MIT */
/*
 * Finding and stopping what a command has started: real processes of this program, whose state the kernel
 * tells. Each test owns a child that takes in orphans, as the guard's watcher does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/guard_freeze.c"
#define find tree_find
#include "agent/ctl/guard_tree.c"
#undef find

/* The processes that make_family() starts. */
enum member {
	MEMBER_PLAIN,
	MEMBER_CHILD, /* of the one before */
	MEMBER_GROUP,
	MEMBER_SESSION,
	MEMBER_ORPHAN,	/* its parent has ended, in a session of its own */
	MEMBER_STOPPED, /* by somebody else */
	MEMBERS,
};

struct family {
	pid_t root;
	pid_t pids[MEMBERS];
	struct freeze freeze;
};

static _Noreturn void rest(int fd, enum member member)
{
	pid_t message[2] = {(pid_t)member};

	if (member == MEMBER_GROUP)
		setpgid(0, 0);
	if (member == MEMBER_SESSION || member == MEMBER_ORPHAN)
		setsid();
	if (member == MEMBER_PLAIN && fork() == 0)
		message[0] = MEMBER_CHILD;
	message[1] = getpid();
	if (write(fd, message, sizeof(message)) != sizeof(message))
		_exit(1);
	if (member == MEMBER_STOPPED)
		raise(SIGSTOP);
	for (;;)
		pause();
}

static _Noreturn void run_root(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int member = 0; member < MEMBERS; member++) {
		if (member == MEMBER_CHILD || fork() != 0)
			continue;
		if (member == MEMBER_ORPHAN && fork() != 0)
			_exit(0);
		rest(fd, (enum member)member);
	}
	/* The one between is reaped: a zombie would not do harm, but is not what is tested here. */
	for (;;)
		wait(NULL);
}

static char state_of(pid_t pid)
{
	struct tree_row row;

	return tree_look(pid, &row) == 0 ? row.state : 'X';
}

/* Until it is so; the kernel needs its time. A test that waits in vain is ended by alarm(). */
static void await(pid_t pid, bool stopped)
{
	while ((state_of(pid) == 'T') != stopped)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int make_family(void **state)
{
	struct family *family = calloc(1, sizeof(*family));
	int fds[2];

	assert_non_null(family);
	alarm(60);
	assert_int_equal(pipe(fds), 0);
	family->root = fork();
	if (family->root == 0)
		run_root(fds[1]);
	for (int i = 0; i < MEMBERS; i++) {
		pid_t message[2];

		assert_int_equal(read(fds[0], message, sizeof(message)), sizeof(message));
		family->pids[message[0]] = message[1];
	}
	close(fds[0]);
	close(fds[1]);
	await(family->pids[MEMBER_STOPPED], true);
	/* The orphan has said its number before its parent may have ended. */
	for (struct tree_row row = {0}; row.parent != family->root;)
		assert_int_equal(tree_look(family->pids[MEMBER_ORPHAN], &row), 0);
	assert_int_equal(freeze_open(&family->freeze), 0);
	/* The one between has ended, but its parent may not have waited for it yet. */
	do
		assert_int_equal(tree_scan(&family->freeze.tree, family->root), 0);
	while (family->freeze.tree.count > MEMBERS);
	*state = family;
	return 0;
}

static int end_family(void **state)
{
	struct family *family = *state;

	for (int i = 0; i < MEMBERS; i++)
		kill(family->pids[i], SIGKILL);
	kill(family->root, SIGKILL);
	waitpid(family->root, NULL, 0);
	freeze_close(&family->freeze);
	free(family);
	alarm(0);
	return 0;
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		pid_t pid, parent;
		char word;
	} good[] = {
		{"7 (sh) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99 1 2", 7, 1, 'S'},
		{"7 (a) R 2 (b) T 5 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99 1", 7, 5, 'T'},
		{"7 () () Z 5 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99", 7, 5, 'Z'},
		{"7 (\n) S 0 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99\n", 7, 0, 'S'},
	};
	static const char *const bad[] = {
		"",
		"7",
		"7 (",
		"7 (sh",
		"7 (sh)",
		"7 (sh) S",
		"7 (sh) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0",
		"x (sh) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99",
		"0 (sh) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99",
		"7 (sh) S -1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99",
	};
	struct tree_row row;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(tree_parse_stat(good[i].text, &row), 0);
		assert_int_equal(row.process.pid, good[i].pid);
		assert_int_equal(row.parent, good[i].parent);
		assert_int_equal(row.state, good[i].word);
		assert_int_equal(row.process.start, 99);
		assert_int_equal(row.threads, 1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tree_parse_stat(bad[i], &row), -EINVAL);
}

static const struct tree_row *row_of(const struct tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->rows[i].process.pid == pid)
			return &tree->rows[i];
	return NULL;
}

static void test_descendants(void **state)
{
	struct family *family = *state;
	struct tree *tree = &family->freeze.tree;

	assert_int_equal(tree_scan(tree, family->root), 0);
	assert_int_equal(tree->count, MEMBERS);
	for (int i = 0; i < MEMBERS; i++) {
		const struct tree_row *row = row_of(tree, family->pids[i]);

		assert_non_null(row);
		assert_int_equal(row->depth, i == MEMBER_CHILD ? 2 : 1);
	}
	for (size_t i = 1; i < tree->count; i++)
		assert_true(tree->rows[i].depth >= tree->rows[i - 1].depth);
	/* Who asks is nobody's descendant but its parents'. */
	assert_null(row_of(tree, getpid()));
	assert_int_equal(tree_scan(tree, getpid()), 0);
	assert_non_null(row_of(tree, family->pids[MEMBER_ORPHAN]));
}

static void test_all_are_stopped_and_go_on(void **state)
{
	struct family *family = *state;

	for (int round = 0; round < 3; round++) {
		assert_int_equal(freeze_all(&family->freeze, family->root), MEMBERS - 1);
		assert_int_equal(freeze_count(&family->freeze), MEMBERS - 1);
		for (int i = 0; i < MEMBERS; i++)
			await(family->pids[i], true);
		assert_true(state_of(family->root) != 'T');
		/* Again: nothing is new. */
		assert_int_equal(freeze_all(&family->freeze, family->root), MEMBERS - 1);
		assert_int_equal(freeze_thaw(&family->freeze), MEMBERS - 1);
		for (int i = 0; i < MEMBERS; i++)
			await(family->pids[i], i == MEMBER_STOPPED);
		assert_int_equal(freeze_count(&family->freeze), 0);
		assert_int_equal(freeze_thaw(&family->freeze), 0);
	}
}

static void test_who_was_woken_is_stopped_again(void **state)
{
	struct family *family = *state;

	freeze_all(&family->freeze, family->root);
	await(family->pids[MEMBER_GROUP], true);
	kill(family->pids[MEMBER_GROUP], SIGCONT);
	await(family->pids[MEMBER_GROUP], false);
	assert_int_equal(freeze_all(&family->freeze, family->root), MEMBERS - 1);
	await(family->pids[MEMBER_GROUP], true);
	assert_int_equal(freeze_thaw(&family->freeze), MEMBERS - 1);
}

static void test_another_process_resumes(void **state)
{
	struct family *family = *state;
	pid_t child;
	int status;

	/* Forked before, as the watcher is: it must see what is stopped afterwards. */
	int fds[2];
	char go;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		close(fds[1]);
		_exit(read(fds[0], &go, 1) == 0 ? freeze_thaw(&family->freeze) : 99);
	}
	close(fds[0]);
	freeze_all(&family->freeze, family->root);
	for (int i = 0; i < MEMBERS; i++)
		await(family->pids[i], true);
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), MEMBERS - 1);
	for (int i = 0; i < MEMBERS; i++)
		await(family->pids[i], i == MEMBER_STOPPED);
}

static void test_a_number_of_somebody_else(void **state)
{
	struct family *family = *state;
	struct tree_row row;

	assert_int_equal(tree_look(family->pids[MEMBER_PLAIN], &row), 0);
	row.process.start++;
	assert_int_equal(tree_signal(&row.process, SIGSTOP), -ESRCH);
	assert_true(state_of(family->pids[MEMBER_PLAIN]) != 'T');
	row.process.start--;
	assert_int_equal(tree_signal(&row.process, 0), 0);
	row.process.pid = INT32_MAX;
	assert_int_equal(tree_signal(&row.process, SIGSTOP), -ESRCH);
}

static void test_end_of_all(void **state)
{
	struct family *family = *state;
	int living;

	freeze_all(&family->freeze, family->root);
	assert_int_equal(freeze_signal_all(&family->freeze, family->root, 0), MEMBERS);
	assert_int_equal(freeze_signal_all(&family->freeze, family->root, SIGTERM), MEMBERS);
	assert_in_range(freeze_signal_all(&family->freeze, family->root, SIGCONT), 0, MEMBERS);
	do
		living = freeze_signal_all(&family->freeze, family->root, 0);
	while (living > 0);
	assert_int_equal(living, 0);
	/* What has ended is not resumed; what nobody has waited for yet would still take a signal. */
	for (int i = 0; i < MEMBERS; i++)
		while (state_of(family->pids[i]) != 'X')
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(freeze_thaw(&family->freeze), 0);
}

static void test_rows_that_make_no_tree(void **state)
{
	struct tree tree = {0};

	(void)state;
	for (pid_t i = 10; i < 20; i++) {
		struct tree_row row = {.process = {i, 1}, .parent = i, .depth = DEPTH_OPEN};

		/* 10 to 13 each other's parents, 14 its own, 15 a stranger's, the others below the root. */
		if (i < 14)
			row.parent = i == 13 ? 10 : i + 1;
		if (i == 15)
			row.parent = 9999;
		if (i > 15)
			row.parent = i == 16 ? 5 : i - 1;
		assert_int_equal(add(&tree, &row), 0);
	}
	sort_out(&tree, 5);
	assert_int_equal(tree.count, 4);
	assert_true(tree.torn);
	for (size_t i = 0; i < tree.count; i++) {
		assert_int_equal(tree.rows[i].process.pid, 16 + (int)i);
		assert_int_equal(tree.rows[i].depth, 1 + (int)i);
	}
	tree_free(&tree);
}

int main(void)
{
#define IN_FAMILY(test) cmocka_unit_test_setup_teardown(test, make_family, end_family)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_rows_that_make_no_tree),
		IN_FAMILY(test_descendants),
		IN_FAMILY(test_all_are_stopped_and_go_on),
		IN_FAMILY(test_who_was_woken_is_stopped_again),
		IN_FAMILY(test_another_process_resumes),
		IN_FAMILY(test_a_number_of_somebody_else),
		IN_FAMILY(test_end_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
