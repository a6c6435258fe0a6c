/* SPDX-License-Identifier: MIT */
/*
 * The workers collector at its limits: more workers and processes than there is room for, a /proc that
 * hides, is missing or lies, and no descriptor left.
 */
#include "workers-world.h"

#include <sys/resource.h>

#include "collectors/workers_scan.h"

static struct world *opened(struct world *world)
{
	world_open(world, &workers_collector, NULL, NULL);
	return world;
}

/* The sum is scaled up, and it says so. */
static void test_more_than_the_table_holds(void **context)
{
	struct world *world = world_new();
	int64_t page_bytes = sysconf(_SC_PAGESIZE);

	(void)context;
	put_apache(world, 300);
	opened(world);
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 300);
	assert_int_equal(world_value(world, "web", "memory_bytes"),
			 (1000 + 300 * 4500) * page_bytes);
	assert_text_has(servers(world), "and 45 not measured");
	/* Places that become free are taken. */
	for (int i = 1; i <= 60; i++)
		remove_process(world, 100 + i);
	for (int i = 0; i < 20; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 240);
	assert_null(strstr(servers(world), "not measured"));
	world_free(world);
}

static void test_names_that_do_not_fit(void **context)
{
	static const char *const names[] = {
		"php-fpm-a-long-", "php-fpm-b-long-", "php-fpm-c-long-",
		"php-fpm-d-long-", "php-fpm-e-long-",
	};
	struct world *world = world_new();

	(void)context;
	for (int i = 0; i < 5; i++)
		put_process(world, 10 + i, names[i], 1, 1000, WORKED, 1);
	opened(world);
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 5);
	assert_text_has(servers(world), ", ...");
	assert_true(strlen(servers(world)) < 64);
	world_free(world);
}

static void test_more_processes_than_are_noted(void **context)
{
	struct world *world = world_new();
	char path[64];

	(void)context;
	put_apache(world, 3);
	for (int i = 0; i < WORKERS_NOTES; i++) {
		snprintf(path, sizeof(path), "proc/%d/comm", 1000 + i);
		world_write(world, path, "other\n");
	}
	opened(world);
	world_read(world);
	assert_text_has(world_reason(world, "web", "memory_bytes"), "more than 2048 processes");
	world_free(world);
}

static void test_reasons(void **context)
{
	struct world *world = opened(world_new());

	(void)context;
	world_read(world);
	assert_text_has(world_reason(world, "web", "workers"), "/proc: the file is not there");
	world_free(world);

	world = world_new();
	world_write(world, "proc/meminfo", "\n");
	opened(world);
	world_read(world);
	assert_text_has(world_reason(world, "web", "workers"), "no web server runs");
	world_free(world);

	/* The machine itself always has a process 1, unless it is hidden. */
	world = world_new();
	world_write(world, "proc/meminfo", "\n");
	world->env.real_root = true;
	opened(world);
	world_read(world);
	assert_text_has(world_reason(world, "web", "workers"), "hidepid=0");
	world_free(world);

	world = world_new();
	put_apache(world, 3);
	world_open(world, &workers_collector, "names", "");
	world_read(world);
	assert_text_has(world_reason(world, "web", "worker_bytes"), "switched off");
	world_free(world);
}

static void test_other_names(void **context)
{
	struct world *world = world_new();

	(void)context;
	put_apache(world, 3);
	put_process(world, 7, "my-server", 1, 2000, WORKED, 1);
	world_open(world, &workers_collector, "names", "my-*");
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 1);
	assert_int_equal(world_value(world, "web", "memory_bytes"), 2000 * sysconf(_SC_PAGESIZE));
	world_free(world);
}

static void test_files_that_lie(void **context)
{
	static const char *const statm[] = {
		"",
		"x",
		"-1",
		"90000",
		"90000 1 2",
		"90000 99999999999999999999 0 1 1 1 1\n",
		"90000 -5 0 0 0 0 0\n",
		"90000 9223372036854775807 0 0 0 0 0\n",
	};
	struct world *world = world_new();
	char path[64];

	(void)context;
	put_apache(world, 2);
	for (int i = 0; i < 8; i++) {
		put_process(world, 200 + i, "apache2", 100, 5000, WORKED, 1);
		snprintf(path, sizeof(path), "proc/%d/statm", 200 + i);
		world_write(world, path, statm[i]);
		put_process(world, 300 + i, "apache2", 100, 5000, WORKED, 1);
		snprintf(path, sizeof(path), "proc/%d/stat", 300 + i);
		world_write(world, path, statm[i]);
	}
	put_children(world, 100, "101 -5 102 x 99999999999999 ((");
	world_write(world, "proc/99999999999999/stat", "9 (apache2) S 1");
	world_write(world, "proc/12x/stat", "9 (apache2) S 1");
	opened(world);
	for (int i = 0; i < 30; i++)
		read_after(world, NS_PER_S);
	/* A stat that lies names nobody; without a statm a worker counts like the others. */
	assert_int_equal(world_value(world, "web", "workers"), 2 + 8);
	assert_int_equal(world_value(world, "web", "memory_bytes"),
			 (1000 + 10 * 4500) * sysconf(_SC_PAGESIZE));
	assert_text_has(servers(world), "8 not measured");
	world_free(world);
}

static void test_no_descriptor_left(void **context)
{
	struct world *world = world_new();
	struct rlimit before, low;

	(void)context;
	put_apache(world, 20);
	opened(world);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = (rlim_t)count_descriptors() + 8;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	world_read(world);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 20; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 20);
	assert_null(strstr(servers(world), "not measured"));
	world_free(world);
}

/* Processes come and go at random; after a quiet time everything is right again. */
static void test_at_random(void **context)
{
	struct world *world = world_new();
	bool there[64] = {false};

	(void)context;
	srand(3);
	put_process(world, 1, "init", 0, 100, 1, 1);
	opened(world);
	for (int round = 0; round < 60; round++) {
		int64_t expected = 0, count = 0;

		for (int i = 0; i < 64; i++) {
			bool want = rand() % 3 == 0;
			if (want)
				put_process(world, 500 + i, "php-cgi", 1, 100 + i, WORKED, 1);
			else if (there[i])
				remove_process(world, 500 + i);
			there[i] = want;
			count += want;
			expected += want ? 100 + i : 0;
		}
		for (int i = 0; i < 40; i++)
			read_after(world, NS_PER_S / (1 + rand() % 4));
		for (int i = 0; i < 20; i++)
			read_after(world, NS_PER_S);
		if (count == 0)
			continue;
		assert_int_equal(world_value(world, "web", "workers"), count);
		assert_int_equal(world_value(world, "web", "memory_bytes"),
				 expected * sysconf(_SC_PAGESIZE));
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_than_the_table_holds),
		cmocka_unit_test(test_names_that_do_not_fit),
		cmocka_unit_test(test_more_processes_than_are_noted),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_files_that_lie),
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
