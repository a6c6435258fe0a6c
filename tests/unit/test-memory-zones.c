/* SPDX-License-Identifier: MIT */
/*
 * /proc/zoneinfo: what is kept back in all zones, and how the lower part does where there is high
 * memory; from single lines to whole boards.
 */
#include "collector-fixture.h"

#include "collectors/memory_zones.h"
#include "memory-texts.h"

/* A zone as kernels since 4.8 print it; numbers are strings, protection without brackets. */
#define FULL_ZONE(name, free, high, managed, protection, active, inactive, cma)                    \
	"Node 0, zone " name "\n  pages free     " free                                            \
	"\n        min      1\n        low      1\n"                                               \
	"        high     " high "\n        managed  " managed                                     \
	"\n        protection: (" protection ")\n      nr_free_pages " free                        \
	"\n      nr_zone_inactive_file " inactive "\n      nr_zone_active_file " active            \
	"\n      nr_free_cma  " cma "\n"

/* Zones without pages have no counters. */
#define EMPTY_ZONE(name, protection)                                                               \
	"Node 0, zone " name "\n  pages free     0\n        high     0\n        managed  0\n"      \
	"        protection: (" protection ")\n"

#define PAGE INT64_C(4096)

static void test_zoneinfo_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"nothing\n",
		"        high     5\n",
		"Node 0, zone   Normal\n",
		"Node 0, zone   Normal\n  high 5\n  managed 5\n",
		ZONE(5, 100, "(0, 1)") "Node 0, zone   Movable\n  high 5\n",
		ZONE(5, 100, "(0, 1)") "Node 0, zone   Mova",
		ZONE(5, 100, "0, 1)"),
		ZONE(5, 100, "(0, 1"),
		ZONE(5, 100, "(0, )"),
		ZONE(5, 100, "()"),
		ZONE(5, 100, "(0)") ZONE(x, 100, "(0)"),
		ZONE(5, 100, "(0)") ZONE(5, , "(0)"),
		ZONE(9223372036854775807, 9223372036854775807, "(0, 1)"),
		ZONE(9223372036854775807, 9223372036854775807, "(0)"),
		ZONE(5, 100, "(0)\n        high     5"),
	};
	struct memory_zones zones = {.kept_bytes = -7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(memory_parse_zoneinfo(bad[i], 4096, &zones), -EBADMSG);
	assert_int_equal(zones.kept_bytes, -7);
	assert_int_equal(memory_parse_zoneinfo(ZONE(5, 100, "(0, 7, 3, 3)") ZONE(6, 100, "(0)"),
					       4096, &zones),
			 0);
	assert_int_equal(zones.kept_bytes, (5 + 7 + 6) * 4096);
	/* A reserve that is larger than its zone is as large as the zone. */
	assert_int_equal(
		memory_parse_zoneinfo(ZONE(92, 3840, "(0, 3017, 4041, 4041)"), 4096, &zones), 0);
	assert_int_equal(zones.kept_bytes, 3840 * 4096);
}

