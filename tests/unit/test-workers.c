/* SPDX-License-Identifier: MIT */
/*
 * The workers collector on processes made by hand: who counts, what the sum is, how soon a change is
 * seen, and what is said where nothing can be.
 */
#include "workers-world.h"

static int64_t page_bytes;

static struct world *started(int workers)
{
	struct world *world = world_new();

	page_bytes = sysconf(_SC_PAGESIZE);
	if (workers)
		put_apache(world, workers);
	world_open(world, &workers_collector, NULL, NULL);
	return world;
}

/* A worker is counted without half of what its master has: 5000 - 1000 / 2. */
static void test_sum_and_size(void **context)
{
	struct world *world = started(6);

	(void)context;
	put_process(world, 50, "sshd", 1, 100000, WORKED, 1);
	world_write(world, "proc/meminfo", "MemTotal: 1 kB\n");
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 6);
	assert_int_equal(world_value(world, "web", "memory_bytes"), (1000 + 6 * 4500) * page_bytes);
	assert_int_equal(world_value(world, "web", "worker_bytes"), 4500 * page_bytes);
	assert_int_equal(world_role(world, ROLE_WEB_BYTES), (1000 + 6 * 4500) * page_bytes);
	assert_int_equal(world_role(world, ROLE_WEB_WORKERS), 6);
	assert_int_equal(world_role(world, ROLE_WORKER_BYTES), 4500 * page_bytes);
	assert_text_has(servers(world), "apache2 6 x ");
	world_free(world);
}

static void test_growth_is_seen_in_turn(void **context)
{
	struct world *world = started(20);

	(void)context;
	world_read(world);
	for (int i = 1; i <= 20; i++)
		put_process(world, 100 + i, "apache2", 100, 9000, WORKED, 1);
	for (int i = 0; i < 3; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "memory_bytes"),
			 (1000 + 20 * 8500) * page_bytes);
	/* Two readings are enough when they follow each other quickly. */
	for (int i = 1; i <= 20; i++)
		put_process(world, 100 + i, "apache2", 100, 5000, WORKED, 1);
	for (int i = 0; i < 2; i++)
		read_after(world, NS_PER_S / 4);
	assert_int_equal(world_value(world, "web", "memory_bytes"),
			 (1000 + 20 * 4500) * page_bytes);
	world_free(world);
}

static void test_children_come_and_go_at_once(void **context)
{
	struct world *world = started(3);

	(void)context;
	world_read(world);
	put_process(world, 900, "apache2", 100, 3000, 0, 1);
	put_process(world, 901, "rotatelogs", 100, 300, 0, 1);
	put_children(world, 100, "101 102 103 900 901 ");
	read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 4);
	assert_int_equal(world_value(world, "web", "memory_bytes"),
			 (1000 + 3 * 4500 + 2500) * page_bytes);
	end_process(world, 102);
	read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 3);
	/* Its parent has not asked for it yet, and the list is a new one. */
	put_process(world, 904, "apache2", 100, 3000, 0, 1);
	put_children(world, 100, "101 102 103 900 901 904 ");
	read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 4);
	/* The number is given out again. */
	put_process(world, 102, "apache2", 100, 3000, 0, 1);
	put_children(world, 100, "102 101 103 900 901 904 ");
	for (int i = 0; i < 11; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 5);
	world_free(world);
}

static void test_a_wave_of_children(void **context)
{
	struct world *world = started(1);

	(void)context;
	world_read(world);
	put_apache(world, 40);
	read_after(world, NS_PER_S);
	assert_in_range(world_value(world, "web", "workers"), 16, 40);
	for (int i = 0; i < 2; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 40);
	world_free(world);
}

/* Without CONFIG_PROC_CHILDREN. */
static void test_without_lists_of_children(void **context)
{
	struct world *world = world_new();

	(void)context;
	put_process(world, 10, "php-fpm8.2", 1, 1000, WORKED, 1);
	put_process(world, 11, "php-fpm8.2", 10, 6000, WORKED, 1);
	world_open(world, &workers_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 1);
	put_process(world, 12, "php-fpm8.2", 10, 6000, WORKED, 1);
	for (int i = 0; i < 2; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 2);
	remove_process(world, 11);
	for (int i = 0; i < 2; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 1);
	world_free(world);
}

