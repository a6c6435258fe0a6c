/* SPDX-License-Identifier: MIT */
/*
 * The kernel wakes the agent when the alarm for the supply changes. The loop here has one place for a
 * watch, whose function the test calls as poll(2) would.
 */
#include "collector-fixture.h"

#define ALARM "sys/class/hwmon/hwmon1/in0_lcrit_alarm"

struct watch {
	int fd;
	watch_fn *fn;
	void *context;
	bool active;
};

static struct watch the_watch;
static int watches, wakes;

struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn, void *context)
{
	if (!env->loop)
		return NULL;
	assert_false(the_watch.active);
	assert_int_equal(events, WATCH_PRIORITY);
	the_watch = (struct watch){.fd = fd, .fn = fn, .context = context, .active = true};
	watches++;
	return &the_watch;
}

void watch_end(struct watch *watch)
{
	if (watch)
		watch->active = false;
}

void env_wake(const struct env *env)
{
	(void)env;
	wakes++;
}

static struct world *start(void)
{
	static char loop; /* only its address counts */
	struct world *world = world_new();

	world->env.loop = (struct loop *)&loop;
	watches = wakes = 0;
	world_write(world, "sys/class/hwmon/hwmon1/name", "rpi_volt\n");
	world_write(world, ALARM, "0\n");
	world_open(world, &temperature_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 0);
	assert_true(the_watch.active);
	return world;
}

static void signal_change(void)
{
	assert_true(the_watch.active);
	the_watch.fn(the_watch.context, WATCH_PRIORITY);
}

/* It is handed in at once, not at the next tick of a second, and then the usual pace goes on. */
static void test_change(void **state)
{
	struct world *world = start();

	(void)state;
	world->now_ns += 10 * NS_PER_MS;
	world_write(world, ALARM, "1\n");
	signal_change();
	assert_int_equal(wakes, 1);
	world_read(world);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 1);

	batch_reset(&world->batch);
	world->now_ns += 10 * NS_PER_MS;
	temperature_collector.module.read(world->self, world->now_ns, &world->batch);
	assert_int_equal(world->batch.sample_count, 0);

	world_write(world, ALARM, "0\n");
	signal_change();
	assert_int_equal(wakes, 2);
	world_read(world);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 0);
	world_free(world);
	assert_false(the_watch.active);
}

/* The first poll of a file in sysfs is always a change: nobody has to be woken for it. */
static void test_no_change(void **state)
{
	struct world *world = start();

	(void)state;
	signal_change();
	assert_int_equal(wakes, 0);
	world_free(world);
}

/* A driver that goes would signal for ever. The reading tells it, and a new one is watched again. */
static void test_driver_goes(void **state)
{
	struct world *world = start();

	(void)state;
	world_write(world, ALARM, "");
	signal_change();
	assert_false(the_watch.active);
	assert_int_equal(wakes, 1);
	world_read(world);
	assert_text_has(world_reason(world, "soc", "undervoltage"), "the sensor failed");

	world_remove(world, "sys/class/hwmon/hwmon1/name");
	world_write(world, "sys/class/hwmon/hwmon4/name", "rpi_volt\n");
	world_write(world, "sys/class/hwmon/hwmon4/in0_lcrit_alarm", "1\n");
	world->now_ns += 60 * NS_PER_S;
	world_read(world);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 1);
	assert_int_equal(watches, 2);
	assert_true(the_watch.active);
	world_free(world);
}

/* The file fails while it is only read: the watch ends before its descriptor is closed. */
static void test_driver_moves(void **state)
{
	struct world *world = start();

	(void)state;
	world_write(world, ALARM, "");
	world->now_ns += NS_PER_S;
	world_read(world);
	assert_true(the_watch.active);
	world_write(world, ALARM, "1\n");
	signal_change();
	world_read(world);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 1);
	assert_int_equal(watches, 1);

	world_write(world, ALARM, "");
	world->now_ns += NS_PER_S;
	world_read(world);
	world->now_ns += 60 * NS_PER_S;
	world_read(world);
	assert_int_equal(watches, 2);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_driver_goes),
		cmocka_unit_test(test_driver_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
