/* SPDX-License-Identifier: MIT */
/* What the kernel keeps back in each zone of memory, and how the part that it can use itself does. */
#ifndef HOSTINGPI_MEMORY_ZONES_H
#define HOSTINGPI_MEMORY_ZONES_H

#include <stdbool.h>
#include <stdint.h>

struct memory_zones {
	/* Over all zones the high watermark plus the largest reserve, at most what the zone has. */
	int64_t kept_bytes;
	/*
	 * There is high memory, and the kernel told what is free of the rest. Only then the
	 * following are valid.
	 */
	bool has_high;
	int64_t low_total_bytes;
	/* Above the high watermarks, without what waits in CMA areas; < 0: below them. */
	int64_t low_free_bytes;
	bool low_file_known; /* kernels before 4.8 have no lists of pages for each zone */
	int64_t low_file_bytes;
};

/* Parses /proc/zoneinfo. Returns 0 or -EBADMSG. */
int memory_parse_zoneinfo(const char *text, int64_t page_bytes, struct memory_zones *ret_zones);

#endif
