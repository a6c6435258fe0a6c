/* SPDX-License-Identifier: MIT */
/* Which disk a line is about: the names by rule, and what is ours by the files of a fake root. */
#include "tests/unit/fake-root.h"

#include "collectors/collectors.h"
#include "collectors/kernel_log_disks.h"

static int setup(void **state)
{
	*state = fixture_new(&kernel_log_collector);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static void names(void **state)
{
	static const char *const rows[][2] = {
		{"mmcblk0", "mmcblk0"},
		{"mmcblk0p2", "mmcblk0"},
		{"mmcblk10p12", "mmcblk10"},
		{"mmcblk0boot0", "mmcblk0"},
		{"mmcblk0rpmb", "mmcblk0"},
		{"sda", "sda"},
		{"sda1", "sda"},
		{"sdaa15", "sdaa"},
		{"vda2", "vda"},
		{"xvda1", "xvda"},
		{"nvme0n1", "nvme0n1"},
		{"nvme0n1p3", "nvme0n1"},
		{"dm-0", "dm-0"},
		{"md127", "md127"},
		{"md0p1", "md0"},
		{"loop0p1", "loop0"},
		{"p1", "p1"},
		{"1", "1"},
		{"mmcblk", "mmcblk"},
		{"", ""},
	};
	char disk[DISK_NAME_SIZE];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		klog_disk_of(rows[i][0], disk);
		assert_string_equal(disk, rows[i][1]);
	}
}

static void swaps_line_by_line(void **state)
{
	static const char text[] =
		"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		"/dev/mmcblk0p3                          partition\t524284\t\t0\t\t-2\n"
		"/var/swap                               file\t\t102396\t\t0\t\t-3\n"
		"/dev/a-name-that-is-longer-than-any-the-kernel-has partition\t1\t0\t-4\n"
		"/dev/zram0 cut";
	const char *at = text;
	char device[DISK_NAME_SIZE];
	(void)state;

	assert_true(klog_swaps_next(&at, device, sizeof(device)));
	assert_string_equal(device, "");
	assert_true(klog_swaps_next(&at, device, sizeof(device)));
	assert_string_equal(device, "mmcblk0p3");
	assert_true(klog_swaps_next(&at, device, sizeof(device)));
	assert_string_equal(device, "");
	assert_true(klog_swaps_next(&at, device, sizeof(device)));
	assert_string_equal(device, "");
	assert_false(klog_swaps_next(&at, device, sizeof(device)));
}

static void put_disk(struct fixture *fixture, const char *disk, const char *number)
{
	char path[128], target[128];
	snprintf(path, sizeof(path), "sys/block/%s/dev", disk);
	put(fixture, path, number);
	snprintf(path, sizeof(path), "sys/class/block/%s", disk);
	snprintf(target, sizeof(target), "../../block/%s", disk);
	put_link(fixture, path, target);
}

static void put_partition(struct fixture *fixture, const char *disk, const char *part,
			  const char *number)
{
	char path[128], target[128];
	snprintf(path, sizeof(path), "sys/block/%s/%s/dev", disk, part);
	put(fixture, path, number);
	snprintf(path, sizeof(path), "sys/class/block/%s", part);
	snprintf(target, sizeof(target), "../../block/%s/%s", disk, part);
	put_link(fixture, path, target);
	snprintf(path, sizeof(path), "sys/dev/block/%.*s", (int)strcspn(number, "\n"), number);
	put_link(fixture, path, target);
}

static void put_pi(struct fixture *fixture)
{
	put_disk(fixture, "mmcblk0", "179:0\n");
	put_partition(fixture, "mmcblk0", "mmcblk0p2", "179:2\n");
	put_disk(fixture, "sda", "8:0\n");
	put_partition(fixture, "sda", "sda1", "8:1\n");
	put_disk(fixture, "sdb", "8:16\n");
	put_disk(fixture, "zram0", "254:0\n");
	put(fixture, "proc/self/mountinfo",
	    "27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n");
	put(fixture, "proc/swaps",
	    "Filename\tType\tSize\tUsed\tPriority\n/dev/sda1 partition\t1\t0\t-2\n"
	    "/dev/zram0 partition\t1\t0\t100\n");
}

