/* SPDX-License-Identifier: MIT */
/*
 * What the SD card collector makes of the counters over longer times (share of time, queue, the latency
 * that health goes by, bytes in a day), and what the card says about itself.
 */
#include "tests/unit/sdcard-world.h"

#define HOUR_NS (3600 * NS_PER_S)

/* By role, for a reading that is not published; NULL when it is unknown. */
static const struct sample *sample_of_role(struct fixture *fixture, enum metric_role role)
{
	for (unsigned i = 0; i < fixture->module->metric_count; i++)
		if (fixture->module->metrics[i].role == role &&
		    sample_of(fixture, i)->kind == SAMPLE_VALUE)
			return sample_of(fixture, i);
	return NULL;
}

static void share_of_time(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	assert_non_null(strstr(reason_of(fixture, "sd", "busy_ratio"), "needs two"));
	/* 4 writes one after the other, 100 ms each. */
	card(fixture, 1004, 5400, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "busy_ratio"), 400000);
	assert_int_equal(value_of(fixture, "sd", "queue"), 400);
	/* 50 at a time, 3 s each: the disk was at work all the time, not 150 times. */
	card(fixture, 1054, 155400, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "busy_ratio"), 700000);
	assert_int_equal(value_of(fixture, "sd", "queue"), 75200);
}

/* A request that takes long is work, too, though nothing is counted before it finishes. */
static void share_of_a_long_request(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	card(fixture, 1000, 5000, 1);
	sample_after(fixture, 0);
	for (int i = 0; i < 3; i++)
		sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "busy_ratio"), 1000000);
	card(fixture, 1001, 8500, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "busy_ratio"), 1000000);
	for (int i = 0; i < 10; i++)
		sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "busy_ratio"), 0);
}

static void steady_latency(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	assert_null(sample_of_role(fixture, ROLE_STORAGE_LATENCY));
	/* 20 writes are too few, 21 are not. One at a time: what they take is the card's. */
	card(fixture, 1020, 5000 + 20 * 1000, 0);
	sample_after(fixture, 30 * NS_PER_S);
	assert_null(sample_of_role(fixture, ROLE_STORAGE_LATENCY));
	card(fixture, 1021, 5000 + 21 * 1000, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(sample_of_role(fixture, ROLE_STORAGE_LATENCY)->value, 1000);
	/* A minute later they are forgotten. */
	for (int i = 0; i < 65; i++)
		sample_after(fixture, NS_PER_S);
	assert_null(sample_of_role(fixture, ROLE_STORAGE_LATENCY));
	/*
	 * A large copy: for a minute 60 requests are at the disk at a time, and each takes 3 s. They
	 * wait for each other: 20 finish in a second.
	 */
	for (int i = 1; i <= 60; i++) {
		card(fixture, 1021 + 20 * i, 26000 + 20 * 3000 * i, 60);
		sample_after(fixture, NS_PER_S);
	}
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 3000);
	assert_int_equal(value_of(fixture, "sd", "queue"), 60000);
	assert_in_range(sample_of_role(fixture, ROLE_STORAGE_LATENCY)->value, 45, 55);
}

/* The counters since boot give the first answer, the same after a restart of the agent. */
static void bytes_in_a_day(void **state)
{
	struct fixture *fixture = *state;
	const int64_t sectors = 2000000; /* 1 GB since boot, two days ago */

	pi3(fixture);
	put(fixture, "proc/uptime", "172800.50 300000.00\n");
	put_stat(fixture, "mmcblk0", 1, 1000, sectors, 5000, 5000, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"), sectors * 512 / 2);
	/* From then on 1,000 sectors an hour; the mean since boot fades out when a day was seen. */
	for (int hour = 1; hour <= 30; hour++) {
		put_stat(fixture, "mmcblk0", 1, 1000, sectors + 1000 * hour, 5000, 5000, 0);
		sample_after(fixture, HOUR_NS);
	}
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"), 24 * 1000 * 512);
	/* A 32-bit kernel counts sectors in 32 bits. */
	put_stat(fixture, "mmcblk0", 1, 1000, INT64_C(4294967295), 5000, 5000, 0);
	for (int hour = 1; hour <= 30; hour++)
		sample_after(fixture, HOUR_NS);
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"), 0);
	put_stat(fixture, "mmcblk0", 1, 1000, 999, 5000, 5000, 0);
	sample_after(fixture, HOUR_NS);
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"),
			 INT64_C(1000) * 512 * 24 / 25);
}

static void day_begins_at_boot(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "proc/uptime", "1800.00 3600.00\n");
	put_stat(fixture, "mmcblk0", 1, 1000, 100000, 5000, 5000, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(reason_of(fixture, "sd", "written_day_bytes"),
			    "known an hour after boot");
	sample_after(fixture, HOUR_NS / 2);
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"), 24 * 100000 * 512);
}

/* Without uptime the day begins with us. */
static void day_begins_with_us(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "proc/uptime", "long\n");
	start(fixture);
	sample_after(fixture, 0);
	sample_after(fixture, HOUR_NS - NS_PER_S);
	reason_of(fixture, "sd", "written_day_bytes");
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "written_day_bytes"), 0);
}

