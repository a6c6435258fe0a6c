/* SPDX-License-Identifier: MIT */
/*
 * What tests of the ring share: documents that change as real ones do, and memory that may not be
 * touched where it was not reserved: doing so ends the test program.
 */
#ifndef HOSTINGPI_TEST_MQTT_RING_WORLD_H
#define HOSTINGPI_TEST_MQTT_RING_WORLD_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "notifiers/mqtt_ring.h"

#define WORLD_PAGE 4096
#define WORLD_PAGES (MQTT_RING_BYTES / WORLD_PAGE)
#define WORLD_SECOND_NS INT64_C(1000000000)

static uint64_t world_random_state;

static inline void world_seed(const char *what)
{
	const char *seed = getenv("SEED");

	world_random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	printf("%s: SEED=%llu\n", what, (unsigned long long)world_random_state);
}

static inline unsigned world_random(unsigned below)
{
	world_random_state = world_random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((world_random_state >> 33) % below);
}

/* Documents are numbers of which nothing can be saved: a slot has few records, quickly read. */
static bool world_wide;

static inline size_t world_wide_document(uint64_t number, char *buffer, size_t size)
{
	uint32_t mix = (uint32_t)number;
	int length = 0;

	for (unsigned i = 0; i < 100; i++) {
		mix = mix * 1664525u + 1013904223u;
		length += snprintf(buffer + length, size - (size_t)length, "%u,", mix % 1000000000);
	}
	return (size_t)length;
}

/* A state document in little; another one for each number, the same one for the same number. */
static inline size_t world_document(uint64_t number, char *buffer, size_t size)
{
	uint64_t mix = number * 0x9e3779b97f4a7c15u;
	bool falls = mix >> 40 & 1;
	int length;

	if (world_wide)
		return world_wide_document(number, buffer, size);
	length = snprintf(
		buffer, size,
		"{\"ts\":%llu,\"seq\":%llu,\"interval_ms\":1000,\"sd\":{\"write_errors\":0,"
		"\"busy_ratio\":0.%03u1,\"health\":\"good\"},\"mem\":{\"total_bytes\":4096000,"
		"\"available_bytes\":%u,\"headroom_bytes\":-%u%s},\"soc\":{\"temp_c\":%u.%u5},"
		"\"lb\":{\"weight\":%u,\"state\":\"%s\",\"reason\":\"ok 1.5\"},\"unknown\":{%s"
		"\"fs.nfs_source\":\"not applicable: root is not on NFS\","
		"\"fs.nfs_rtt_ms\":\"not applicable: root is not on NFS\","
		"\"soc.fan_rpm\":\"not applicable: no hwmon chip pwmfan\"}}",
		(unsigned long long)(1795263331346u + number * 1000 + mix % 3),
		(unsigned long long)number, (unsigned)(mix >> 8) % 1000,
		(unsigned)(mix >> 16) % 100000 * 4096, (unsigned)(mix >> 24) % 10000 + 1,
		falls ? ",\"time_to_swap_s\":5.25" : "", (unsigned)(mix >> 41) % 30 + 40,
		(unsigned)(mix >> 45) % 10, (unsigned)(mix >> 50) % 100,
		(mix >> 60) % 4 ? "normal" : "shed",
		falls ? "" : "\"mem.time_to_swap_s\":\"headroom is not falling\",");

	return (size_t)length;
}

struct world {
	struct mqtt_ring_memory memory;
	struct mqtt_ring *ring;
	int64_t now_ns;
	size_t limit; /* pages that may be reserved */
	size_t reserved;
	bool is_reserved[WORLD_PAGES];
};

static inline int world_reserve(void *context, size_t offset, size_t length)
{
	struct world *world = context;

	for (size_t page = offset / WORLD_PAGE; page < (offset + length) / WORLD_PAGE; page++) {
		if (world->is_reserved[page])
			continue;
		if (world->reserved >= world->limit)
			return -ENOSPC;
		mprotect(world->memory.bytes + page * WORLD_PAGE, WORLD_PAGE,
			 PROT_READ | PROT_WRITE);
		world->is_reserved[page] = true;
		world->reserved++;
	}
	return 0;
}

static inline void world_release(void *context, size_t offset, size_t length)
{
	struct world *world = context;

	for (size_t page = offset / WORLD_PAGE; page < (offset + length) / WORLD_PAGE; page++) {
		if (!world->is_reserved[page])
			continue;
		memset(world->memory.bytes + page * WORLD_PAGE, 0xa5, WORLD_PAGE);
		mprotect(world->memory.bytes + page * WORLD_PAGE, WORLD_PAGE, PROT_NONE);
		world->is_reserved[page] = false;
		world->reserved--;
	}
}

/* Memory in which nothing is; shared with children. */
static inline void world_make(struct world *world)
{
	void *bytes = mmap(NULL, MQTT_RING_BYTES, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		abort();
	*world = (struct world){
		.memory = {bytes, world_reserve, world_release, NULL},
		.now_ns = 1000 * WORLD_SECOND_NS,
		.limit = WORLD_PAGES,
	};
	world->memory.context = world;
}

static inline void world_open(struct world *world)
{
	world_make(world);
	world->ring = mqtt_ring_new(&world->memory);
}

static inline void world_close(struct world *world)
{
	mqtt_ring_free(world->ring);
	munmap(world->memory.bytes, MQTT_RING_BYTES);
}

/* Another process comes upon what is in the memory now: a copy of it, reserved as that is. */
static inline void world_inherit(struct world *heir, const struct world *world)
{
	world_make(heir);
	for (size_t page = 0; page < WORLD_PAGES; page++) {
		if (!world->is_reserved[page])
			continue;
		world_reserve(heir, page * WORLD_PAGE, WORLD_PAGE);
		memcpy(heir->memory.bytes + page * WORLD_PAGE,
		       world->memory.bytes + page * WORLD_PAGE, WORLD_PAGE);
	}
	heir->ring = mqtt_ring_new(&heir->memory);
}

/* Puts the document of the number that it will have, a second after the one before. */
static inline uint64_t world_put(struct world *world, uint64_t expected)
{
	char text[2048];
	uint64_t number = 0;
	size_t length = world_document(expected, text, sizeof(text));

	world->now_ns += WORLD_SECOND_NS;
	if (mqtt_ring_put(world->ring, world->now_ns, text, length, &number) != 0 ||
	    number != expected)
		abort();
	return number;
}

/* Returns the number of the next sample below `below`, 0 if there is none; its text is what was put. */
static inline uint64_t world_next(struct world *world, uint64_t below)
{
	char buffer[16384], text[2048];
	uint64_t number;
	size_t length;

	if (!mqtt_ring_next(world->ring, below, buffer, sizeof(buffer), &number, &length))
		return 0;
	if (length != world_document(number, text, sizeof(text)) ||
	    memcmp(buffer, text, length) != 0)
		abort();
	return number;
}

#endif
