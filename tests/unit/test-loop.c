/* SPDX-License-Identifier: MIT */
/* The loop itself, with real descriptors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/env.h"
#include "agent/loop.h"

struct seen {
	struct watch *watch;
	unsigned calls, events, last_call;
};

static void count(void *context, unsigned events)
{
	struct seen *seen = context;
	seen->events = events;
	if (++seen->calls == seen->last_call)
		watch_end(seen->watch);
}

/* A descriptor with an error stays watched: only who watches it knows whether that is the end. */
static void errors_do_not_end_a_watch(void **state)
{
	struct loop *loop = loop_new(NULL);
	const struct env env = {.loop = loop};
	struct seen seen = {.last_call = 3};
	int ends[2];
	(void)state;

	assert_non_null(loop);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]); /* the other end has POLLERR from now on */
	seen.watch = env_watch(&env, ends[1], WATCH_WRITE, count, &seen);
	assert_non_null(seen.watch);
	for (int i = 0; i < 5; i++)
		loop_once(loop);
	assert_int_equal(seen.calls, 3);
	assert_int_equal(seen.events, WATCH_WRITE);
	close(ends[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_do_not_end_a_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
