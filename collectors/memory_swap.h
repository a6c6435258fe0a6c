/* SPDX-License-Identifier: MIT */
/* How much was written to swap that is not zram, since the agent's start. */
#ifndef HOSTINGPI_MEMORY_SWAP_H
#define HOSTINGPI_MEMORY_SWAP_H

#include <stdbool.h>
#include <stdint.h>

#include "collectors/memory_parse.h"

/* A zram device that is used as swap. */
struct memory_zram {
	int stat_fd;	/* negative: not there */
	int backing_fd; /* of bd_stat; negative: it has no backing device */
};

/* A sum over all zram devices at the last reading. */
struct memory_zram_sum {
	bool known;
	int64_t bytes;
};

struct memory_swap {
	int root_fd;
	unsigned zram_count; /* devices of which the files are open */
	int numbers[MEMORY_SWAP_AREAS];
	struct memory_zram zrams[MEMORY_SWAP_AREAS];
	struct memory_zram_sum stored;	/* written to zram */
	struct memory_zram_sum written; /* written by zram to its backing devices */

	bool primed;	     /* the next two are valid */
	enum swap_kind kind; /* at the last reading */
	int64_t out_bytes;   /* likewise */
	int64_t ahead_bytes; /* <= 0: how far zram's counter was ahead of the kernel's */
	int64_t disk_out_bytes;
};

/* Zeroed is a valid start but for root_fd. */
void memory_swap_open(struct memory_swap *swap, int root_fd);

/*
 * Takes over what swap there is and the kernel's count of bytes swapped out, which must have been
 * read before. Returns the sum of what went to a disk.
 */
int64_t memory_swap_update(struct memory_swap *swap, const struct memory_swaps *now,
			   int64_t out_bytes);

void memory_swap_close(struct memory_swap *swap);

#endif
