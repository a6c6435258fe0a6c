/* SPDX-License-Identifier: MIT */
/* What is kept in files: on a file system with room and on one without, and what is no file of ours. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/control.h"
#include "agent/diary.h"
#include "agent/keep.h"
#include "agent/units.h"

#define NOW_NS (1000 * NS_PER_S)

static int64_t fixed_now_ns(const struct env *env)
{
	(void)env;
	return NOW_NS;
}

/* What is logged while a hold of this length is kept. */
static void hold(const struct env *env, int64_t until_ns, bool room, char *ret_log, size_t size)
{
	struct rlimit before, none;
	int ends[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	if (!room)
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	keep_hold(env, "new card", until_ns);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(ends[0], ret_log, size - 1);
	ret_log[n > 0 ? n : 0] = '\0';
	close(ends[0]);
}

static void test_a_hold_without_room_says_that_it_has_no_end(void **state)
{
	char directory[] = "/tmp/hostingpi-keep-XXXXXX", path[64], reason[64], text[512];
	struct env env = {.now_ns = fixed_now_ns};
	int64_t until_ns;

	(void)state;
	assert_non_null(mkdtemp(directory));
	env.run_dir = directory;
	signal(SIGXFSZ, SIG_IGN);
	hold(&env, NOW_NS + 60 * NS_PER_S, true, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(keep_has_hold(&env, reason, sizeof(reason), &until_ns));
	assert_string_equal(reason, "new card");
	assert_int_equal(until_ns, NOW_NS + 60 * NS_PER_S);

	hold(&env, NOW_NS + 60 * NS_PER_S, false, text, sizeof(text));
	assert_non_null(strstr(text, "will not end by itself"));
	assert_true(keep_has_hold(&env, reason, sizeof(reason), &until_ns));
	assert_int_equal(until_ns, 0);
	/* One that was to last loses nothing but its words. */
	hold(&env, 0, false, text, sizeof(text));
	assert_string_equal(text, "");

	keep_undrain(&env);
	keep_undrain_over(&env);
	assert_false(keep_has_hold(&env, reason, sizeof(reason), &until_ns));
	snprintf(path, sizeof(path), "%s/hold", directory);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A file that nobody but the agent writes may still be an older one's, or by hand. */
static void test_the_end_of_a_hold_is_believed_as_far_as_one_can_be(void **state)
{
	char directory[] = "/tmp/hostingpi-keep-XXXXXX", path[64], reason[64], id[64] = "",
	     text[256];
	struct env env = {.run_dir = directory, .now_ns = fixed_now_ns};
	int64_t most_ns = NOW_NS + CONTROL_FOR_MOST_S * NS_PER_S, until_ns;
	FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "r");

	(void)state;
	if (!boot)
		skip();
	assert_int_equal(fscanf(boot, "%63s", id), 1);
	fclose(boot);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/hold", directory);
	for (int64_t later = 0; later <= 1; later++) {
		snprintf(text, sizeof(text), "x\nuntil %lld %s\n", (long long)(most_ns + later),
			 id);
		write_file(path, text);
		assert_true(keep_has_hold(&env, reason, sizeof(reason), &until_ns));
		assert_true(until_ns == (later ? 0 : most_ns));
	}
	snprintf(text, sizeof(text), "x\nuntil %lld another-boot\n", (long long)NOW_NS);
	write_file(path, text);
	assert_true(keep_has_hold(&env, reason, sizeof(reason), &until_ns));
	assert_int_equal(until_ns, 0);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
}

/* The folder is the agent's own, but what is no file of ours is neither followed nor waited for. */
static void test_what_is_no_file(void **state)
{
	char directory[] = "/tmp/hostingpi-keep-XXXXXX", path[64], other[64], text[16] = "";
	struct env env = {.run_dir = directory, .now_ns = fixed_now_ns};
	static struct diary diary;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(other, sizeof(other), "%s/other", directory);
	write_file(other, "as it was");
	snprintf(path, sizeof(path), "%s/hold", directory);
	assert_int_equal(symlink(other, path), 0);
	keep_hold(&env, "new card", 0);
	FILE *file = fopen(other, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "as it was");
	unlink(path);
	unlink(other);

	snprintf(path, sizeof(path), "%s/events", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(120); /* for who waits until somebody writes */
	keep_get_events(&env, &diary);
	alarm(0);
	assert_int_equal(diary.count, 0);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
}

/* What was kept before stays whole, and nothing lies beside it. */
static void test_events_without_room(void **state)
{
	char directory[] = "/tmp/hostingpi-keep-XXXXXX", path[64];
	struct env env = {.run_dir = directory, .now_ns = fixed_now_ns};
	struct event event = {.id = 1, .kind = "state", .text = "normal -> shed"};
	struct rlimit before, none;
	static struct diary diary, next;

	(void)state;
	assert_non_null(mkdtemp(directory));
	signal(SIGXFSZ, SIG_IGN);
	diary_put(&diary, &event);
	keep_events(&env, &diary);
	diary_put(&diary, &event);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 30, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	keep_events(&env, &diary);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	snprintf(path, sizeof(path), "%s/events~", directory);
	assert_int_not_equal(access(path, F_OK), 0);
	keep_get_events(&env, &next);
	assert_int_equal(next.count, 1);
	snprintf(path, sizeof(path), "%s/events", directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hold_without_room_says_that_it_has_no_end),
		cmocka_unit_test(test_the_end_of_a_hold_is_believed_as_far_as_one_can_be),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_events_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
