/* SPDX-License-Identifier: MIT */
/*
 * Pure parsers of the kernel's files about memory. Text in, numbers out, nothing kept; the outputs
 * are written only when the whole text made sense.
 */
#ifndef HOSTINGPI_MEMORY_PARSE_H
#define HOSTINGPI_MEMORY_PARSE_H

#include <stdint.h>

#include "agent/metric.h"

/* Lines of /proc/meminfo, in bytes. */
enum memory_field {
	MEMORY_TOTAL,
	MEMORY_FREE,
	MEMORY_AVAILABLE,
	MEMORY_FILE_ACTIVE,
	MEMORY_FILE_INACTIVE,
	MEMORY_FILE_DIRTY,
	MEMORY_FILE_WRITEBACK,
	MEMORY_SLAB_RECLAIMABLE,
	MEMORY_ANON,
	MEMORY_READINGS, /* those before are handed in as they are */
	MEMORY_SWAP_TOTAL = MEMORY_READINGS,
	MEMORY_FIELDS,
};

/*
 * Writes what it finds into ret_values (room for MEMORY_FIELDS), and bit i of *ret_found for element
 * i; only MemAvailable (kernels before 3.14) and AnonPages may be missing. Returns 0; -EBADMSG if
 * another line is missing, cut off or malformed; -EPROTO if the numbers contradict each other.
 */
int memory_parse_meminfo(const char *text, int64_t *ret_values, uint64_t *ret_found);

/* Lines of /proc/vmstat. */
enum memory_counter {
	MEMORY_SWAP_IN,	     /* bytes */
	MEMORY_SWAP_OUT,     /* bytes */
	MEMORY_FILE_REFAULT, /* bytes */
	MEMORY_ANON_REFAULT, /* bytes */
	MEMORY_ALLOC_STALLS, /* over all zones */
	MEMORY_OOM_KILLS,
	MEMORY_COUNTERS,
};

/*
 * Writes what it finds into ret_values (room for MEMORY_COUNTERS), and bit i of *ret_found for
 * element i.
 */
void memory_parse_vmstat(const char *text, int64_t page_bytes, int64_t *ret_values,
			 uint64_t *ret_found);

/* The kernel has at most 32 swap areas (MAX_SWAPFILES_SHIFT is 5), fewer with some features. */
#define MEMORY_SWAP_AREAS 32

struct memory_swaps {
	enum swap_kind kind;
	int64_t total_bytes;
	int64_t used_bytes;
	unsigned zram_count;
	int zrams[MEMORY_SWAP_AREAS]; /* the N of /dev/zramN, in the order of the file */
};

/* /proc/swaps. Returns 0 or -EBADMSG. */
int memory_parse_swaps(const char *text, struct memory_swaps *ret_swaps);

/*
 * /proc/pressure/memory: microseconds since boot with some and with all tasks stalled. Returns 0 or
 * -EBADMSG.
 */
int memory_parse_pressure(const char *text, int64_t *ret_some_us, int64_t *ret_full_us);

/*
 * bd_stat of a zram device: bytes that it wrote to its backing device since it was set up. Returns 0
 * or -EBADMSG.
 */
int memory_parse_zram_backing(const char *text, int64_t *ret_written_bytes);

#endif
