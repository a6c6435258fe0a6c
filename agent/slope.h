/* SPDX-License-Identifier: MIT */
/* How fast something shrinks, seen over seconds and over a minute. Pure. */
#ifndef HOSTINGPI_SLOPE_H
#define HOSTINGPI_SLOPE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a valid start. */
struct slope {
	bool primed;
	int64_t last_ns;
	int64_t last_bytes;
	int64_t fast_bytes_s; /* over 1 s; < 0: it grows */
	int64_t slow_bytes_s; /* over a minute */
};

/*
 * Takes the amount that is there at now_ns; the same moment again is ignored. What changes faster than
 * slow_most_bytes_s is left to the fast mean.
 */
void slope_update(struct slope *slope, int64_t bytes, int64_t slow_most_bytes_s, int64_t now_ns);

/* The larger one of the two, >= 0. */
int64_t slope_fall_bytes_s(const struct slope *slope);

#endif
