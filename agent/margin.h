/* SPDX-License-Identifier: MIT */
/*
 * What experience teaches about this machine: if it swapped at some headroom, it will again. Pure.
 */
#ifndef HOSTINGPI_MARGIN_H
#define HOSTINGPI_MARGIN_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a valid start. */
struct margin {
	bool primed;
	int64_t last_ns;
	int64_t bytes;
	int64_t swapped_ns; /* when the machine swapped last; 0: not seen */
	int64_t carry;	    /* what forgetting did not take yet, in parts of a byte */
};

/* Takes over what an earlier life learned, at most MARGIN_MOST_PCT of memory. */
void margin_resume(struct margin *margin, int64_t bytes);

/*
 * Forgets with a half-life of a day and, where the machine swaps to disk just now, learns.
 * headroom_bytes is without the margin. Returns the margin in bytes, >= 0.
 */
int64_t margin_update(struct margin *margin, bool disk_swapping, int64_t headroom_bytes,
		      int64_t total_bytes, int64_t now_ns);

#endif
