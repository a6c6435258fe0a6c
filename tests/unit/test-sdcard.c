/* SPDX-License-Identifier: MIT */
/*
 * The SD card collector on fake roots: how the disk is found on Pis that boot in different ways, and
 * latency from counters that are set by hand. Paths are those of a Pi 3 and a Pi 4.
 */
#include "tests/unit/sdcard-world.h"

#include "collectors/disk.h"

static void finds_partition_parent(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
	assert_int_equal(value_of(fixture, "sd", "in_flight"), 0);
	assert_int_equal(value_of(fixture, "sd", "write_bytes_s"), 8000 * 512);
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
	assert_non_null(strstr(reason_of(fixture, "sd", "write_latency_ms"), "needs two"));
	assert_int_equal(fixture->batch.event_count, 0);
}

static void finds_whole_disk(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n");
	put_link(fixture, "sys/dev/block/254:0",
		 "../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda");
	put_stat(fixture, "vda", 1, 2, 3, 4, 4, 0);
	card(fixture, 1, 1, 0); /* there, but not under the root */
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "vda");
}

/* btrfs has a device number of its own: only the source names the partition. */
static void finds_by_source(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo",
	    "27 1 0:25 /@ / rw shared:1 - btrfs /dev/mmcblk0p2 rw,subvol=/@\n");
	put_link(fixture, "sys/class/block/mmcblk0p2", PI3_CARD "/mmcblk0p2");
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* A USB disk under the root counts, not the card that it was booted from. */
static void finds_usb_root(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "22 1 8:2 / / rw - ext4 /dev/root rw\n");
	put_link(fixture, "sys/dev/block/8:2", "../../devices/usb2/2-1/host0/block/sda/sda2");
	card(fixture, 1, 1, 0);
	put_stat(fixture, "sda", 1, 1, 1, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "sda");
}

/* The last mount on "/" is on top. */
static void last_root_mount_wins(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "1 1 8:1 / / rw - ext4 /dev/sda1 rw\n" ROOT_ON_P2);
	put_link(fixture, "sys/dev/block/8:1", "../../devices/usb2/2-1/host0/block/sda/sda1");
	put_link(fixture, "sys/dev/block/179:2", PI3_CARD "/mmcblk0p2");
	put_stat(fixture, "sda", 1, 1, 1, 1, 1, 0);
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* A line longer than the buffer is skipped to its end, also if a later part looks like a mount. */
static void endless_mount_line(void **state)
{
	struct fixture *fixture = *state;
	char line[12000];

	memset(line, 'x', sizeof(line));
	memcpy(line + 8191, "1 1 8:1 / / rw - ext4 /dev/sda1 rw ", 35);
	strcpy(line + sizeof(line) - 2, "\n");
	put(fixture, "proc/self/mountinfo", ROOT_ON_P2);
	append(fixture, "proc/self/mountinfo", line);
	put_link(fixture, "sys/dev/block/8:1", "../../devices/usb2/2-1/host0/block/sda/sda1");
	put_link(fixture, "sys/dev/block/179:2", PI3_CARD "/mmcblk0p2");
	put_stat(fixture, "sda", 1, 1, 1, 1, 1, 0);
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* Where the root is on NFS nothing depends on a card, even if there is one to boot from. */
static void nfs_root(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo",
	    "22 1 0:20 / / rw - nfs4 [2001:db8::1]:/srv/pi3 rw,vers=4.2\n");
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	for (unsigned i = 0; i < fixture->module->metric_count; i++) {
		const struct sample *sample = sample_of(fixture, i);
		assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
		if (i != metric_of(fixture, "sd", "retried_errors"))
			assert_string_equal(sample->text, "not applicable: root is on NFS");
	}
}

