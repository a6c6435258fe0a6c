/* SPDX-License-Identifier: MIT */
/* A Pi 3 that boots from its card, for tests of the SD card collector. To be included by one test program each. */
#ifndef HOSTINGPI_TEST_SDCARD_WORLD_H
#define HOSTINGPI_TEST_SDCARD_WORLD_H

#include "tests/unit/fake-root.h"

#include "collectors/collectors.h"

#define PI3_CARD "../../devices/platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:0007/block/mmcblk0"
#define ROOT_ON_P2                                                                                 \
	"22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n"                                 \
	"23 22 0:21 / /proc rw,relatime shared:12 - proc proc rw\n"

static int setup(void **state)
{
	*state = fixture_new(&sdcard_collector);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

/* A line of /sys/block/NAME/stat with what matters here. */
static inline void put_stat(struct fixture *fixture, const char *name, int64_t reads,
			    int64_t writes, int64_t sectors, int64_t write_ms, int64_t queue_ms,
			    int64_t in_flight)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "sys/block/%s/stat", name);
	snprintf(text, sizeof(text),
		 "%8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld %8lld "
		 "%8lld %8lld %8lld %8lld\n",
		 (long long)reads, 7LL, 80LL, 90LL, (long long)writes, 5LL, (long long)sectors,
		 (long long)write_ms, (long long)in_flight, 100LL, (long long)queue_ms, 0LL, 0LL,
		 0LL, 0LL, 0LL, 0LL);
	put(fixture, path, text);
}

/* 4 KiB for each write, in 32 bits as on a 32-bit kernel. */
static inline void card(struct fixture *fixture, int64_t writes, int64_t write_ms,
			int64_t in_flight)
{
	put_stat(fixture, "mmcblk0", 1000, writes, 8 * writes & UINT32_MAX, write_ms, write_ms,
		 in_flight);
}

static inline void pi3(struct fixture *fixture)
{
	put(fixture, "proc/self/mountinfo", ROOT_ON_P2);
	put_link(fixture, "sys/dev/block/179:2", PI3_CARD "/mmcblk0p2");
	card(fixture, 1000, 5000, 0);
}

#endif
