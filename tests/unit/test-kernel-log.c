/* SPDX-License-Identifier: MIT */
/*
 * The kernel log collector on a plain file: counters, incidents, the hard level, what does not count
 * and how a file is followed. The lines are those of cards that failed (Linux 6.1 on a Pi 3).
 */
#include "tests/unit/fake-root.h"

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

/* Appends a record of the kernel (prefix 3: facility 0, level error). */
static void say(struct fixture *fixture, const char *text)
{
	static unsigned sequence;
	char line[600];

	snprintf(line, sizeof(line), "3,%u,%u,-;%s\n", sequence, 1000 * sequence, text);
	sequence++;
	append(fixture, "dev/kmsg", line);
}

static void expect_event(struct fixture *fixture, size_t index, const char *kind, const char *text)
{
	assert_true(index < fixture->batch.event_count);
	assert_string_equal(fixture->batch.events[index].kind, kind);
	assert_string_equal(fixture->batch.events[index].text, text);
}

/* The value of a metric that only plays a role. */
static int64_t role(struct fixture *fixture, enum metric_role wanted)
{
	for (unsigned i = 0; i < fixture->module->metric_count; i++) {
		if (fixture->module->metrics[i].role != wanted)
			continue;
		const struct sample *sample = sample_of(fixture, i);
		assert_null(fixture->module->metrics[i].name);
		assert_int_equal(sample->kind, SAMPLE_VALUE);
		return sample->value;
	}
	fail_msg("no metric with role %d", (int)wanted);
	return 0;
}

static int64_t failing(struct fixture *fixture)
{
	return role(fixture, ROLE_STORAGE_FAILING);
}

static const char write_error[] = "I/O error, dev mmcblk0, sector 4396032 op 0x1:(WRITE) flags "
				  "0x800 phys_seg 43 prio class 2";
static const char read_error[] = "I/O error, dev mmcblk0, sector 4392960 op 0x0:(READ) flags "
				 "0x80700 phys_seg 64 prio class 2";

static void counts_from_the_beginning(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, write_error);
	say(fixture, "EXT4-fs warning (device mmcblk0p3): ext4_end_bio:343: I/O error 10 writing "
		     "to inode 12 starting block 549504)");
	say(fixture, "Buffer I/O error on device mmcblk0p3, logical block 33280");
	say(fixture, read_error);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 1);
	assert_int_equal(value_of(fixture, "sd", "read_errors"), 1);
	assert_int_equal(value_of(fixture, "sd", "timeouts"), 0);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 0);
	assert_int_equal(failing(fixture), 0);
	assert_int_equal(role(fixture, ROLE_STORAGE_ERRORS), 2);
	/* Four layers, one fault. */
	assert_int_equal(fixture->batch.event_count, 1);
	expect_event(fixture, 0, "sd-write-error",
		     "Disk write failed: I/O error, dev mmcblk0, sector 4396032 op 0x1:(WRITE) "
		     "flags 0x800 phys_seg 43 prio class 2");
	assert_int_equal(fixture->batch.events[0].severity, SEVERITY_WARNING);

	/* Lines that are added are taken at the next sample, once. */
	say(fixture, write_error);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 2);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 2);
}

/* Swap fails, and 2.8 s later the kernel panicked: the hard level, for 60 s from the last line. */
static void swap_errors_fail_storage(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "dev/kmsg", "");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(failing(fixture), 0);
	say(fixture, "I/O error, dev mmcblk0, sector 3344640 op 0x0:(READ) flags 0x0 phys_seg 1 "
		     "prio class 2");
	say(fixture, "Read-error on swap-device (179:0:3344640)");
	say(fixture, "Write-error on swap-device (179:0:3211264)");
	say(fixture, "Write error -5 on dio swapfile (4096)");
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "read_errors"), 1);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 1);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 2);
	assert_int_equal(failing(fixture), 1);
	/* The failed read, and what it means; nobody said which disk (179:0) is. */
	assert_int_equal(fixture->batch.event_count, 2);
	expect_event(fixture, 1, "swap-read-error",
		     "Swap unreadable: Read-error on swap-device (179:0:3344640)");
	assert_int_equal(fixture->batch.events[1].severity, SEVERITY_CRITICAL);

	sample_after(fixture, 59 * NS_PER_S);
	assert_int_equal(failing(fixture), 1);
	say(fixture, "Read-error on swap-device (179:0:3344641)");
	sample_after(fixture, 0);
	sample_after(fixture, 60 * NS_PER_S - 1);
	assert_int_equal(failing(fixture), 1);
	sample_after(fixture, 1);
	assert_int_equal(failing(fixture), 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 2);
}

