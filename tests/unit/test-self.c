/* SPDX-License-Identifier: MIT */
/* The agent's own cost: always that of this very process, whatever root it looks at. */
#include "collector-fixture.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void test_own_process(void **state)
{
	const size_t size = 64 * 1024 * 1024;
	struct world *world = world_new();
	int64_t before, cpu;
	char *memory;

	(void)state;
	/* A tree must not be able to speak for us. */
	world_write(world, "proc/self/statm", "1 1 1 1 0 1 0\n");
	world_write(world, "proc/self/io", "write_bytes: 123456789012\n");
	world_open(world, &self_collector, NULL, NULL);
	world_read(world);
	before = world_value(world, "self", "rss_bytes");
	cpu = world_value(world, "self", "cpu_ms_s");
	assert_true(before > 256 * 1024);
	assert_int_not_equal(world_value(world, "self", "written_bytes"), 123456789012);

	memory = malloc(size);
	assert_non_null(memory);
	memset(memory, 1, size);
	__asm__ volatile("" : : "r"(memory) : "memory"); /* somebody might look at it */
	world_read(world);
	assert_true(world_value(world, "self", "rss_bytes") > before + (int64_t)size / 2);
	assert_true(world_value(world, "self", "cpu_ms_s") >= cpu);
	assert_in_range(world_value(world, "self", "cpu_ms_s"), 0, 3600 * 1000000LL);
	free(memory);
	world_free(world);
}

static void test_cpu_grows_with_work(void **state)
{
	struct world *world = world_new();
	struct rusage usage;
	int64_t cpu;

	(void)state;
	world_open(world, &self_collector, NULL, NULL);
	world_read(world);
	cpu = world_value(world, "self", "cpu_ms_s");
	/* Work for 20 ms of processor time, however long that takes. */
	do
		getrusage(RUSAGE_SELF, &usage);
	while (usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
		       usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec <
	       cpu + 20000);
	world_read(world);
	assert_true(world_value(world, "self", "cpu_ms_s") >= cpu + 20000);
	world_free(world);
}

/* A process that changed its user is not allowed to read its own /proc/self/io. */
static void test_io_refused(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		const struct collector *collector = &self_collector;
		struct world *world = calloc(1, sizeof(*world));
		void *self = calloc(1, collector->module.self_size);
		const struct sample *sample;

		if (!world || !self || (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) ||
		    prctl(PR_SET_DUMPABLE, 0) < 0)
			_exit(2);
		batch_reset(&world->batch);
		world->collector = collector;
		collector->module.open(self, NULL, &world->env);
		collector->module.read(self, 0, &world->batch);
		sample = world_sample(world, "self", "written_bytes", ROLE_NONE);
		_exit(sample->kind == SAMPLE_UNKNOWN &&
				      strstr(sample->text, "/proc/self/io: permission denied") &&
				      world_value(world, "self", "rss_bytes") > 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_cpu_grows_with_work),
		cmocka_unit_test(test_io_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