static void sd_card_has_a_name(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "sys/block/mmcblk0/device/type", "SD\n");
	put(fixture, "sys/block/mmcblk0/device/name", "SL32G\n");
	put(fixture, "sys/block/mmcblk0/device/manfid", "0x000003\n");
	put(fixture, "sys/block/mmcblk0/device/oemid", "0x5344\n");
	put(fixture, "sys/block/mmcblk0/device/date", "03/2021\n");
	put(fixture, "sys/block/mmcblk0/device/serial", "0x8adf1234\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "card"), "SD SL32G 0x03 03/2021");
	assert_string_equal(reason_of(fixture, "sd", "life_used_ratio"),
			    NOT_APPLICABLE "only an eMMC tells it");
	assert_string_equal(reason_of(fixture, "sd", "pre_eol"),
			    NOT_APPLICABLE "only an eMMC tells it");
	assert_null(sample_of_role(fixture, ROLE_STORAGE_WEAR));
}

static void emmc_tells_its_life(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "sys/block/mmcblk0/device/type", "MMC\n");
	put(fixture, "sys/block/mmcblk0/device/name", "BJ\x01\xffR\n");
	put(fixture, "sys/block/mmcblk0/device/manfid", "0x000015\n");
	put(fixture, "sys/block/mmcblk0/device/date", "01/2023\n");
	put(fixture, "sys/block/mmcblk0/device/life_time", "0x02 0x09\n");
	put(fixture, "sys/block/mmcblk0/device/pre_eol_info", "0x02\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "card"), "eMMC BJ??R 0x15 01/2023");
	assert_int_equal(value_of(fixture, "sd", "life_used_ratio"), 800000);
	assert_int_equal(value_of(fixture, "sd", "pre_eol"), 1);
	assert_string_equal(fixture->module->metrics[metric_of(fixture, "sd", "pre_eol")].words[1],
			    "warning");
}

/* A USB disk has a type, too: the SCSI one. */
static void other_disks_have_no_name(void **state)
{
	struct fixture *fixture = *state;

	put_stat(fixture, "sda", 1, 1, 1, 1, 1, 0);
	put(fixture, "sys/block/sda/device/type", "0\n");
	set(fixture, "device", "sda");
	set(fixture, "err_stats", "yes");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(reason_of(fixture, "sd", "card"),
			    "only SD cards and eMMC are known by name");
	assert_string_equal(reason_of(fixture, "sd", "retried_errors"),
			    "sda is no card: its host counts no errors");
}

static void retried_errors(void **state)
{
	struct fixture *fixture = *state;
	const char *const path = "sys/kernel/debug/mmc0/err_stats";

	pi3(fixture);
	put(fixture, path, "# Command Timeout Occurred:\t 4\n# Data CRC Errors Occurred:\t 0\n");
	set(fixture, "err_stats", "yes");
	start(fixture);
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "sd", "retried_errors"), 0);
	put(fixture, path, "# Command Timeout Occurred:\t 4\n# Data CRC Errors Occurred:\t 7\n");
	sample_after(fixture, 59 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "retried_errors"), 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "retried_errors"), 7);
	/* Somebody reset them. */
	put(fixture, path, "# Command Timeout Occurred:\t 0\n# Data CRC Errors Occurred:\t 1\n");
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "retried_errors"), 7);
	put(fixture, path, "# Command Timeout Occurred:\t 0\n# Data CRC Errors Occurred:\t 3\n");
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "retried_errors"), 9);
	put(fixture, path, "");
	sample_after(fixture, 60 * NS_PER_S);
	assert_string_equal(reason_of(fixture, "sd", "retried_errors"),
			    "err_stats: the file is empty");
}

static void err_stats_only_when_asked_for(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "sys/kernel/debug/mmc0/err_stats", "# Command Timeout Occurred:\t 4\n");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(reason_of(fixture, "sd", "retried_errors"),
			    "not asked for: err_stats in [sdcard]");
}

/* What a healthy SD card never tells, or only when it is written to, is no finding for the doctor. */
static void unknown_and_no_finding(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put(fixture, "sys/block/mmcblk0/device/type", "SD\n");
	start(fixture);
	sample_after(fixture, 0);
	sample_after(fixture, NS_PER_S);
	for (unsigned i = 0; i < fixture->module->metric_count; i++)
		if (sample_of(fixture, i)->kind == SAMPLE_UNKNOWN)
			assert_true(fixture->module->metrics[i].idle_unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(share_of_time, setup, teardown),
		cmocka_unit_test_setup_teardown(share_of_a_long_request, setup, teardown),
		cmocka_unit_test_setup_teardown(steady_latency, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_in_a_day, setup, teardown),
		cmocka_unit_test_setup_teardown(day_begins_at_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(day_begins_with_us, setup, teardown),
		cmocka_unit_test_setup_teardown(sd_card_has_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(emmc_tells_its_life, setup, teardown),
		cmocka_unit_test_setup_teardown(other_disks_have_no_name, setup, teardown),
		cmocka_unit_test_setup_teardown(retried_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(err_stats_only_when_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_and_no_finding, setup, teardown),
	};
	return cmocka_run_group_tests_name("sdcard-load", tests, NULL, NULL);
}