/* On a Pi the radio chip is a card on mmc1; only hosts of disks count. */
static void radio_is_no_card(void **state)
{
	struct fixture *fixture = *state;

	make_parents(fixture, "sys/block/mmcblk0/stat");
	say(fixture, "mmc1: card 0001 removed");
	say(fixture, "mmc1: Timeout waiting for hardware interrupt.");
	say(fixture, "mmc1: new high speed SDIO card at address 0001");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(failing(fixture), 0);
	assert_int_equal(value_of(fixture, "sd", "timeouts"), 0);
	assert_int_equal(fixture->batch.event_count, 0);
	say(fixture, "mmc0: Timeout waiting for hardware interrupt.");
	say(fixture, "mmc0: sdhci: ============ SDHCI REGISTER DUMP ===========");
	say(fixture, "mmc0: sdhci: Sys addr:  0x00000008 | Version:  0x00001002");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "timeouts"), 1);
	assert_int_equal(fixture->batch.event_count, 1);
}

static void suppressed_lines_count(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, read_error);
	say(fixture, "blk_print_req_error: 510 callbacks suppressed");
	say(fixture, "Buffer I/O error on dev mmcblk0p2, logical block 0, lost async page write");
	say(fixture, "net_ratelimit: 23807 callbacks suppressed");
	say(fixture, "end_swap_bio_write: 12 callbacks suppressed");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "read_errors"), 511);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 0);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 12);
	assert_int_equal(failing(fixture), 1);
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 1);
	expect_event(fixture, 0, "sd-read-error",
		     "mmcblk0, in 1 s: 511 read errors, 1 buffer errors");
}

static void one_incident_not_many(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 24; i++)
		say(fixture, write_error);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 24);
	assert_int_equal(fixture->batch.event_count, 1);
	assert_int_equal(fixture->batch.events[0].values[0].value, 1);
	sample_after(fixture, 9999 * NS_PER_MS);
	assert_int_equal(fixture->batch.event_count, 0);
	sample_after(fixture, NS_PER_MS);
	assert_int_equal(fixture->batch.event_count, 1);
	expect_event(fixture, 0, "sd-write-error", "mmcblk0, in 1 s: 24 write errors");
	assert_int_equal(fixture->batch.events[0].values[0].value, 24);

	/* It is over: the next line is a new incident, which ends without a word. */
	sample_after(fixture, 5 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
	say(fixture, write_error);
	sample_after(fixture, 0);
	assert_int_equal(fixture->batch.event_count, 1);
	sample_after(fixture, 10 * NS_PER_S);
	assert_int_equal(fixture->batch.event_count, 0);
}

/* What services write arrives with another facility, whatever it says. */
static void user_space_does_not_count(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "dev/kmsg", "");
	start(fixture);
	for (int prefix = 8; prefix < 256; prefix++) {
		char line[256];
		snprintf(line, sizeof(line), "%d,%d,100,-;%s\n", prefix, prefix, write_error);
		append(fixture, "dev/kmsg", line);
		snprintf(line, sizeof(line), "%d,%d,100,-;Read-error on swap-device (1:2:3)\n",
			 prefix, prefix);
		append(fixture, "dev/kmsg", line);
	}
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 0);
	assert_int_equal(failing(fixture), 0);
	assert_int_equal(fixture->batch.event_count, 0);
}

