/* SPDX-License-Identifier: MIT */
/*
 * The kernel log collector on a device that the loop watches, and on the real /dev/kmsg where that may
 * be read and written: what user space writes there arrives with another facility.
 */
#include "tests/unit/fake-root.h"

#include <poll.h>

#include "collectors/collectors.h"

static int setup(void **state)
{
	the_watch = (struct watch){0};
	wakes = 0;
	*state = fixture_new(&kernel_log_collector);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	assert_false(the_watch.active);
	return 0;
}

static int64_t failing(struct fixture *fixture)
{
	return value_of(fixture, "sd", NULL);
}

/*
 * A named pipe in packet mode stands for the device: one record per read(), EAGAIN when there is none.
 * Returns the end to write into.
 */
static int start_device(struct fixture *fixture)
{
	static int some_loop;

	make_parents(fixture, "dev/kmsg");
	assert_int_equal(mkfifoat(fixture->env.root_fd, "dev/kmsg", 0600), 0);
	fixture->env.real_root = true;
	fixture->env.loop = (struct loop *)&some_loop;
	start(fixture);
	assert_true(the_watch.active);
	int fd = openat(fixture->env.root_fd, "dev/kmsg", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_DIRECT | O_NONBLOCK), 0);
	return fd;
}

static void say_device(int fd, const char *record)
{
	assert_int_equal(write(fd, record, strlen(record)), strlen(record));
}

static void device_wakes_at_once(void **state)
{
	struct fixture *fixture = *state;
	int fd = start_device(fixture);

	say_device(fd, "6,10,100,-;usb 1-1: new high-speed USB device\n SUBSYSTEM=usb\n");
	the_watch.fn(the_watch.context, WATCH_READ);
	assert_int_equal(wakes, 0);

	say_device(fd, "1,11,200,-;Read-error on swap-device (179:0:3344640)\n");
	say_device(fd, "1,12,201,-;Read-error on swap-device (179:0:3344648)\n");
	the_watch.fn(the_watch.context, WATCH_READ);
	assert_int_equal(wakes, 1);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 2);
	assert_int_equal(failing(fixture), 1);
	assert_int_equal(fixture->batch.event_count, 1);

	/* Another line of the same incident is only counted. */
	say_device(fd, "1,13,300,-;Read-error on swap-device (179:0:3344656)\n");
	the_watch.fn(the_watch.context, WATCH_READ);
	assert_int_equal(wakes, 1);
	close(fd);
}

/* A storm of records must not keep the loop: one call takes a part, the next one the rest. */
static void storm_is_taken_in_parts(void **state)
{
	struct fixture *fixture = *state;
	int fd = start_device(fixture);

	/* A packet takes a page of the pipe, which has 16 by default. */
	assert_true(fcntl(fd, F_SETPIPE_SZ, 256 * 4096) > 0);
	for (int i = 0; i < 250; i++)
		say_device(fd, "3,1,1,-;Write-error on swap-device (179:0:1)\n");
	the_watch.fn(the_watch.context, WATCH_READ);
	sample_after(fixture, 0);
	assert_in_range(value_of(fixture, "swap", "write_errors"), 1, 249);
	for (int i = 0; i < 3; i++)
		the_watch.fn(the_watch.context, WATCH_READ);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 250);
	close(fd);
}

/* A descriptor that is always readable and never says anything must not spin the loop. */
static void device_that_ends_is_given_up(void **state)
{
	struct fixture *fixture = *state;
	int fd = start_device(fixture);

	say_device(fd, "1,1,200,-;Read-error on swap-device (179:0:3344640)\n");
	close(fd);
	the_watch.fn(the_watch.context, WATCH_READ);
	assert_false(the_watch.active);
	sample_after(fixture, 0);
	assert_non_null(strstr(reason_of(fixture, "sd", "write_errors"), "it ends"));
	/* What was seen before is told, and holds. */
	assert_int_equal(failing(fixture), 1);
	assert_int_equal(fixture->batch.event_count, 1);
	sample_after(fixture, 60 * NS_PER_S);
	assert_non_null(strstr(reason_of(fixture, "sd", NULL), "it ends"));
}

/* Forged lines through the real device: seen, and not counted. */
static void real_device_ignores_user_space(void **state)
{
	struct fixture *fixture = *state;
	static int some_loop;
	/* Without the line end the kernel would hold it back until somebody says something else. */
	static const char forged[] = "<1>Read-error on swap-device (179:0:1) hostingpi-test\n";
	char record[8192];

	int writer = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int witness = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;
	if (writer < 0 || witness < 0 || fstat(writer, &stat) < 0 || !S_ISCHR(stat.st_mode) ||
	    lseek(witness, 0, SEEK_END) < 0) {
		close(writer);
		close(witness);
		print_message("skipped: /dev/kmsg may not be read and written here\n");
		skip();
	}

	close(fixture->env.root_fd);
	fixture->env.root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture->env.real_root = true;
	fixture->env.loop = (struct loop *)&some_loop;
	start(fixture);
	assert_true(the_watch.active);

	assert_int_equal(write(writer, forged, strlen(forged)), strlen(forged));
	bool seen = false;
	while (!seen) {
		struct pollfd poll_fd = {.fd = witness, .events = POLLIN};
		/* 30 s is for a machine that hardly runs; the record is there at once. */
		assert_int_equal(poll(&poll_fd, 1, 30000), 1);
		ssize_t length = read(witness, record, sizeof(record) - 1);
		if (length < 0)
			continue; /* overrun or longer than any of ours */
		record[length] = '\0';
		seen = strstr(record, "hostingpi-test") != NULL;
	}
	assert_int_not_equal(atoi(record) / 8, 0);

	/* Enough turns for all that others may have said meanwhile. */
	for (int i = 0; i < 16; i++)
		the_watch.fn(the_watch.context, WATCH_READ);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 0);
	close(writer);
	close(witness);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(device_wakes_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(storm_is_taken_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(device_that_ends_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(real_device_ignores_user_space, setup, teardown),
	};
	return cmocka_run_group_tests_name("kernel-log-device", tests, NULL, NULL);
}
