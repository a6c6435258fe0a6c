/* SPDX-License-Identifier: MIT */
/* How far the counters of a disk went on within the last seconds, minutes or hours. Pure. */
#ifndef HOSTINGPI_COLLECTORS_DISK_WINDOW_H
#define HOSTINGPI_COLLECTORS_DISK_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The window is cut into twelve parts: what it covers is at most a twelfth longer than asked for. */
#define DISK_WINDOW_POINTS 13

struct disk_point {
	int64_t at_ns;
	int64_t writes, write_ms, queue_ms, write_bytes; /* as in struct disk_stat */
	int64_t busy_ns;				 /* summed up since any moment */
};

/* Zeroed is a valid start. */
struct disk_window {
	struct disk_point points[DISK_WINDOW_POINTS]; /* oldest first */
	size_t count;
};

/*
 * Takes a point in and tells the way from the newest one that is at least span_ns old (the oldest,
 * where all are younger) to it. Readings at a slower pace than that make the window longer. Returns
 * false when there is nothing to compare with: the first point, or counters that began anew.
 */
bool disk_window_take(struct disk_window *window, int64_t span_ns, const struct disk_point *point,
		      struct disk_point *ret_way);

#endif
