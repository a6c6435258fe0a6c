/* SPDX-License-Identifier: MIT */
/*
 * What a web server says of itself, from one reading to the next: our own polls taken off, restarts
 * noticed, the latency of what was served in between. Pure.
 */
#ifndef HOSTINGPI_REQUESTS_COUNT_H
#define HOSTINGPI_REQUESTS_COUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "collectors/status_reading.h"

/* Zeroed is before the first reading. */
struct requests_count {
	bool valid;
	size_t place;	/* whose server said it */
	int64_t polls;	/* of ours that this server had answered */
	int64_t debt;	/* of these, what STATUS_REQUESTS may not have counted yet */
	bool blind;	/* it does not count our polls, though its kind does */
	int64_t before; /* STATUS_REQUESTS as said by the last reading */

	/* The newest reading: STATUS_BUSY, STATUS_REQUESTS and STATUS_LATENCY_US are without us. */
	struct status_reading reading;
	/* Why counters must not be handed in now, because they continue no earlier one; or NULL. */
	const char *anew;
	bool times; /* STATUS_LATENCY_US is there whenever requests are */
};

/*
 * Takes a reading. place: a number for the server that said it; polls: those of ours that it has
 * answered so far, the one at hand included.
 */
void requests_count_take(struct requests_count *count, size_t place, int64_t polls,
			 const struct status_reading *reading);

#endif