/* What a zone of a 64-bit kernel has is no part of anything else. */
static void test_without_high_memory(void **state)
{
	static const char *const texts[] = {
		FULL_ZONE("DMA", "900", "5", "1000", "0, 7, 7, 7", "20", "30", "100")
			EMPTY_ZONE("Movable", "0, 0, 0, 0"),
		/* A kernel with HighMem on a board with too little memory for it. */
		FULL_ZONE("Normal", "900", "5", "1000", "0, 0, 0", "20", "30", "100")
			EMPTY_ZONE("HighMem", "0, 0, 0"),
		/* High memory alone is no machine. */
		FULL_ZONE("HighMem", "900", "5", "1000", "0, 0, 0", "20", "30", "100"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct memory_zones zones;

		assert_int_equal(memory_parse_zoneinfo(texts[i], PAGE, &zones), 0);
		assert_false(zones.has_high);
	}
}

/*
 * A Pi 4 with 8 GB and a 32-bit kernel that was given 512 MiB of CMA: 582 MB of the lower part were
 * free, and yet the kernel ran out of memory while it booted, because only 64 MB of them were for
 * itself (the numbers of github.com/raspberrypi/linux/issues/5297).
 */
static void test_pi4_out_of_low_memory(void **state)
{
	static const char text[] =
		FULL_ZONE("DMA", "145501", "24576", "156751", "0, 0, 7284, 7284", "208", "1001",
			  "129151") EMPTY_ZONE("Normal", "0, 0, 58272, 58272")
			FULL_ZONE("HighMem", "1850463", "2304", "1864704", "0, 0, 0, 0", "7694",
				  "1788", "0") EMPTY_ZONE("Movable", "0, 0, 0, 0");
	struct memory_zones zones;

	(void)state;
	assert_int_equal(memory_parse_zoneinfo(text, PAGE, &zones), 0);
	assert_true(zones.has_high);
	assert_int_equal(zones.low_total_bytes, 156751 * PAGE);
	assert_int_equal(zones.low_free_bytes, (145501 - 129151 - 24576) * PAGE);
	assert_true(zones.low_free_bytes < 0);
	assert_true(zones.low_file_known);
	assert_int_equal(zones.low_file_bytes, (208 + 1001) * PAGE);
	assert_int_equal(zones.kept_bytes, (24576 + 7284 + 2304) * PAGE);
}

/* Of the reserves only what binds the kernel itself: DMA keeps 7 from Normal, and 70 from HighMem. */
static void test_several_low_zones(void **state)
{
	static const char text[] = FULL_ZONE("DMA", "90", "5", "100", "0, 7, 70, 70", "1", "2",
					     "10") FULL_ZONE("Normal", "800", "50", "1000",
							     "0, 0, 500, 500", "10", "20", "30")
		FULL_ZONE("HighMem", "3000", "60", "4000", "0, 0, 0, 0", "100", "200", "0")
			FULL_ZONE("Movable", "3000", "60", "4000", "0, 0, 0, 0", "100", "200", "0");
	struct memory_zones zones;

	(void)state;
	assert_int_equal(memory_parse_zoneinfo(text, PAGE, &zones), 0);
	assert_true(zones.has_high);
	assert_int_equal(zones.low_total_bytes, 1100 * PAGE);
	assert_int_equal(zones.low_free_bytes, (90 - 10 - 5 - 7 + 800 - 30 - 50) * PAGE);
	assert_int_equal(zones.low_file_bytes, 33 * PAGE);
	assert_int_equal(zones.kept_bytes, (75 + 550 + 60 + 60) * PAGE);
}

/* Before 4.8 the lists of pages were the zones' own, by other names. */
static void test_kernel_before_4_8(void **state)
{
	static const char text[] =
		"Node 0, zone   Normal\n  pages free     90\n        high     5\n"
		"        managed  100\n    nr_free_pages 90\n    nr_inactive_file 3\n"
		"    nr_active_file 4\n    nr_free_cma  10\n        protection: (0, 9, 9)\n"
		"Node 0, zone  HighMem\n  pages free     90\n        high     6\n"
		"        managed  100\n    nr_free_pages 90\n        protection: (0, 0, 0)\n";
	struct memory_zones zones;

	(void)state;
	assert_int_equal(memory_parse_zoneinfo(text, PAGE, &zones), 0);
	assert_true(zones.has_high);
	assert_int_equal(zones.low_free_bytes, (90 - 10 - 5) * PAGE);
	assert_false(zones.low_file_known);
	assert_int_equal(zones.kept_bytes, (5 + 9 + 6) * PAGE);
}

static const struct sample *role_sample(const struct world *world, enum metric_role role)
{
	return world_sample(world, "-", NULL, role);
}

static void test_pi3b_32bit(void **state)
{
	const int64_t page_bytes = sysconf(_SC_PAGESIZE);
	struct world *world = world_board("pi3b-32bit");

	(void)state;
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_role(world, ROLE_LOW_TOTAL), 186112 * page_bytes);
	assert_int_equal(world_role(world, ROLE_LOW_FREE), (30000 - 9000 - 6144) * page_bytes);
	assert_int_equal(world_role(world, ROLE_LOW_FILE), 47000 * page_bytes);
	assert_int_equal(world_role(world, ROLE_WATERMARK_HIGH), (6144 + 1504 + 575) * page_bytes);
	assert_int_equal(world_role(world, ROLE_ALLOC_STALL), 214 + 3 + 11);
	/* The board hangs together: both parts are all of it. */
	assert_int_equal(world_role(world, ROLE_MEM_TOTAL), (186112 + 48128) * 4 * KIB);
	assert_int_equal(world_role(world, ROLE_MEM_FREE), 32000 * 4 * KIB);
	world_free(world);
}

/* Eight nodes of memory, none of them high. */
static void test_64bit_boards(void **state)
{
	static const char *const boards[] = {"pi3b", "pi4", "pi5"};

	(void)state;
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
		struct world *world = world_board(boards[i]);

		world_open(world, &memory_collector, NULL, NULL);
		world_read(world);
		for (unsigned role = ROLE_LOW_TOTAL; role <= ROLE_LOW_FILE; role++) {
			const struct sample *sample = role_sample(world, role);

			assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
			assert_text_has(sample->text, "no high memory");
		}
		world_free(world);
	}
}

#define HIGH_WORLD(free)                                                                           \
	FULL_ZONE("Normal", free, "5", "1000", "0, 0, 0", "20", "30", "100")                       \
	FULL_ZONE("HighMem", "60", "6", "100", "0, 0, 0", "1", "2", "0")

/* With high memory it is read at each tick, and goes on being tried when it fails once. */
static void test_fresh_with_high_memory(void **state)
{
	const int64_t page_bytes = sysconf(_SC_PAGESIZE);
	struct world *world = world_new();

	(void)state;
	world_write(world, "proc/meminfo", MEMINFO);
	world_write(world, "proc/zoneinfo", HIGH_WORLD("500"));
	world_open(world, &memory_collector, NULL, NULL);
	world_read(world);
	assert_int_equal(world_role(world, ROLE_LOW_FREE), 395 * page_bytes);
	world_write(world, "proc/zoneinfo", HIGH_WORLD("400"));
	world->now_ns += NS_PER_S / 10;
	world_read(world);
	assert_int_equal(world_role(world, ROLE_LOW_FREE), 295 * page_bytes);
	world_write(world, "proc/zoneinfo", "Node 0, zone Normal\n");
	world_read(world);
	assert_text_has(role_sample(world, ROLE_LOW_FREE)->text, "malformed");
	assert_text_has(role_sample(world, ROLE_WATERMARK_HIGH)->text, "malformed");
	world_write(world, "proc/zoneinfo", HIGH_WORLD("300"));
	world_read(world);
	assert_int_equal(world_role(world, ROLE_LOW_FREE), 195 * page_bytes);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zoneinfo_parse),
		cmocka_unit_test(test_without_high_memory),
		cmocka_unit_test(test_pi4_out_of_low_memory),
		cmocka_unit_test(test_several_low_zones),
		cmocka_unit_test(test_kernel_before_4_8),
		cmocka_unit_test(test_pi3b_32bit),
		cmocka_unit_test(test_64bit_boards),
		cmocka_unit_test(test_fresh_with_high_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