/* "DISK" and '+' if it is ours, or "-" for no storage. */
static const char *place_of(const struct klog_disks *disks, const char *line)
{
	static char text[64];
	struct klog_match match;
	struct klog_place place;
	assert_true(klog_classify(line, 3, &match));
	if (klog_disks_place(disks, &match, &place))
		snprintf(text, sizeof(text), "%s%s", place.disk, place.ours ? "+" : "");
	else
		strcpy(text, "-");
	return text;
}

static void root_and_swap_are_ours(void **state)
{
	struct fixture *fixture = *state;
	struct klog_disks disks;

	put_pi(fixture);
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(place_of(&disks, "mmc0: card 4567 removed"), "mmcblk0+");
	assert_string_equal(place_of(&disks, "mmc1: card 0001 removed"), "-");
	assert_string_equal(place_of(&disks, "Aborting journal on device mmcblk0p2-8."),
			    "mmcblk0+");
	assert_string_equal(place_of(&disks, "Aborting journal on device dm-0-8."), "dm-0");
	assert_string_equal(place_of(&disks, "Aborting journal on device dm-0."), "dm-0");
	assert_string_equal(place_of(&disks, "Aborting journal on device sdb1."), "sdb");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sda1): x"), "sda+");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device loop1): x"), "-");
	/* With the number of the disk or of the partition; zram is no disk. */
	assert_string_equal(place_of(&disks, "Read-error on swap-device (8:0:8)"), "sda+");
	assert_string_equal(place_of(&disks, "Read-error on swap-device (8:1:8)"), "sda+");
	assert_string_equal(place_of(&disks, "Read-error on swap-device (179:0:8)"), "mmcblk0+");
	assert_string_equal(place_of(&disks, "Write-error on swap-device (254:0:8)"), "-");
	assert_string_equal(place_of(&disks, "Read-error on swap-device (8:16:8)"), "swap+");
	assert_string_equal(place_of(&disks, "Read-error on swap-device"), "swap+");

	/* Swap moved: what was ours by it alone is not any more, the root stays. */
	put(fixture, "proc/swaps",
	    "Filename\tType\tSize\tUsed\tPriority\n/dev/sdb partition\t1\t0\t-2\n");
	klog_disks_refresh(&disks, fixture->env.root_fd);
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sda1): x"), "sda");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb+");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device mmcblk0p2): x"), "mmcblk0+");
	/* A card was put into a second slot; the first one's host is not forgotten. */
	put_disk(fixture, "mmcblk1", "179:32\n");
	klog_disks_refresh(&disks, fixture->env.root_fd);
	assert_string_equal(place_of(&disks, "mmc1: card 0007 removed"), "mmcblk1");
	assert_string_equal(place_of(&disks, "mmc0: card 4567 removed"), "mmcblk0+");
	/* What cannot be read changes nothing. */
	assert_int_equal(unlinkat(fixture->env.root_fd, "proc/swaps", 0), 0);
	klog_disks_refresh(&disks, fixture->env.root_fd);
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb+");
}

/* An encrypted root: its lines say dm-0, those below it mmcblk0. */
static void parts_of_a_mapping(void **state)
{
	struct fixture *fixture = *state;
	struct klog_disks disks;

	put_pi(fixture);
	put_disk(fixture, "dm-0", "253:0\n");
	put_link(fixture, "sys/dev/block/253:0", "../../block/dm-0");
	put_link(fixture, "sys/block/dm-0/slaves/mmcblk0p2", "../../mmcblk0/mmcblk0p2");
	put(fixture, "proc/self/mountinfo", "27 1 253:0 / / rw - ext4 /dev/mapper/x rw\n");
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(place_of(&disks, "EXT4-fs error (device dm-0): x"), "dm-0+");
	assert_string_equal(place_of(&disks, "mmcblk0: recovery failed!"), "mmcblk0+");
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb");

	/* A volume in an encrypted partition: two layers. */
	put_disk(fixture, "dm-1", "253:1\n");
	put_link(fixture, "sys/dev/block/253:1", "../../block/dm-1");
	put_link(fixture, "sys/block/dm-1/slaves/dm-0", "../../dm-0");
	put(fixture, "proc/self/mountinfo", "27 1 253:1 / / rw - ext4 /dev/mapper/y rw\n");
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(disks.root, "dm-1");
	assert_string_equal(place_of(&disks, "mmcblk0: recovery failed!"), "mmcblk0+");
}

