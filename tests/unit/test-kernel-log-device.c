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

static unsigned failing_metric(struct fixture *fixture)
{
	unsigned metric = 0;
	while (fixture->module->metrics[metric].role != ROLE_STORAGE_FAILING)
		metric++;
	return metric;
}

static int64_t failing(struct fixture *fixture)
{
	return sample_of(fixture, failing_metric(fixture))->value;
}

/*
 * A named pipe in packet mode stands for the device: one record per read(), EAGAIN when there is none.
 * Returns the end to write into.
 */
static int start_device(struct fixture *fixture)
{
	static int some_loop;

	make_parents(fixture, "dev/kmsg");
	int r = mkfifoat(fixture->env.root_fd, "dev/kmsg", 0600);
	assert_true(r == 0 || errno == EEXIST);
	fixture->env.real_root = true;
	fixture->env.loop = (struct loop *)&some_loop;
	fixture->env.run_dir = fixture->directory;
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
	for (int i = 0; i < 250; i++) {
		char record[128];
		snprintf(record, sizeof(record), "3,%d,1,-;Write-error on swap-device (179:0:1)\n",
			 i);
		say_device(fd, record);
	}
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
	assert_non_null(strstr(sample_of(fixture, failing_metric(fixture))->text, "it ends"));
}

static void put_boot(struct fixture *fixture, char last)
{
	char text[64];
	snprintf(text, sizeof(text), "7bee0392-aceb-44f2-9b3b-0f9ece9bb14%c\n", last);
	put(fixture, "proc/sys/kernel/random/boot_id", text);
}

/* The agent ends and begins again; the device hands out everything from its start once more. */
static int restart(struct fixture *fixture, int fd)
{
	fixture->module->close(fixture->self);
	memset(fixture->self, 0, fixture->module->self_size);
	close(fd);
	return start_device(fixture);
}

static int64_t errors_after(struct fixture *fixture, int fd, int first, int last)
{
	for (int i = first; i <= last; i++) {
		char record[128];
		snprintf(record, sizeof(record), "3,%d,1,-;Read-error on swap-device (179:0:1)\n",
			 i);
		say_device(fd, record);
	}
	the_watch.fn(the_watch.context, WATCH_READ);
	sample_after(fixture, 0);
	return value_of(fixture, "swap", "read_errors");
}

static void restart_counts_nothing_twice(void **state)
{
	struct fixture *fixture = *state;

	put_boot(fixture, '1');
	int fd = start_device(fixture);
	assert_int_equal(errors_after(fixture, fd, 1, 3), 3);
	/* Written when storage has not failed for a minute. */
	sample_after(fixture, 60 * NS_PER_S);

	fd = restart(fixture, fd);
	assert_int_equal(errors_after(fixture, fd, 1, 5), 2);
	assert_int_equal(value_of(fixture, "self", "kernel_log_lost"), 0);
	sample_after(fixture, 60 * NS_PER_S);

	/* What was overwritten meanwhile is said to be lost. */
	fd = restart(fixture, fd);
	assert_int_equal(errors_after(fixture, fd, 10, 11), 2);
	assert_int_equal(value_of(fixture, "self", "kernel_log_lost"), 4);
	sample_after(fixture, 60 * NS_PER_S);

	/* Another boot: from now on, whatever the numbers. */
	put_boot(fixture, '2');
	fd = restart(fixture, fd);
	assert_int_equal(errors_after(fixture, fd, 3, 4), 2);
	assert_int_equal(value_of(fixture, "self", "kernel_log_lost"), 0);
	close(fd);
}

static void position_file_of_others(void **state)
{
	struct fixture *fixture = *state;

	put_boot(fixture, '1');
	put(fixture, "kernel_log", "nonsense\n");
	int fd = start_device(fixture);
	assert_int_equal(errors_after(fixture, fd, 1, 1), 1);
	sample_after(fixture, 60 * NS_PER_S);

	/* --once reads what is new and leaves the position to the daemon. */
	fixture->env.passing = true;
	fd = restart(fixture, fd);
	assert_int_equal(errors_after(fixture, fd, 7, 9), 3);
	sample_after(fixture, 60 * NS_PER_S);
	fixture->env.passing = false;
	fd = restart(fixture, fd);
	assert_int_equal(errors_after(fixture, fd, 2, 3), 2);
	sample_after(fixture, 60 * NS_PER_S);

	/* Ahead of the log: it must not make us deaf. */
	put(fixture, "kernel_log", "7bee0392-aceb-44f2-9b3b-0f9ece9bb141 00000000000000005000\n");
	fd = restart(fixture, fd);
	errors_after(fixture, fd, 4, 4);
	assert_int_equal(errors_after(fixture, fd, 5, 6), 2);
	close(fd);
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
	fixture->env.run_dir = fixture->directory;
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

	/* What was said before the start left its last number, and nothing else. */
	char path[64], text[64] = "";
	snprintf(path, sizeof(path), "%s/kernel_log", fixture->directory);
	int kept = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(kept, text, sizeof(text) - 1), 58);
	assert_true(strtoull(text + 37, NULL, 10) > 0);
	close(kept);
	close(writer);
	close(witness);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(device_wakes_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(storm_is_taken_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(device_that_ends_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(restart_counts_nothing_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(position_file_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(real_device_ignores_user_space, setup, teardown),
	};
	return cmocka_run_group_tests_name("kernel-log-device", tests, NULL, NULL);
}
