/* SPDX-License-Identifier: MIT */
/* A clock that is set takes along what the agent tells by the calendar, and the time goes on as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/agent_self.h"
#include "agent/collector.h"
#include "agent/notifier.h"
#include "agent/units.h"

#define BOOT_MS INT64_C(1795000000000)
#define NIGHT_MS (8 * INT64_C(3600000))

static int64_t now_ns, wall_ms, told_started_ms;
static int told;

static int64_t fake_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return wall_ms;
}

static int listen_to(void *self, const struct report *report)
{
	(void)self;
	assert_int_equal(report->kind, REPORT_ABOUT);
	assert_int_equal(report->about->loads, 3); /* nobody has loaded the configuration */
	told_started_ms = report->about->started_ms;
	told++;
	return 0;
}

static const struct notifier ear = {
	.module = {.name = "ear"},
	.wants = 1u << REPORT_ABOUT,
	.publish = listen_to,
};

const struct collector *const collectors[] = {NULL};
const struct notifier *const notifiers[] = {&ear, NULL};

struct world {
	struct agent agent;
	struct settings settings;
	void *confs[1];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	now_ns = 30 * NS_PER_S;
	wall_ms = BOOT_MS;
	told = 0;
	world->agent.env.now_ns = fake_now_ns;
	world->agent.env.wall_ms = fake_wall_ms;
	world->agent.settings = &world->settings;
	world->agent.loads = 3;
	world->settings.confs = world->confs;
	assert_int_equal(plant_init(&world->agent.plant, &world->agent.env, 0), 0);
	assert_int_equal(plant_open(&world->agent.plant, &world->settings, true), 0);
	agent_clock_open(&world->agent);
	world->agent.judge.controller.since_ms = BOOT_MS + 2000;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	plant_free(&world->agent.plant);
	free(world);
	return 0;
}

static void pass(int64_t ms, int64_t set_ms)
{
	now_ns += ms * NS_PER_MS;
	wall_ms += ms + set_ms;
}

static void test_time_that_passes(void **state)
{
	struct agent *agent = &((struct world *)*state)->agent;

	for (int i = 0; i < 1000; i++) {
		pass(INT64_C(7919) * i % 100000, 0);
		assert_false(agent_clock_follow(agent));
	}
	assert_int_equal(agent->judge.controller.since_ms, BOOT_MS + 2000);
	assert_int_equal(agent->env.started_ms, BOOT_MS);
	assert_int_equal(told, 0);
}

/* Whenever and however often it is set: both moments lie as far back as they did. */
static void test_a_clock_that_is_set(void **state)
{
	static const int64_t steps_ms[] = {NIGHT_MS, -NIGHT_MS, -BOOT_MS, BOOT_MS, 10000, -10000};
	struct agent *agent = &((struct world *)*state)->agent;

	for (size_t i = 0; i < sizeof(steps_ms) / sizeof(steps_ms[0]); i++) {
		pass(1000, steps_ms[i]);
		assert_true(agent_clock_follow(agent));
		assert_int_equal(wall_ms - agent->env.started_ms, now_ns / NS_PER_MS - 30000);
		assert_int_equal(wall_ms - agent->judge.controller.since_ms,
				 now_ns / NS_PER_MS - 32000);
		assert_int_equal(told, (int)i + 1);
		assert_int_equal(told_started_ms, agent->env.started_ms);
		pass(1000, 0);
		assert_false(agent_clock_follow(agent));
	}
}

/* Two looks at two clocks are not one moment; and what is small adds up. */
static void test_small_steps(void **state)
{
	struct agent *agent = &((struct world *)*state)->agent;

	pass(1000, 6000);
	assert_false(agent_clock_follow(agent));
	pass(1000, 6000);
	assert_true(agent_clock_follow(agent));
	assert_int_equal(agent->env.started_ms, BOOT_MS + 12000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time_that_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_steps, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
