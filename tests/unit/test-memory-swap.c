/* SPDX-License-Identifier: MIT */
/*
 * Swap that comes and goes while the agent runs: the kind is that of this moment, and only what went
 * to a disk is counted as such, with zram beside it or with a disk behind it.
 */
#include "collector-fixture.h"

#include "memory-texts.h"

#define ZRAM1 "/dev/zram1                              partition\t2097136\t\t0\t\t100\n"
#define SWAP_FILE2 "/srv/swap\\040two                      file\t\t524284\t\t0\t\t-3\n"
#define SWAP_FILE_GONE "/var/swap\\040(deleted)                file\t\t524284\t\t1000\t\t-2\n"
#define SWAP_ZRAM0_GONE "/dev/zram0\\040(deleted)               partition\t2097136\t\t5\t\t100\n"

static int64_t page_bytes;

static struct world *swap_world(void)
{
	struct world *world = world_new();

	world_write(world, "proc/meminfo", MEMINFO);
	world_write(world, "proc/swaps", SWAPS_HEADING);
	world_write(world, "proc/vmstat", "pswpin 0\npswpout 0\n");
	world_open(world, &memory_collector, NULL, NULL);
	return world;
}

/* A second later there are these areas, and so many pages were swapped out since boot. */
static void tick(struct world *world, const char *swaps, int64_t out)
{
	char vmstat[64];

	snprintf(vmstat, sizeof(vmstat), "pswpin 0\npswpout %lld\n", (long long)out);
	world_write(world, "proc/vmstat", vmstat);
	world_write(world, "proc/swaps", swaps);
	world->now_ns += NS_PER_S;
	world_read(world);
}

static int64_t disk_out_pages(const struct world *world)
{
	return world_role(world, ROLE_SWAP_DISK_OUT) / page_bytes;
}

/* A zram device that stored so many pages and wrote so many units of 4 KiB to its backing device. */
static void zram(struct world *world, int number, int64_t stored, int64_t written)
{
	char path[64];
	char text[256];

	snprintf(path, sizeof(path), "sys/block/zram%d/stat", number);
	snprintf(text, sizeof(text), "   12 0 96 1 %lld 0 %lld 2 0 3 3 0 0 0 0 0 0\n",
		 (long long)stored, (long long)(stored * page_bytes / 512));
	world_write(world, path, text);
	snprintf(path, sizeof(path), "sys/block/zram%d/bd_stat", number);
	snprintf(text, sizeof(text), "%8d %8d %8lld\n", 7, 9, (long long)written);
	world_write(world, path, text);
}

static void backing(struct world *world, int number, const char *device)
{
	char path[64];

	snprintf(path, sizeof(path), "sys/block/zram%d/backing_dev", number);
	world_write(world, path, device);
}

/* swapon and swapoff: the next reading has it. */
static void test_kind_follows_at_once(void **state)
{
	static const struct {
		const char *swaps;
		enum swap_kind kind;
		int64_t total_kib;
	} steps[] = {
		{SWAPS_HEADING, SWAP_NONE, 0},
		{SWAPS_HEADING SWAP_FILE, SWAP_DISK, 524284},
		{SWAPS_HEADING SWAP_FILE_GONE, SWAP_DISK, 524284},
		{SWAPS_HEADING SWAP_FILE SWAP_FILE2, SWAP_DISK, 1048568},
		{SWAPS_HEADING SWAP_FILE SWAP_FILE2 SWAP_ZRAM0, SWAP_MIXED, 3145704},
		{SWAPS_HEADING SWAP_ZRAM0, SWAP_ZRAM, 2097136},
		{SWAPS_HEADING SWAP_ZRAM0_GONE, SWAP_ZRAM, 2097136},
		{SWAPS_HEADING SWAP_ZRAM0 ZRAM1, SWAP_ZRAM, 4194272},
		{SWAPS_HEADING, SWAP_NONE, 0},
		{SWAPS_HEADING SWAP_FILE, SWAP_DISK, 524284},
	};
	struct world *world = swap_world();

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		tick(world, steps[i].swaps, 0);
		assert_int_equal(world_role(world, ROLE_SWAP_KIND), steps[i].kind);
		assert_int_equal(world_value(world, "swap", "total_bytes"),
				 steps[i].total_kib * KIB);
	}
	world_free(world);
}

/* Step by step on one machine: which growth of pswpout went to a disk. */
static void test_disk_out_is_summed(void **state)
{
	static const struct {
		const char *swaps;
		int out;      /* pswpout */
		int disk_out; /* pages; -1: unknown */
	} steps[] = {
		{SWAPS_HEADING SWAP_FILE, 100, 0}, /* what was before the agent is not ours */
		{SWAPS_HEADING SWAP_FILE, 130, 30},
		{SWAPS_HEADING SWAP_FILE SWAP_ZRAM0, 140, 40}, /* cannot be split: all of it */
		{SWAPS_HEADING SWAP_ZRAM0, 145, 45}, /* the disk was there for a part of it */
		{SWAPS_HEADING SWAP_ZRAM0, 1000, 45},
		{SWAPS_HEADING, 1000, 45},
		{SWAPS_HEADING SWAP_ZRAM0, 1001, 45},
		{"nonsense\n", 1002, -1},
		{SWAPS_HEADING SWAP_FILE, 1003, 47}, /* the growth waited for the kind */
		{SWAPS_HEADING SWAP_FILE, 3, 47},    /* wrapped */
		{SWAPS_HEADING SWAP_FILE, 5, 49},
	};
	struct world *world = swap_world();

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		tick(world, steps[i].swaps, steps[i].out);
		assert_int_equal(world_role(world, ROLE_SWAP_OUT), steps[i].out * page_bytes);
		if (steps[i].disk_out < 0)
			assert_text_has(world_reason(world, "swap", "disk_out_bytes_total"),
					"malformed");
		else
			assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT),
					 steps[i].disk_out * page_bytes);
	}
	world_free(world);
}

