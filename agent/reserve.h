/* SPDX-License-Identifier: MIT */
/* How much of the reserve others have taken already, and so need not be kept for them again. Pure. */
#ifndef HOSTINGPI_RESERVE_H
#define HOSTINGPI_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a valid start. */
struct reserve {
	bool primed;
	int64_t usual_bytes; /* what was left by all others, at most, slowly forgotten */
	int64_t carry;	     /* of forgetting, below one byte */
	int64_t taken_bytes; /* believed, >= 0 */
};

/*
 * left_bytes is what all but the web workers leave; growing, that it shrinks right now. Returns what
 * is to be kept of the reserve: between a part of it and all.
 */
int64_t reserve_update(struct reserve *reserve, int64_t reserve_bytes, int64_t left_bytes,
		       bool growing, int64_t elapsed_ns);

#endif