static void roles_of_memory_and_kernel(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "dev/kmsg", "");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(role(fixture, ROLE_OUT_OF_MEMORY), 0);
	assert_int_equal(role(fixture, ROLE_KERNEL_FAILING), 0);
	say(fixture, "Out of memory: Killed process 1234 (apache2) total-vm:100kB");
	sample_after(fixture, NS_PER_S);
	assert_int_equal(role(fixture, ROLE_OUT_OF_MEMORY), 1);
	assert_int_equal(role(fixture, ROLE_KERNEL_FAILING), 0);
	say(fixture, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b");
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(role(fixture, ROLE_OUT_OF_MEMORY), 0);
	assert_int_equal(role(fixture, ROLE_KERNEL_FAILING), 1);
	assert_int_equal(failing(fixture), 0);
}

static void continuation_lines_are_swallowed(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "dev/kmsg",
	    "6,1,100,-,caller=T1;mmc0: new ultra high speed SDR104 SDXC card at address aaaa\n"
	    " SUBSYSTEM=mmc\n"
	    " DEVICE=+mmc:mmc0:aaaa\n"
	    " 3,2,100,-;Read-error on swap-device (179:0:1)\n"
	    "4,2,200,-;hwmon hwmon1: Undervoltage detected!\\x0a\\xc3\\xa4\\x1b[31m\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(failing(fixture), 0);
	assert_int_equal(fixture->batch.event_count, 2);
	assert_string_equal(fixture->batch.events[0].kind, "sd-inserted");
	expect_event(fixture, 1, "undervoltage",
		     "Supply too weak: hwmon hwmon1: Undervoltage detected! \xc3\xa4 [31m");
}

static void last_line_waits_for_its_end(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "dev/kmsg", "3,1,100,-;Read-error on swap-");
	start(fixture);
	sample_after(fixture, 0);
	append(fixture, "dev/kmsg", "device (179:0:1)");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 0);
	append(fixture, "dev/kmsg", "\n3");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 1);

	/* Written anew: taken from the beginning. */
	put(fixture, "dev/kmsg", "3,1,1,-;Read-error on swap-device\n");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "read_errors"), 2);
}

static void large_file_and_endless_line(void **state)
{
	struct fixture *fixture = *state;
	char *junk = malloc(20001);

	assert_non_null(junk);
	memset(junk, 'x', 20000);
	strcpy(junk + 19999, "\n");
	memcpy(junk, "3,1,1,-;", 8);
	say(fixture, write_error);
	append(fixture, "dev/kmsg", junk);
	say(fixture, write_error);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 2);
	assert_int_equal(fixture->batch.event_count, 2);
	expect_event(fixture, 1, "kernel-log-lost",
		     "Kernel log not read: a record was longer than 8 KiB");

	/* More than one sample may take: the rest follows, and a sample is asked for. */
	for (int i = 0; i < 50; i++)
		append(fixture, "dev/kmsg", junk);
	say(fixture, write_error);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 2);
	assert_int_equal(wakes, 1);
	while (wakes > 0) {
		wakes = 0;
		sample_after(fixture, 0);
	}
	assert_int_equal(value_of(fixture, "sd", "write_errors"), 3);
	free(junk);
}

static void no_log_is_unknown(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	sample_after(fixture, 0);
	for (unsigned i = 0; i < fixture->module->metric_count; i++)
		assert_int_equal(sample_of(fixture, i)->kind, SAMPLE_UNKNOWN);
	assert_non_null(strstr(reason_of(fixture, "sd", "write_errors"), "/dev/kmsg: missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_from_the_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(swap_errors_fail_storage, setup, teardown),
		cmocka_unit_test_setup_teardown(radio_is_no_card, setup, teardown),
		cmocka_unit_test_setup_teardown(suppressed_lines_count, setup, teardown),
		cmocka_unit_test_setup_teardown(one_incident_not_many, setup, teardown),
		cmocka_unit_test_setup_teardown(user_space_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(roles_of_memory_and_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(continuation_lines_are_swallowed, setup, teardown),
		cmocka_unit_test_setup_teardown(last_line_waits_for_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(large_file_and_endless_line, setup, teardown),
		cmocka_unit_test_setup_teardown(no_log_is_unknown, setup, teardown),
	};
	return cmocka_run_group_tests_name("kernel-log", tests, NULL, NULL);
}
