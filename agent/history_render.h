/* SPDX-License-Identifier: MIT */
/* The course of readings as documents of the control socket, in the units of the state document. */
#ifndef HOSTINGPI_HISTORY_RENDER_H
#define HOSTINGPI_HISTORY_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "agent/history.h"

struct history_moment {
	int64_t now_ns;	 /* monotonic */
	int64_t wall_ms; /* unix milliseconds */
};

/* Which series there are, and the steps of the spans. Returns the length or -ENOSPC. */
int history_render_list(const struct history *history, char *buffer, size_t size);
/*
 * One of them: least, mean and most of each step, oldest first, null where nothing was known. Returns the
 * length or -ENOSPC.
 */
int history_render(const struct history *history, size_t series, enum history_span span,
		   const struct history_moment *now, char *buffer, size_t size);

#endif
