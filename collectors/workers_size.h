/* SPDX-License-Identifier: MIT */
/* The size of one worker, remembered: the 90th percentile, up soon and down slowly. Pure. */
#ifndef HOSTINGPI_WORKERS_SIZE_H
#define HOSTINGPI_WORKERS_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A worker that was never seen larger still needs stacks, buffers and page tables. */
#define WORKERS_SIZE_FLOOR (INT64_C(4) << 20)

/* Zeroed is a valid start. */
struct workers_size {
	bool known;
	int64_t bytes;
	int64_t last_ns;
};

/* The 90th percentile by nearest rank; count >= 1. Sorts what it needs: values are in disorder then. */
int64_t workers_percentile(int64_t *values, size_t count);

/*
 * Takes over the sizes of all workers that have shown theirs. None: the memory stays as it is, for no
 * time passes for it.
 */
void workers_size_update(struct workers_size *size, int64_t *values, size_t count, int64_t now_ns);

/* The remembered size, at least the floor; false if none was seen yet. */
bool workers_size_get(const struct workers_size *size, int64_t *ret_bytes);

#endif
