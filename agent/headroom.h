/* SPDX-License-Identifier: MIT */
/*
 * How much memory the kernel can still hand out before it starts to swap. Pure function of
 * (readings, what was seen before).
 */
#ifndef HOSTINGPI_HEADROOM_H
#define HOSTINGPI_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/state.h"

/* What is remembered of the file cache. Zeroed is a valid start. */
struct headroom {
	bool primed;
	int64_t last_ns;
	int64_t hot_bytes;	 /* the part of the file cache that is in use */
	int64_t refault_bytes_s; /* smoothed */
};

struct headroom_level {
	int64_t bytes;	     /* headroom; may be < 0: below the kernel's own reserve */
	int64_t stock_bytes; /* all that is free or could be dropped: what shrinks was consumed */
};

/*
 * 0, or -ENODATA with the reason (static). now_ns is when the readings were taken: of the same moment
 * they change nothing that is remembered.
 */
int headroom_update(struct headroom *headroom, const struct readings *readings, int64_t now_ns,
		    struct headroom_level *ret_level, const char **ret_why);

#endif
