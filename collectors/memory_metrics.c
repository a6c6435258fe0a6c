/* SPDX-License-Identifier: MIT */
/*
 * A metric without a name is not published: it only plays its role for the judge. A counter without
 * a name for its rate is the same.
 */
#include "collectors/memory_metrics.h"

#include <stddef.h>

#define GAUGE(g, json, u, r, text)                                                                 \
	{                                                                                          \
		.group = (g), .name = (json), .unit = (u), .role = (r), .help = (text)             \
	}
#define RATE(g, json, u, r, text)                                                                  \
	{                                                                                          \
		.group = (g), .rate_name = (json), .kind = METRIC_COUNTER, .unit = (u),            \
		.role = (r), .help = (text)                                                        \
	}

const struct metric memory_metrics[MEM_METRICS] = {
	[MEMORY_TOTAL] = GAUGE("mem", "total_bytes", UNIT_BYTES, ROLE_MEM_TOTAL, "all memory"),
	[MEMORY_FREE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_MEM_FREE, "free memory"),
	[MEMORY_AVAILABLE] = {.group = "mem",
			      .name = "available_bytes",
			      .unit = UNIT_BYTES,
			      .role = ROLE_MEM_AVAILABLE,
			      .course = true,
			      .help = "the kernel's estimate of what programs may still take"},
	[MEMORY_FILE_ACTIVE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_ACTIVE, "file cache, used"),
	[MEMORY_FILE_INACTIVE] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_INACTIVE, "file cache, idle"),
	[MEMORY_FILE_DIRTY] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_DIRTY, "waits to be written"),
	[MEMORY_FILE_WRITEBACK] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_WRITEBACK, "being written"),
	[MEMORY_SLAB_RECLAIMABLE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_SLAB_RECLAIMABLE,
					  "caches of the kernel that it can give back"),
	[MEMORY_ANON] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_ANON, "what programs hold that is no file"),
	[MEM_WATERMARK_HIGH] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_WATERMARK_HIGH, "kept back by the kernel"),
	[MEM_LOW_TOTAL] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_LOW_TOTAL,
				"what the kernel itself can use, where there is high memory"),
	[MEM_LOW_FREE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_LOW_FREE,
			       "of that free above the watermarks, without CMA"),
	[MEM_LOW_FILE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_LOW_FILE, "of that file cache"),
	[MEM_SWAPPINESS] = GAUGE("mem", NULL, UNIT_COUNT, ROLE_SWAPPINESS, "vm.swappiness"),
	[MEM_FILE_REFAULT] =
		RATE("mem", NULL, UNIT_BYTES, ROLE_FILE_REFAULT, "file cache lost and read again"),
	[MEM_ANON_REFAULT] = RATE("mem", NULL, UNIT_BYTES, ROLE_ANON_REFAULT,
				  "memory of programs swapped out and read again"),
	[MEM_ALLOC_STALLS] = RATE("mem", NULL, UNIT_COUNT, ROLE_ALLOC_STALL,
				  "allocations that had to reclaim memory themselves"),
	[MEM_PSI_SOME] = RATE("mem", "psi_some_ratio", UNIT_PPM, ROLE_PSI_SOME,
			      "part of the time in which some task waited for memory"),
	[MEM_PSI_FULL] = RATE("mem", "psi_full_ratio", UNIT_PPM, ROLE_PSI_FULL,
			      "part of the time in which all tasks waited for memory"),
	[MEM_SWAP_KIND] = {.group = "swap",
			   .name = "kind",
			   .unit = UNIT_WORD,
			   .role = ROLE_SWAP_KIND,
			   .words = swap_kind_words,
			   .help = "what swapping goes to"},
	[MEM_SWAP_TOTAL] = GAUGE("swap", "total_bytes", UNIT_BYTES, ROLE_NONE, "size of all swap"),
	[MEM_SWAP_USED] = GAUGE("swap", "used_bytes", UNIT_BYTES, ROLE_NONE, "swap in use"),
	[MEM_SWAP_IN] = RATE("swap", "in_bytes_s", UNIT_BYTES, ROLE_NONE, "read from any swap"),
	[MEM_SWAP_OUT] = {.group = "swap",
			  .rate_name = "out_bytes_s",
			  .kind = METRIC_COUNTER,
			  .unit = UNIT_BYTES,
			  .role = ROLE_SWAP_OUT,
			  .course = true,
			  .help = "written to any swap"},
	[MEM_SWAP_DISK_OUT] = {.group = "swap",
			       .name = "disk_out_bytes_total",
			       .kind = METRIC_COUNTER,
			       .unit = UNIT_BYTES,
			       .role = ROLE_SWAP_DISK_OUT,
			       .help = "written to swap that is not zram, since the agent's start"},
	[MEM_OOM_KILLS] = {.group = "swap",
			   .name = "oom_kills",
			   .kind = METRIC_COUNTER,
			   .unit = UNIT_COUNT,
			   .help = "processes killed for lack of memory, since boot"},
};
