/* SPDX-License-Identifier: MIT */
/*
 * The memory collector: the three boards, swap of all kinds, and files that are cut off, contradict
 * themselves or are not there. What it cannot know for sure it must not say.
 */
#include "collector-fixture.h"

#include "memory-texts.h"

static int64_t page_bytes;

static struct world *small_world(const char *meminfo)
{
	struct world *world = world_new();

	world_write(world, "proc/meminfo", meminfo);
	world_write(world, "proc/swaps", SWAPS_HEADING SWAP_FILE);
	world_write(world, "proc/vmstat", "pswpin 10\npswpout 20\noom_kill 3\n");
	world_open(world, &memory_collector, NULL, NULL);
	return world;
}

static void later(struct world *world, int64_t seconds)
{
	world->now_ns += seconds * NS_PER_S;
	world_read(world);
}

static void test_pi3b(void **state)
{
	struct world *world = world_board("pi3b");

	(void)state;
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "mem", "total_bytes"), 929544 * KIB);
	assert_int_equal(world_value(world, "mem", "available_bytes"), 408536 * KIB);
	assert_int_equal(world_role(world, ROLE_MEM_TOTAL), 929544 * KIB);
	assert_int_equal(world_role(world, ROLE_MEM_AVAILABLE), 408536 * KIB);
	assert_int_equal(world_role(world, ROLE_MEM_FREE), 61208 * KIB);
	assert_int_equal(world_role(world, ROLE_FILE_ACTIVE), 168212 * KIB);
	assert_int_equal(world_role(world, ROLE_FILE_INACTIVE), 190124 * KIB);
	assert_int_equal(world_role(world, ROLE_FILE_DIRTY), 428 * KIB);
	assert_int_equal(world_role(world, ROLE_FILE_WRITEBACK), 0);
	assert_int_equal(world_role(world, ROLE_SLAB_RECLAIMABLE), 33612 * KIB);
	assert_int_equal(world_role(world, ROLE_ANON), 355692 * KIB);
	/* min_free_kbytes is 16384 on a Raspberry Pi OS: high is half as much again. */
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), 6144 * page_bytes);
	assert_int_equal(world_role(world, ROLE_SWAPPINESS), 60);
	assert_int_equal(world_role(world, ROLE_FILE_REFAULT), 48211 * page_bytes);
	assert_int_equal(world_role(world, ROLE_ANON_REFAULT), 1804 * page_bytes);
	assert_int_equal(world_role(world, ROLE_ALLOC_STALL), 0);
	assert_int_equal(world_value(world, "swap", "kind"), SWAP_DISK);
	assert_int_equal(world_value(world, "swap", "total_bytes"), 524284 * KIB);
	assert_int_equal(world_value(world, "swap", "used_bytes"), 25088 * KIB);
	assert_int_equal(world_value(world, "swap", "in_bytes_s"), 2193 * page_bytes);
	assert_int_equal(world_value(world, "swap", "out_bytes_s"), 8465 * page_bytes);
	assert_int_equal(world_value(world, "swap", "disk_out_bytes_total"), 0);
	assert_int_equal(world_value(world, "swap", "oom_kills"), 1);
	assert_text_has(world_reason(world, "mem", "psi_some_ratio"), "boot with psi=1");
	assert_text_has(world_reason(world, "mem", "psi_full_ratio"), "boot with psi=1");
	world_free(world);
}

static void test_pi4(void **state)
{
	struct world *world = world_board("pi4");

	(void)state;
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "mem", "psi_some_ratio"), 1204411);
	assert_int_equal(world_role(world, ROLE_PSI_SOME), 1204411);
	assert_int_equal(world_role(world, ROLE_PSI_FULL), 512044);
	/* DMA: high 1321, reserve 2976; DMA32: high 4820, no reserve. */
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), (1321 + 2976 + 4820) * page_bytes);
	assert_int_equal(world_value(world, "swap", "kind"), SWAP_DISK);
	world_free(world);
}

static void test_pi5(void **state)
{
	struct world *world = world_board("pi5");

	(void)state;
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_value(world, "swap", "kind"), SWAP_ZRAM);
	assert_int_equal(world_value(world, "swap", "used_bytes"), 61440 * KIB);
	/* Eight memory nodes. */
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), 2044 * page_bytes);
	world_free(world);
}

static char *replace(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	char *result = malloc(strlen(text) + strlen(new) + 1);

	assert_true(at && result);
	memcpy(result, text, (size_t)(at - text));
	strcpy(result + (at - text), new);
	strcat(result, at + strlen(old));
	return result;
}