/* The last child of PHP-FPM has ended (pm = ondemand): the master is still none. */
static void test_a_master_stays_one(void **context)
{
	struct world *world = world_new();

	(void)context;
	put_process(world, 10, "php-fpm8.2", 1, 2000, WORKED, 1);
	put_process(world, 11, "php-fpm8.2", 10, 6000, WORKED, 1);
	put_children(world, 10, "11 ");
	world_open(world, &workers_collector, NULL, NULL);
	world_read(world);
	end_process(world, 11);
	put_children(world, 10, "");
	read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 0);
	assert_int_equal(world_value(world, "web", "memory_bytes"), 2000 * sysconf(_SC_PAGESIZE));
	assert_string_equal(servers(world), "php-fpm8.2 0 x 0.0 MB");
	/* What it learned stays. */
	assert_int_equal(world_value(world, "web", "worker_bytes"), 5000 * sysconf(_SC_PAGESIZE));
	world_free(world);
}

static void test_sizes_that_say_nothing(void **context)
{
	struct world *world = world_new();

	(void)context;
	put_process(world, 10, "nginx", 1, 1000, WORKED, 1);
	put_process(world, 11, "nginx", 10, 3000, WORKED, 1);
	world_open(world, &workers_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "web", "workers"), 1);
	assert_text_has(world_reason(world, "web", "worker_bytes"), "many requests");
	/* Fresh from the fork. */
	put_process(world, 20, "apache2", 1, 1000, WORKED, 1);
	put_process(world, 21, "apache2", 20, 6000, 1, 1);
	for (int i = 0; i < 11; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 2);
	assert_text_has(world_reason(world, "web", "worker_bytes"),
			"has done much yet; meanwhile [control] worker_size counts");
	/* It has worked, and has 20 threads for 10500 pages. */
	put_process(world, 21, "apache2", 20, 110000 * 4096 / sysconf(_SC_PAGESIZE), WORKED, 20);
	for (int i = 0; i < 4; i++)
		read_after(world, NS_PER_S);
	assert_in_range(world_value(world, "web", "worker_bytes"), 20 * MB, 23 * MB);
	world_free(world);
}

/* A shell script that becomes a web server, and a web server that becomes something else. */
static void test_names_change(void **context)
{
	struct world *world = started(2);

	(void)context;
	put_process(world, 30, "sh", 1, 100, 1, 1);
	world_read(world);
	for (int i = 0; i < 30; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 2);
	put_process(world, 30, "gunicorn: maste", 1, 100, 1, 1);
	for (int i = 0; i < 20; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 3);
	put_process(world, 102, "perl", 100, 5000, WORKED, 1);
	for (int i = 0; i < 10; i++)
		read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 2);
	world_free(world);
}

static void test_restart(void **context)
{
	struct world *world = started(1);

	(void)context;
	world_read(world);
	end_process(world, 100);
	end_process(world, 101);
	read_after(world, NS_PER_S);
	assert_text_has(world_reason(world, "web", "workers"), "no web server runs");
	/* Looked for every second now, although a listing was just made. */
	put_process(world, 210, "apache2", 1, 1000, WORKED, 1);
	put_process(world, 211, "apache2", 210, 5000, WORKED, 1);
	read_after(world, NS_PER_S);
	assert_int_equal(world_value(world, "web", "workers"), 1);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_and_size),
		cmocka_unit_test(test_growth_is_seen_in_turn),
		cmocka_unit_test(test_children_come_and_go_at_once),
		cmocka_unit_test(test_a_wave_of_children),
		cmocka_unit_test(test_without_lists_of_children),
		cmocka_unit_test(test_a_master_stays_one),
		cmocka_unit_test(test_sizes_that_say_nothing),
		cmocka_unit_test(test_names_change),
		cmocka_unit_test(test_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