/* ... unless somebody asks for it. */
static void nfs_root_with_chosen_card(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo", "22 1 0:20 / / rw - nfs server:/srv/pi3 rw\n");
	card(fixture, 1, 1, 0);
	set(fixture, "device", "mmcblk0");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* An overlay in memory hides which disk is below; on a Pi it is the card. */
static void overlay_root(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo",
	    "22 1 0:25 / / rw - overlay overlay rw,lowerdir=/lower\n");
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* The disk of an overlay is the one under its lower directory, here a USB disk and not the card. */
static void overlay_on_usb(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo",
	    "20 22 8:1 / /media rw - ext4 /dev/sdb1 rw\n"
	    "21 22 8:3 / /media/root-ro ro - ext4 /dev/sda3 ro\n"
	    "22 1 0:25 / / rw - overlay overlay rw,lowerdir=/media/root-ro:/x,upperdir=/u\n"
	    "23 22 179:1 / /media/root rw - vfat /dev/mmcblk0p1 rw\n");
	put_link(fixture, "sys/dev/block/8:3", "../../devices/usb2/2-1/host0/block/sda/sda3");
	put_stat(fixture, "sda", 1, 1, 1, 1, 1, 0);
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "sda");
}

/* An image on the card, in a loop device: the card it is, as where nothing is to be seen. */
static void overlay_on_image(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "proc/self/mountinfo",
	    "21 22 7:0 / /run/image ro - squashfs /dev/loop0 ro\n"
	    "22 1 0:25 / / rw - overlay overlay rw,lowerdir=/run/image,upperdir=/u\n");
	put_link(fixture, "sys/dev/block/7:0", "../../devices/virtual/block/loop0");
	put_stat(fixture, "loop0", 1, 1, 1, 1, 1, 0);
	card(fixture, 1, 1, 0);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
}

/* A system that runs from memory, or from a pool: the card that it was booted from may be pulled. */
static void root_on_no_disk(void **state)
{
	struct fixture *fixture = *state;
	static const char *const mounts[] = {
		"22 1 0:2 / / rw - tmpfs tmpfs rw,size=1g\n",
		"22 1 0:2 / / rw - rootfs rootfs rw\n",
		"22 1 0:29 / / rw - zfs rpool/root rw\n",
		"21 22 0:20 / /lower rw - tmpfs tmpfs rw\n"
		"22 1 0:25 / / rw - overlay overlay rw,lowerdir=/lower\n",
		"",
	};
	char name[32], reason[160];

	card(fixture, 1, 1, 0);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		put(fixture, "proc/self/mountinfo", mounts[i]);
		assert_int_equal(disk_find_root(fixture->env.root_fd, name, sizeof(name), reason,
						sizeof(reason)),
				 DISK_NONE);
		assert_int_equal(mounts[i][0] != '\0',
				 strncmp(reason, NOT_APPLICABLE, strlen(NOT_APPLICABLE)) == 0);
	}
	put(fixture, "proc/self/mountinfo", mounts[0]);
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(reason_of(fixture, "sd", "stalled"),
			    NOT_APPLICABLE "root is on tmpfs from tmpfs: no card to watch");
}

static void configured_device(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	put_stat(fixture, "sda", 1, 2, 3, 4, 4, 6);
	set(fixture, "device", "sda");
	start(fixture);
	sample_after(fixture, 0);
	assert_string_equal(text_of(fixture, "sd", "device"), "sda");
	assert_int_equal(value_of(fixture, "sd", "in_flight"), 6);
}

/* A disk that is missing is told with a remedy, and taken when it comes. */
static void missing_device_comes(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "device", "sdb");
	start(fixture);
	sample_after(fixture, 0);
	assert_non_null(strstr(reason_of(fixture, "sd", "stalled"), "/sys/block/sdb is missing"));
	put_stat(fixture, "sdb", 1, 2, 3, 4, 4, 0);
	sample_after(fixture, NS_PER_S);
	assert_non_null(strstr(reason_of(fixture, "sd", "device"), "set device in [sdcard]"));
	sample_after(fixture, 10 * NS_PER_S);
	assert_string_equal(text_of(fixture, "sd", "device"), "sdb");
	assert_int_equal(value_of(fixture, "sd", "stalled"), 0);
}