static void test_meminfo_nonsense(void **state)
{
	static const struct {
		const char *old, *new, *reason;
	} rows[] = {
		{"MemAvailable:     408536", "MemAvailable:     929545", "contradictory"},
		{"MemFree:           61208", "MemFree:          999999", "contradictory"},
		{"Dirty:               428", "Dirty:           929545", "contradictory"},
		{"Active(file):     168212", "Active(file):     900000", "contradictory"},
		{"MemTotal:         929544", "MemTotal:              0", "lines are missing"},
		{"MemTotal:         929544", "MemTotal:            many", "lines are missing"},
		{"MemFree:           61208", "MemFree:  99999999999999999999", "lines are missing"},
		{"MemFree:           61208", "MemFree:  9223372036854775807", "lines are missing"},
		{"MemFree:           61208", "MemFree:          -61208", "lines are missing"},
		{"SReclaimable:", "SReclaimed:", "lines are missing"},
		{"AnonPages:        355692", "AnonPages:        929545", "contradictory"},
		{"Buffers: ", "MemFree: ", "lines are missing"}, /* twice */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = replace(MEMINFO, rows[i].old, rows[i].new);
		struct world *world = small_world(text);

		world_read(world);
		assert_text_has(world_reason(world, "mem", "total_bytes"), rows[i].reason);
		assert_text_has(world_reason(world, "mem", "available_bytes"), "/proc/meminfo");
		for (unsigned role = ROLE_MEM_TOTAL; role <= ROLE_ANON; role++)
			assert_int_equal(world_sample(world, "-", NULL, role)->kind,
					 SAMPLE_UNKNOWN);
		/* The other files are as good as before. */
		assert_int_equal(world_value(world, "swap", "used_bytes"), 1000 * KIB);
		world_free(world);
		free(text);
	}
}

static void test_meminfo_old_kernel(void **state)
{
	char *text = replace(MEMINFO, "MemAvailable:     408536 kB\n", "");
	struct world *world = small_world(text);

	(void)state;
	world_read(world);
	assert_text_has(world_reason(world, "mem", "available_bytes"), "needs kernel 3.14");
	assert_int_equal(world_value(world, "mem", "total_bytes"), 929544 * KIB);
	assert_int_equal(world_role(world, ROLE_MEM_FREE), 61208 * KIB);
	world_free(world);
	free(text);

	text = replace(MEMINFO, "AnonPages:", "AnonPaged:");
	world = small_world(text);
	world_read(world);
	assert_text_has(world_sample(world, "-", NULL, ROLE_ANON)->text, "no AnonPages");
	assert_int_equal(world_value(world, "mem", "total_bytes"), 929544 * KIB);
	world_free(world);
	free(text);
}

static void test_meminfo_empty_huge_absent(void **state)
{
	const size_t huge = 10 * 1024 * 1024;
	char *text = malloc(huge + 1);
	struct world *world = small_world("");

	(void)state;
	assert_non_null(text);
	world_read(world);
	assert_text_has(world_reason(world, "mem", "total_bytes"), "empty");
	memset(text, '\n', huge);
	memcpy(text, MEMINFO, strlen(MEMINFO));
	text[huge] = '\0';
	world_write(world, "proc/meminfo", text);
	later(world, 1);
	assert_text_has(world_reason(world, "mem", "total_bytes"), "too long");
	/* And back to normal through the same descriptor. */
	world_write(world, "proc/meminfo", MEMINFO);
	later(world, 1);
	assert_int_equal(world_value(world, "mem", "total_bytes"), 929544 * KIB);
	world_free(world);
	free(text);

	world = world_new();
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	for (size_t i = 0; i < world->batch.sample_count; i++) {
		assert_int_equal(world->batch.samples[i].kind, SAMPLE_UNKNOWN);
		assert_text_has(world->batch.samples[i].text, "/proc/");
	}
	world_free(world);
}

static void test_vmstat_old_and_poor(void **state)
{
	struct world *world = small_world(MEMINFO);

	(void)state;
	world_write(world, "proc/vmstat", "workingset_refault 7\nworkingset_refaults 9\n");
	world_read(world);
	assert_int_equal(world_role(world, ROLE_FILE_REFAULT), 7 * page_bytes);
	assert_text_has(world_sample(world, "-", NULL, ROLE_ANON_REFAULT)->text, "kernel 5.9");
	assert_text_has(world_sample(world, "-", NULL, ROLE_ALLOC_STALL)->text, "allocstall");
	assert_text_has(world_reason(world, "swap", "in_bytes_s"), "pswpin");
	assert_text_has(world_reason(world, "swap", "out_bytes_s"), "pswpout");
	assert_text_has(world_reason(world, "swap", "disk_out_bytes_total"), "pswpout");
	assert_text_has(world_reason(world, "swap", "oom_kills"), "4.13");
	world_free(world);
}