static void server_of_the_root(void **state)
{
	static const char *const rows[][2] = {
		{"10.0.0.1:/pi", "10.0.0.1"},
		{"[2001:db8::1]:/srv/pi", "2001:db8::1"},
		{"files.example.net:/srv/pi", "files.example.net"},
		{"nonsense", ""},
		{"[2001:db8::1", ""},
	};
	struct fixture *fixture = *state;
	struct klog_disks disks;

	put_pi(fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[128];
		snprintf(line, sizeof(line), "27 1 0:21 / / rw - nfs4 %s rw\n", rows[i][0]);
		put(fixture, "proc/self/mountinfo", line);
		klog_disks_find(&disks, fixture->env.root_fd, false);
		assert_string_equal(disks.nfs_server, rows[i][1]);
	}
	put(fixture, "proc/self/mountinfo", "27 1 179:2 / / rw - ext4 /dev/root rw\n");
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(disks.nfs_server, "");

	/* An overlay above the card: what it stands on is what can be lost. */
	put(fixture, "proc/self/mountinfo",
	    "26 27 179:2 / /media/root-ro ro - ext4 /dev/mmcblk0p2 ro\n"
	    "27 1 0:21 / / rw - overlay overlay rw,lowerdir=/media/root-ro,upperdir=/u\n");
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(disks.root, "mmcblk0p2");
}

static void without_a_root_disk(void **state)
{
	struct fixture *fixture = *state;
	struct klog_disks disks;

	/* Nothing is known: everything counts, the radio chip's host as well. */
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb+");
	assert_string_equal(place_of(&disks, "mmc1: card 0001 removed"), "mmcblk1+");
	assert_string_equal(place_of(&disks, "Read-error on swap-device (8:0:8)"), "swap+");
	/* A root on NFS: no disk is ours. */
	put_disk(fixture, "sdb", "8:16\n");
	put(fixture, "proc/self/mountinfo", "27 1 0:21 / / rw - nfs4 10.0.0.1:/pi rw\n");
	klog_disks_find(&disks, fixture->env.root_fd, false);
	assert_string_equal(place_of(&disks, "EXT4-fs error (device sdb1): x"), "sdb");
	assert_string_equal(place_of(&disks, "mmc1: card 0001 removed"), "-");
}

/* zram is often set up after our start: it is looked for once a minute, but not while storage fails. */
static void swap_that_comes_later(void **state)
{
	struct fixture *fixture = *state;

	put_pi(fixture);
	put(fixture, "proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	put(fixture, "dev/kmsg", "");
	start(fixture);
	sample_after(fixture, 0);
	put(fixture, "proc/swaps",
	    "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition\t1\t0\t100\n");
	append(fixture, "dev/kmsg", "3,1,1,-;Write-error on swap-device (254:0:8)\n");
	sample_after(fixture, 30 * NS_PER_S);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 1);
	sample_after(fixture, 59 * NS_PER_S);
	append(fixture, "dev/kmsg", "3,2,1,-;Write-error on swap-device (254:0:8)\n");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 2);
	sample_after(fixture, 60 * NS_PER_S);
	append(fixture, "dev/kmsg", "3,3,1,-;Write-error on swap-device (254:0:8)\n");
	sample_after(fixture, 0);
	assert_int_equal(value_of(fixture, "swap", "write_errors"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(swaps_line_by_line),
		cmocka_unit_test_setup_teardown(root_and_swap_are_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_a_mapping, setup, teardown),
		cmocka_unit_test_setup_teardown(server_of_the_root, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_root_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(swap_that_comes_later, setup, teardown),
	};
	return cmocka_run_group_tests_name("kernel-log-disks", tests, NULL, NULL);
}