static void latency_over_window(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	card(fixture, 1010, 5000 + 10 * 40, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 40);

	/* 10 writes of 40 ms and 2 of 3 s; the window still reaches back to the start. */
	card(fixture, 1012, 5000 + 10 * 40 + 2 * 3000, 1);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 533);

	/* Nine quiet seconds later the first second has left the window. */
	for (int i = 0; i < 9; i++)
		sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 3000);
	sample_after(fixture, NS_PER_S);
	assert_string_equal(reason_of(fixture, "sd", "write_latency_ms"),
			    "no writes finished in the last 10 s");
}

/* Seldom samples: the window is what there is between two of them. */
static void latency_of_slow_sampling(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	card(fixture, 1004, 5100, 0);
	sample_after(fixture, 60 * NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 25);
	sample_after(fixture, 60 * NS_PER_S);
	assert_string_equal(reason_of(fixture, "sd", "write_latency_ms"),
			    "no writes finished in the last 60 s");
}

/* Readings that come much faster than planned must not run over the window. */
static void latency_of_fast_sampling(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	for (int i = 0; i < 100; i++) {
		card(fixture, 1000 + i, 5000 + 7 * i, 0);
		sample_after(fixture, 100 * NS_PER_MS);
	}
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 7);
}

static void counters_wrap(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	card(fixture, INT64_C(4294967290), INT64_C(4294967000), 0);
	start(fixture);
	sample_after(fixture, 0);
	/* A 32-bit kernel: 10 writes of 50 ms later both counters have wrapped. */
	card(fixture, 4, 204, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 50);

	/* Not a wrap: another card. */
	card(fixture, 1000000, 300, 0);
	sample_after(fixture, NS_PER_S);
	card(fixture, 3, 30, 0);
	sample_after(fixture, NS_PER_S);
	assert_non_null(strstr(reason_of(fixture, "sd", "write_latency_ms"), "needs two"));
	card(fixture, 5, 50, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 10);
}

static void broken_stat_is_unknown(void **state)
{
	struct fixture *fixture = *state;

	pi3(fixture);
	start(fixture);
	sample_after(fixture, 0);
	put(fixture, "sys/block/mmcblk0/stat", "");
	sample_after(fixture, NS_PER_S);
	assert_string_equal(text_of(fixture, "sd", "device"), "mmcblk0");
	assert_string_equal(reason_of(fixture, "sd", "in_flight"),
			    "/sys/block/mmcblk0/stat: the file is empty");
	put(fixture, "sys/block/mmcblk0/stat", "1 2 3 4 5 6 7 8 9 10\n");
	sample_after(fixture, NS_PER_S);
	assert_non_null(strstr(reason_of(fixture, "sd", "stalled"), "not in the expected form"));
	card(fixture, 1004, 5100, 0);
	sample_after(fixture, NS_PER_S);
	assert_int_equal(value_of(fixture, "sd", "write_latency_ms"), 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_partition_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_whole_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_by_source, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_usb_root, setup, teardown),
		cmocka_unit_test_setup_teardown(last_root_mount_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_mount_line, setup, teardown),
		cmocka_unit_test_setup_teardown(nfs_root, setup, teardown),
		cmocka_unit_test_setup_teardown(nfs_root_with_chosen_card, setup, teardown),
		cmocka_unit_test_setup_teardown(overlay_root, setup, teardown),
		cmocka_unit_test_setup_teardown(overlay_on_usb, setup, teardown),
		cmocka_unit_test_setup_teardown(overlay_on_image, setup, teardown),
		cmocka_unit_test_setup_teardown(root_on_no_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(configured_device, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_device_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(latency_over_window, setup, teardown),
		cmocka_unit_test_setup_teardown(latency_of_slow_sampling, setup, teardown),
		cmocka_unit_test_setup_teardown(latency_of_fast_sampling, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_stat_is_unknown, setup, teardown),
	};
	return cmocka_run_group_tests_name("sdcard", tests, NULL, NULL);
}
