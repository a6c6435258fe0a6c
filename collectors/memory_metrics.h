/* SPDX-License-Identifier: MIT */
/* What the memory collector hands in. */
#ifndef HOSTINGPI_MEMORY_METRICS_H
#define HOSTINGPI_MEMORY_METRICS_H

#include "agent/metric.h"
#include "collectors/memory_parse.h"

/* The readings of meminfo come first: enum memory_field is their number here, too. */
enum memory_metric {
	MEM_WATERMARK_HIGH = MEMORY_READINGS,
	MEM_LOW_TOTAL,
	MEM_LOW_FREE,
	MEM_LOW_FILE,
	MEM_SWAPPINESS,
	MEM_FILE_REFAULT,
	MEM_ANON_REFAULT,
	MEM_ALLOC_STALLS,
	MEM_PSI_SOME,
	MEM_PSI_FULL,
	MEM_SWAP_KIND,
	MEM_SWAP_TOTAL,
	MEM_SWAP_USED,
	MEM_SWAP_IN,
	MEM_SWAP_OUT,
	MEM_SWAP_DISK_OUT,
	MEM_OOM_KILLS,
	MEM_METRICS,
};

extern const struct metric memory_metrics[MEM_METRICS];

#endif
