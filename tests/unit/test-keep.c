/* SPDX-License-Identifier: MIT */
/* An operator's hold in its file, on a file system with room and on one without. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hold_without_room_says_that_it_has_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
