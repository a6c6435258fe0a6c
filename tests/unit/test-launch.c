/* SPDX-License-Identifier: MIT */
/* When a program may be started again after the disk failed: never while it does, and not for a day either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/state.h"
#include "agent/units.h"
#include "notifiers/launch.h"

enum { STALLED, STOPPED, SWAP, KERNEL, ERRORS, FS_ERRORS, FINISHED, METRICS };

static const struct metric metrics[METRICS] = {
	[STALLED] = {.group = "sd", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
	[STOPPED] = {.group = "fs", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
	[SWAP] = {.group = "swap", .unit = UNIT_BOOL, .role = ROLE_SWAP_FAILING},
	[KERNEL] = {.group = "self", .unit = UNIT_BOOL, .role = ROLE_KERNEL_FAILING},
	[ERRORS] = {.group = "sd", .kind = METRIC_COUNTER, .role = ROLE_STORAGE_ERRORS},
	[FS_ERRORS] = {.group = "fs", .name = "errors", .role = ROLE_FS_ERRORS},
	[FINISHED] = {.group = "sd", .kind = METRIC_COUNTER, .role = ROLE_STORAGE_FINISHED},
};

struct world {
	struct state *state;
	struct state_source source;
	int64_t now_ns;
	int64_t values[METRICS]; /* < 0: unknown */
	struct launch launch;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->state = state_new(METRICS);
	assert_int_equal(state_add(world->state, metrics, METRICS, 3600 * NS_PER_S, &world->source),
			 0);
	world->now_ns = 1000 * NS_PER_S;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	state_free(world->state);
	free(world);
	return 0;
}

static const char *look(struct world *world)
{
	struct snapshot snapshot = {.now_ns = world->now_ns, .state = world->state};
	struct batch batch;

	batch_reset(&batch);
	for (unsigned i = 0; i < METRICS; i++) {
		if (world->values[i] < 0)
			batch_unknown(&batch, i, "not known");
		else
			batch_value(&batch, i, world->values[i]);
	}
	state_update(world->state, world->source, &batch, world->now_ns);
	return launch_forbidden(&world->launch, &snapshot);
}

/* Seconds with a look in each; rate: requests that the disk finishes in one. The last answer. */
static const char *pass(struct world *world, int seconds, int64_t rate)
{
	const char *why = NULL;

	while (seconds-- > 0) {
		world->now_ns += NS_PER_S;
		world->values[FINISHED] += rate;
		why = look(world);
	}
	return why;
}

static void test_one_failed_request(void **state)
{
	struct world *world = *state;

	assert_null(look(world));
	world->values[ERRORS] = 1;
	assert_string_equal(look(world), "storage failed less than a minute ago");
	assert_non_null(pass(world, 59, 1));
	assert_null(pass(world, 1, 1));
	assert_null(pass(world, 3600, 0)); /* that it is idle from then on is no matter */
}

static void test_it_goes_on_failing(void **state)
{
	struct world *world = *state;

	look(world);
	for (int i = 0; i < 50; i++) {
		world->values[i % 2 ? ERRORS : FS_ERRORS]++;
		look(world);
		assert_non_null(pass(world, 59, 5));
	}
	assert_null(pass(world, 1, 5));
}

/* A minute from the end of each, the kernel's own trouble excepted: its alarm lasts for a minute as it is. */
static void test_while_it_is_so(void **state)
{
	struct world *world = *state;

	for (unsigned sign = STALLED; sign <= KERNEL; sign++) {
		world->values[sign] = 1;
		assert_string_equal(pass(world, 4000, 1), sign == KERNEL ? "the kernel is failing"
									 : "storage is failing");
		world->values[sign] = 0;
		if (sign != KERNEL)
			assert_non_null(pass(world, 59, 1));
		assert_null(pass(world, 1, 1));
	}
	world->values[KERNEL] = world->values[STALLED] = 1;
	assert_string_equal(look(world), "storage is failing");
}

/* Nothing is asked of it, or what is asked for hangs there. */
static void test_without_a_sign_of_life(void **state)
{
	static const char waits[] =
		"storage failed and has finished nothing since: waits 10 minutes";
	struct world *world = *state;

	look(world);
	world->values[ERRORS] = 1;
	look(world);
	pass(world, 20, 100); /* what failed meanwhile */
	assert_string_equal(pass(world, 100, 0), waits);
	assert_null(pass(world, 1, 1));
	world->values[ERRORS] = 2;
	look(world);
	assert_string_equal(pass(world, 599, 0), waits);
	assert_null(pass(world, 1, 0));
	/* Half a minute after it failed it works, and then has nothing to do. */
	world->values[ERRORS] = 3;
	look(world);
	pass(world, 35, 1);
	assert_null(pass(world, 25, 0));
}

static void test_what_is_not_known(void **state)
{
	struct world *world = *state;

	/* No disk, or none that is counted. */
	world->values[FINISHED] = -1;
	world->values[STALLED] = -1;
	assert_null(look(world));
	world->values[ERRORS] = 1;
	assert_non_null(pass(world, 60, 0));
	assert_null(pass(world, 1, 0));
	/* The log is lost for a while, and counts anew after that. */
	world->values[ERRORS] = -1;
	assert_null(pass(world, 5, 0));
	world->values[ERRORS] = 1;
	assert_null(pass(world, 1, 0));
	world->values[ERRORS] = 0;
	assert_null(pass(world, 1, 0));
	world->values[ERRORS] = 5;
	assert_non_null(pass(world, 1, 0));
	/* From 5 to 0 and on to 2 in one step. */
	assert_null(pass(world, 600, 0));
	world->values[ERRORS] = 2;
	assert_non_null(pass(world, 1, 0));
}

/* The file system remembers its errors over reboots, the other counter begins with the agent. */
static void test_at_first_sight(void **state)
{
	struct world *world = *state;

	world->values[FS_ERRORS] = 7;
	assert_null(look(world));
	world->launch = (struct launch){0};
	world->values[ERRORS] = 3;
	assert_non_null(look(world));
}

/* Whatever happens: never within a minute of a sign, and always after ten minutes without one. */
static void test_any_course(void **state)
{
	struct world *world = *state;
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
	int64_t sign_ns = 0;

	printf("SEED=%u\n", seed);
	srand(seed);
	look(world);
	for (int i = 0; i < 20000; i++) {
		bool failing = rand() % 400 == 0;
		const char *why;

		world->now_ns += rand() % 3 * NS_PER_S;
		for (unsigned sign = STALLED; sign <= SWAP; sign++)
			world->values[sign] = rand() % 1000 == 0;
		failing |= world->values[STALLED] || world->values[STOPPED] || world->values[SWAP];
		world->values[ERRORS] += failing;
		world->values[FINISHED] += rand() % 100 == 0;
		if (failing)
			sign_ns = world->now_ns;
		why = look(world);
		if (sign_ns && world->now_ns - sign_ns < LAUNCH_QUIET_NS)
			assert_non_null(why);
		if (world->now_ns - sign_ns >= LAUNCH_IDLE_NS)
			assert_null(why);
	}
}

#define LAUNCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAUNCH_TEST(test_one_failed_request), LAUNCH_TEST(test_it_goes_on_failing),
		LAUNCH_TEST(test_while_it_is_so),     LAUNCH_TEST(test_without_a_sign_of_life),
		LAUNCH_TEST(test_what_is_not_known),  LAUNCH_TEST(test_at_first_sight),
		LAUNCH_TEST(test_any_course),
	};
	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
