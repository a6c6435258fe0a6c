/* SPDX-License-Identifier: MIT */
/* The memory of the ring: what of it outlives a process, what stands in for it, and that a full tmpfs is survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mqtt-ring-world.h"

static char folder[64], path[128], reason[128];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/dev/shm/hostingpi-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/mqtt-ring", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct mqtt_ring_file *open_in(const char *run_dir)
{
	struct mqtt_ring_file *file;

	assert_int_equal(mqtt_ring_file_open(&file, run_dir, reason, sizeof(reason)), 0);
	return file;
}

/* It works as a ring, and whatever it is, samples come back. */
static void expect_works(struct mqtt_ring_file *file, bool anonymous)
{
	struct world world = {.memory = *mqtt_ring_file_memory(file), .now_ns = 1};

	assert_int_equal(reason[0] != '\0', anonymous);
	world.ring = mqtt_ring_new(&world.memory);
	assert_non_null(world.ring);
	for (uint64_t i = 1; i <= 12000; i++)
		world_put(&world, i);
	for (uint64_t i = world_next(&world, UINT64_MAX); i; i = world_next(&world, UINT64_MAX))
		mqtt_ring_done(world.ring, i);
	assert_int_equal(mqtt_ring_counts(world.ring).samples, 0);
	mqtt_ring_free(world.ring);
	mqtt_ring_file_close(file);
}

static blkcnt_t blocks(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, MQTT_RING_BYTES);
	return status.st_blocks;
}

static void test_a_file_of_a_tmpfs(void **state)
{
	(void)state;
	expect_works(open_in(folder), false);
	/* After a replay: one slot and the two directories at most, in blocks of 512. */
	assert_in_range(blocks(), 8, (16384 + 2 * 4096) / 512);
}

static void test_another_process_finds_it(void **state)
{
	(void)state;
	struct world world = {.now_ns = 1};
	struct mqtt_ring_file *file;
	pid_t child = fork();
	int status;

	if (child == 0) {
		world.memory = *mqtt_ring_file_memory(open_in(folder));
		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t i = 1; i <= 1000; i++)
			mqtt_ring_told(world.ring, world_put(&world, i));
		mqtt_ring_confirm(world.ring, 10);
		mqtt_ring_put_event(world.ring, "hello", 5);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	file = open_in(folder);
	assert_string_equal(reason, "");
	world.memory = *mqtt_ring_file_memory(file);
	world.ring = mqtt_ring_new(&world.memory);
	assert_int_equal(mqtt_ring_counts(world.ring).untold, 990);
	assert_int_equal(mqtt_ring_counts(world.ring).events, 1);
	for (uint64_t i = 11; i <= 1000; i++)
		assert_int_equal(world_next(&world, UINT64_MAX), i);
	world_put(&world, 1001);
	mqtt_ring_free(world.ring);
	mqtt_ring_file_close(file);
}

static void test_two_agents_do_not_share_it(void **state)
{
	(void)state;
	struct mqtt_ring_file *file = open_in(folder);

	expect_works(open_in(folder), true);
	assert_string_equal(reason, "another process has mqtt-ring");
	mqtt_ring_file_close(file);
	expect_works(open_in(folder), false);
}

static void test_what_is_no_file_of_ours_stays_as_it_is(void **state)
{
	(void)state;
	char other[160];
	struct stat status;

	snprintf(other, sizeof(other), "%s-other", folder);
	assert_int_equal(symlink(other, path), 0);
	expect_works(open_in(folder), true);
	assert_int_not_equal(access(other, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_works(open_in(folder), true);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_works(open_in(folder), true);
	assert_int_equal(rmdir(path), 0);
	if (geteuid() == 0) {
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_int_equal(write(fd, "x", 1), 1);
		assert_int_equal(fchown(fd, 1, 1), 0);
		close(fd);
		expect_works(open_in(folder), true);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_size, 1);
	}
}

static void test_never_a_file_on_a_disk(void **state)
{
	(void)state;
	expect_works(open_in("/nonexistent/folder"), true);
	expect_works(open_in("/proc/self"), true);
	assert_non_null(strstr(reason, "not in memory"));
}

static void test_files_of_any_length(void **state)
{
	(void)state;
	static const off_t lengths[] = {0, 1, 5000, 100000, MQTT_RING_BYTES + 4096};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct mqtt_ring_file *file = open_in(folder);
		struct world world = {.memory = *mqtt_ring_file_memory(file), .now_ns = 1};
		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t j = 1; j <= 3000; j++)
			world_put(&world, j);
		mqtt_ring_free(world.ring);
		mqtt_ring_file_close(file);
		assert_int_equal(truncate(path, lengths[i]), 0);
		assert_int_equal(chmod(path, 0644), 0); /* by an older version, or by hand */
		file = open_in(folder);
		blocks();
		world.memory = *mqtt_ring_file_memory(file);
		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t j = world_next(&world, UINT64_MAX), before = 0; j;
		     j = world_next(&world, UINT64_MAX)) {
			assert_true(j > before);
			before = j;
		}
		assert_int_equal(mqtt_ring_counts(world.ring).samples == 3000,
				 lengths[i] > MQTT_RING_BYTES);
		mqtt_ring_free(world.ring);
		mqtt_ring_file_close(file);
		unlink(path);
	}
}

/* Pages that are in memory. */
static size_t resident(const struct world *world)
{
	static unsigned char pages[MQTT_RING_BYTES / 4096];
	size_t count = 0;

	assert_int_equal(mincore(world->memory.bytes, MQTT_RING_BYTES, pages), 0);
	for (size_t i = 0; i < MQTT_RING_BYTES / (size_t)sysconf(_SC_PAGESIZE); i++)
		count += pages[i] & 1;
	return count;
}

