/* SPDX-License-Identifier: MIT */
/*
 * The parsers of kernel files about memory and network. The first byte chooses the parser, the rest
 * is the file. Beyond not crashing: what is accepted must be possible, and what is refused must leave
 * the outputs alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/memory_parse.h"
#include "collectors/memory_zones.h"
#include "collectors/network_parse.h"

#define UNTOUCHED INT64_C(-7)
#define PAGE_BYTES INT64_C(16384)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void fuzz_meminfo(const char *text)
{
	int64_t values[MEMORY_FIELDS];
	uint64_t found = 0;

	for (unsigned i = 0; i < MEMORY_FIELDS; i++)
		values[i] = UNTOUCHED;
	int r = memory_parse_meminfo(text, values, &found);
	require(r == 0 || found == 0);
	for (unsigned i = 0; i < MEMORY_FIELDS; i++) {
		if ((found >> i) & 1)
			require(values[i] >= 0 && values[i] % 1024 == 0);
		else
			require(values[i] == UNTOUCHED);
		if (r >= 0 && i < MEMORY_READINGS)
			require(values[i] <= values[MEMORY_TOTAL]);
	}
}

static void fuzz_vmstat(const char *text)
{
	int64_t values[MEMORY_COUNTERS];
	uint64_t found;

	for (unsigned i = 0; i < MEMORY_COUNTERS; i++)
		values[i] = UNTOUCHED;
	memory_parse_vmstat(text, PAGE_BYTES, values, &found);
	for (unsigned i = 0; i < MEMORY_COUNTERS; i++)
		require((found >> i) & 1 ? values[i] >= 0 : values[i] == UNTOUCHED);
	require(found >> MEMORY_COUNTERS == 0);
}

static void fuzz_swaps(const char *text)
{
	struct memory_swaps swaps = {.total_bytes = UNTOUCHED, .used_bytes = UNTOUCHED};

	if (memory_parse_swaps(text, &swaps) < 0) {
		require(swaps.total_bytes == UNTOUCHED && swaps.used_bytes == UNTOUCHED);
		return;
	}
	require(swaps.used_bytes >= 0 && swaps.used_bytes <= swaps.total_bytes);
	require(swaps.kind != SWAP_NONE || swaps.total_bytes == 0);
	require(swaps.zram_count <= MEMORY_SWAP_AREAS);
	require((swaps.zram_count > 0) == (swaps.kind == SWAP_ZRAM || swaps.kind == SWAP_MIXED));
	for (unsigned i = 0; i < swaps.zram_count; i++)
		require(swaps.zrams[i] >= 0);
}

static void fuzz_zoneinfo(const char *text)
{
	struct memory_zones zones = {.kept_bytes = UNTOUCHED};

	if (memory_parse_zoneinfo(text, PAGE_BYTES, &zones) < 0) {
		require(zones.kept_bytes == UNTOUCHED);
		return;
	}
	require(zones.kept_bytes >= 0 && zones.kept_bytes % PAGE_BYTES == 0);
	require(zones.low_total_bytes >= 0 && zones.low_file_bytes >= 0);
	require(!zones.has_high || zones.low_total_bytes > 0);
}

static void fuzz_zram_backing(const char *text)
{
	int64_t written = UNTOUCHED;

	if (memory_parse_zram_backing(text, &written) < 0)
		require(written == UNTOUCHED);
	else
		require(written >= 0 && written % 4096 == 0);
}

static void fuzz_pressure(const char *text)
{
	int64_t some_us = UNTOUCHED, full_us = UNTOUCHED;

	if (memory_parse_pressure(text, &some_us, &full_us) < 0)
		require(some_us == UNTOUCHED && full_us == UNTOUCHED);
	else
		require(some_us >= 0 && full_us >= 0);
}

static void fuzz_network(const char *text)
{
	struct network_line lines[NETWORK_INTERFACES];
	int count = network_parse(text, lines);

	require(count <= NETWORK_INTERFACES);
	for (int i = 0; i < count; i++) {
		bool reset;

		require(lines[i].rx_bytes >= 0 && lines[i].tx_bytes >= 0);
		require(memchr(lines[i].name, '\0', sizeof(lines[i].name)) != NULL);
		require(strcmp(lines[i].name, "lo") != 0 && !strchr(lines[i].name, '\n'));
		/* Any two counters are one before and after the other. */
		require(network_growth(lines[i].rx_bytes, lines[i].tx_bytes, lines[0].rx_bytes,
				       &reset) >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const char *text) = {
		fuzz_meminfo,  fuzz_vmstat,  fuzz_swaps,	fuzz_zoneinfo,
		fuzz_pressure, fuzz_network, fuzz_zram_backing,
	};

	if (size == 0)
		return 0;
	char *text = malloc(size); /* exactly as long as it is, so that a read beyond it is seen */
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	targets[data[0] % (sizeof(targets) / sizeof(targets[0]))](text);
	free(text);
	return 0;
}