/* zram is filled first; only what it did not store went to the disk. */
static void test_zram_before_disk(void **state)
{
	static const struct {
		int out;      /* pswpout */
		int stored;   /* by zram; -1: its file is broken */
		int disk_out; /* pages */
	} steps[] = {
		{100, 5000, 0},
		{1100, 6000, 0},   /* all of it was zram's */
		{1200, 6000, 100}, /* zram is full */
		{1300, 6040, 160},
		{1300, 6090, 160}, /* between the two readings: zram is ahead by 50 */
		{1350, 6090, 160}, /* and pswpout has caught up */
		{1360, 6090, 170},
		{1370, -1, 180},   /* cannot be split: all of it */
		{1380, 6100, 190}, /* nor can the next */
		{1390, 6110, 190},
		{1400, 20, 200}, /* zram was set up anew */
		{1410, 30, 200},
		{4, 34, 200}, /* pswpout wrapped */
		{10, 34, 206},
	};
	struct world *world = swap_world();

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].stored >= 0)
			zram(world, 0, steps[i].stored, 0);
		else
			world_write(world, "sys/block/zram0/stat", "1 2 3\n");
		tick(world, SWAPS_HEADING SWAP_ZRAM0 SWAP_FILE, steps[i].out);
		assert_int_equal(world_role(world, ROLE_SWAP_KIND), SWAP_MIXED);
		assert_int_equal(disk_out_pages(world), steps[i].disk_out);
	}
	world_free(world);
}

/* The sum over several devices; another one more or less makes a new start. */
static void test_several_zrams(void **state)
{
	struct world *world = swap_world();

	(void)state;
	zram(world, 0, 1000, 0);
	zram(world, 1, 2000, 0);
	tick(world, SWAPS_HEADING SWAP_ZRAM0 ZRAM1 SWAP_FILE, 0);
	zram(world, 0, 1010, 0);
	zram(world, 1, 2020, 0);
	tick(world, SWAPS_HEADING SWAP_ZRAM0 ZRAM1 SWAP_FILE, 33);
	assert_int_equal(disk_out_pages(world), 3);
	zram(world, 1, 2030, 0);
	tick(world, SWAPS_HEADING ZRAM1 SWAP_FILE, 43);
	assert_int_equal(disk_out_pages(world), 13);
	zram(world, 1, 2040, 0);
	tick(world, SWAPS_HEADING ZRAM1 SWAP_FILE, 54);
	assert_int_equal(disk_out_pages(world), 14);
	/* One that tells nothing. */
	tick(world, SWAPS_HEADING ZRAM1 "/dev/zram7 partition 8 1 5\n" SWAP_FILE, 64);
	tick(world, SWAPS_HEADING ZRAM1 "/dev/zram7 partition 8 1 5\n" SWAP_FILE, 74);
	assert_int_equal(disk_out_pages(world), 34);
	world_free(world);
}

static void test_zram_writes_back(void **state)
{
	struct world *world = swap_world();

	(void)state;
	backing(world, 0, "/dev/loop0\n");
	zram(world, 0, 0, 1000);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 500);
	assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT), 0);
	/* Swapping to zram is not the disk's, what zram writes is. */
	zram(world, 0, 0, 1003);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 900);
	assert_int_equal(world_role(world, ROLE_SWAP_KIND), SWAP_ZRAM);
	assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT), 3 * 4096);
	world_write(world, "sys/block/zram0/bd_stat", "nonsense\n");
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 900);
	assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT), 3 * 4096);
	zram(world, 0, 0, 1005);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 900);
	zram(world, 0, 0, 1006);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 900);
	assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT), 4 * 4096);
	/* Switched off and set up again, without one this time. */
	tick(world, SWAPS_HEADING, 900);
	backing(world, 0, "none\n");
	zram(world, 0, 0, 0);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 900);
	zram(world, 0, 0, 100);
	tick(world, SWAPS_HEADING SWAP_ZRAM0, 1000);
	assert_int_equal(world_role(world, ROLE_SWAP_DISK_OUT), 4 * 4096);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind_follows_at_once),
		cmocka_unit_test(test_disk_out_is_summed),
		cmocka_unit_test(test_zram_before_disk),
		cmocka_unit_test(test_several_zrams),
		cmocka_unit_test(test_zram_writes_back),
	};

	page_bytes = sysconf(_SC_PAGESIZE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