/* By root, or by a hook: while it is in use. */
static void test_cut_short_while_in_use(void **state)
{
	(void)state;
	for (off_t length = 0; length <= 20480; length += 4096) {
		struct mqtt_ring_file *file = open_in(folder);
		struct world world = {.memory = *mqtt_ring_file_memory(file), .now_ns = 1};
		struct stat status;

		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t i = 1; i <= 3000; i++)
			world_put(&world, i);
		assert_false(mqtt_ring_file_was_cut(file, reason, sizeof(reason)));
		assert_int_equal(truncate(path, length), 0);
		for (uint64_t i = world_next(&world, UINT64_MAX); i;
		     i = world_next(&world, UINT64_MAX))
			mqtt_ring_done(world.ring, i);
		for (uint64_t i = 3001; i <= 12000; i++)
			world_put(&world, i);
		assert_true(mqtt_ring_file_was_cut(file, reason, sizeof(reason)));
		assert_string_equal(reason, "mqtt-ring was cut short by another process");
		assert_false(mqtt_ring_file_was_cut(file, reason, sizeof(reason)));
		mqtt_ring_put_event(world.ring, "lost", 4);
		mqtt_ring_scrap(world.ring);
		assert_int_equal(mqtt_ring_counts(world.ring).samples, 0);
		assert_int_equal(mqtt_ring_counts(world.ring).events, 0);
		assert_true(mqtt_ring_counts(world.ring).lost > 0);
		for (uint64_t i = 12001; i <= 12010; i++)
			world_put(&world, i);
		mqtt_ring_put_event(world.ring, "hello", 5);
		assert_int_equal(mqtt_ring_counts(world.ring).events, 1);
		assert_int_equal(world_next(&world, UINT64_MAX), 12001);
		for (uint64_t i = world_next(&world, UINT64_MAX); i;
		     i = world_next(&world, UINT64_MAX)) {
			assert_in_range(i, 12002, 12010);
			mqtt_ring_done(world.ring, i);
		}
		/* It takes memory of its own now, gives it back, and leaves the file as it was cut. */
		assert_in_range(resident(&world), 1, 16);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_size, length);
		mqtt_ring_free(world.ring);
		mqtt_ring_file_close(file);
		unlink(path);
		expect_works(open_in(folder), false);
		unlink(path);
	}
}

/* After a reload: the end of the ring before leaves this one guarded. */
static void test_cut_short_after_another_was_closed(void **state)
{
	(void)state;
	char other[] = "/dev/shm/hostingpi-test-XXXXXX", other_path[128];
	struct mqtt_ring_file *before, *file;

	assert_non_null(mkdtemp(other));
	snprintf(other_path, sizeof(other_path), "%s/mqtt-ring", other);
	before = open_in(other);
	file = open_in(folder);
	mqtt_ring_file_close(before);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(mqtt_ring_file_memory(file)->bytes[0], 0);
	assert_true(mqtt_ring_file_was_cut(file, reason, sizeof(reason)));
	mqtt_ring_file_close(file);
	unlink(other_path);
	assert_int_equal(rmdir(other), 0);
}

/* Any other one ends the process as ever. */
static void test_another_bus_error(void **state)
{
	(void)state;
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct mqtt_ring_file *file = open_in(folder);
		int fd = memfd_create("other", MFD_CLOEXEC);
		volatile char *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		*bytes = 1;
		mqtt_ring_file_close(file);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

/* Memory in its place cures it once. What comes again would come for ever. */
static void test_a_bus_error_that_stays(void **state)
{
	(void)state;
	pid_t child = fork();
	int status;

	if (child == 0) {
		const struct mqtt_ring_memory *memory = mqtt_ring_file_memory(open_in(folder));
		volatile char *bytes = memory->bytes;
		int fd = memfd_create("other", MFD_CLOEXEC);

		for (unsigned round = 0; round < 2; round++) {
			mmap(memory->bytes, MQTT_RING_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, fd, 0);
			*bytes = 1;
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

/* One that somebody sends is not about the memory, and does not come a second time by itself. */
static void test_a_bus_error_that_was_sent(void **state)
{
	(void)state;
	pid_t child = fork();
	int status;

	if (child == 0) {
		open_in(folder);
		kill(getpid(), SIGBUS);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

/* Where a tmpfs of its own may be mounted: no page is there that the ring has not reserved. */
static void test_a_full_tmpfs_raises_no_signal(void **state)
{
	(void)state;
	if (mount("tmpfs", folder, "tmpfs", 0, "size=64k,mode=755") < 0)
		skip();
	for (unsigned round = 0; round < 2; round++) {
		struct mqtt_ring_file *file = open_in(folder);
		struct world world = {.memory = *mqtt_ring_file_memory(file), .now_ns = 1};
		char text[2048];
		uint64_t number;
		world.ring = mqtt_ring_new(&world.memory);
		for (uint64_t i = 1; i <= 5000; i++) {
			assert_int_equal(mqtt_ring_put(world.ring, (int64_t)i, text,
						       world_document(i, text, sizeof(text)),
						       &number),
					 0);
			mqtt_ring_put_event(world.ring, text, 500);
		}
		assert_true(mqtt_ring_counts(world.ring).thinned > 1000);
		assert_true(mqtt_ring_counts(world.ring).samples > 10);
		mqtt_ring_free(world.ring);
		mqtt_ring_file_close(file);
	}
	assert_int_equal(umount(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_file_of_a_tmpfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_process_finds_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_agents_do_not_share_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_file_of_ours_stays_as_it_is, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_never_a_file_on_a_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_of_any_length, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_short_while_in_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_short_after_another_was_closed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_another_bus_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bus_error_that_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_bus_error_that_was_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_full_tmpfs_raises_no_signal, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