/* Without CONFIG_SWAP there is no /proc/swaps, and meminfo says 0. If it does not, we do not know. */
static void test_kernel_without_swap(void **state)
{
	char *text = replace(MEMINFO, "SwapTotal:        524284", "SwapTotal:             0");
	struct world *world = world_new();

	(void)state;
	world_write(world, "proc/meminfo", MEMINFO);
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_text_has(world_reason(world, "swap", "kind"), "/proc/swaps");
	world_write(world, "proc/meminfo", text);
	later(world, 1);
	assert_int_equal(world_role(world, ROLE_SWAP_KIND), SWAP_NONE);
	assert_int_equal(world_value(world, "swap", "total_bytes"), 0);
	world_free(world);
	free(text);
}

/* It may be looked for in vain at the start and be there a minute later. */
static void test_pressure_appears(void **state)
{
	struct world *world = small_world(MEMINFO);

	(void)state;
	world_read(world);
	assert_text_has(world_reason(world, "mem", "psi_some_ratio"), "psi=1");
	world_write(world, "proc/pressure/memory", "some total=5\nfull total=4\n");
	later(world, 60);
	assert_int_equal(world_role(world, ROLE_PSI_SOME), 5);
	world_write(world, "proc/pressure/memory", "some total=5\nfull tot");
	later(world, 1);
	assert_text_has(world_reason(world, "mem", "psi_some_ratio"), "cut off");
	world_free(world);
}

static void test_slow_files_once_a_minute(void **state)
{
	struct world *world = small_world(MEMINFO);

	(void)state;
	world_write(world, "proc/sys/vm/swappiness", "60\n");
	world_write(world, "proc/zoneinfo", ZONE(5, 100, "(0)"));
	world_read(world);
	assert_int_equal(world_role(world, ROLE_SWAPPINESS), 60);
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), 5 * page_bytes);
	world_write(world, "proc/sys/vm/swappiness", "1\n");
	world_write(world, "proc/zoneinfo", ZONE(6, 100, "(0)"));
	later(world, 59);
	assert_int_equal(world_role(world, ROLE_SWAPPINESS), 60);
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), 5 * page_bytes);
	later(world, 1);
	assert_int_equal(world_role(world, ROLE_SWAPPINESS), 1);
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), 6 * page_bytes);
	world_write(world, "proc/sys/vm/swappiness", "201\n");
	world_write(world, "proc/zoneinfo", "Node 0, zone\n");
	later(world, 60);
	assert_text_has(world_sample(world, "-", NULL, ROLE_SWAPPINESS)->text, "0 to 200");
	assert_text_has(world_sample(world, "-", NULL, ROLE_WATERMARK_HIGH)->text, "malformed");
	world_free(world);
}

/* On the machine at hand, whatever it is: the files of a live kernel make sense. */
static void test_live_kernel(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world_use(world, "/");
	world->env.real_root = true;
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_true(world_value(world, "mem", "total_bytes") > 16 * 1024 * KIB);
	assert_true(world_value(world, "mem", "available_bytes") > 0);
	assert_in_range(world_role(world, ROLE_SWAP_KIND), SWAP_NONE, SWAP_MIXED);
	assert_true(world_role(world, ROLE_WATERMARK_HIGH) > 0);
	assert_in_range(world_role(world, ROLE_SWAPPINESS), 0, 200);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pi3b),
		cmocka_unit_test(test_pi4),
		cmocka_unit_test(test_pi5),
		cmocka_unit_test(test_meminfo_nonsense),
		cmocka_unit_test(test_meminfo_old_kernel),
		cmocka_unit_test(test_meminfo_empty_huge_absent),
		cmocka_unit_test(test_vmstat_old_and_poor),
		cmocka_unit_test(test_kernel_without_swap),
		cmocka_unit_test(test_pressure_appears),
		cmocka_unit_test(test_slow_files_once_a_minute),
		cmocka_unit_test(test_live_kernel),
	};

	page_bytes = sysconf(_SC_PAGESIZE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
