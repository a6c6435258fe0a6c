/* SPDX-License-Identifier: MIT */
/*
 * The judge: how much memory can still be had before the kernel starts to swap, and how fast it
 * goes. Pure functions of (readings, now). First, simple form of the headroom budget of design 3.
 */
#ifndef HOSTINGPI_PRESSURE_H
#define HOSTINGPI_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/conf.h"
#include "agent/state.h"

struct pressure_conf {
	struct conf_share reserve; /* headroom that is never given away */
	int64_t horizon_ns;	   /* how far ahead the budget looks */
	int64_t worker_bytes;	   /* memory of one concurrent request, where not measured */
};

/* Growth of a counter within a second, however often it is read. */
struct pressure_window {
	bool open;
	bool hit; /* the last whole second, or this one already, reached the limit */
	int64_t start_ns;
	int64_t base;
};

/* Zeroed is a valid start. */
struct pressure {
	bool primed;
	int64_t last_ns;
	int64_t last_headroom_bytes;
	int64_t web_bytes;	     /* headroom plus what the web workers hold */
	int64_t held_bytes;	     /* what they held when it was last known */
	int64_t consumption_bytes_s; /* smoothed, of everything except the web workers; may be < 0 */
	int64_t fall_bytes_s;	     /* smoothed fall of headroom itself; may be < 0 */
	struct pressure_window swap, stall;
};

struct verdict {
	bool known;	 /* false: the inputs are stale or missing; then only why is valid */
	const char *why; /* static, when not known */
	int64_t total_bytes;
	int64_t headroom_bytes;
	int64_t reserve_bytes;
	int64_t consumption_bytes_s; /* >= 0, of everything except the web workers */
	int64_t projected_bytes;     /* headroom minus consumption over the horizon */
	int64_t soon_bytes;	     /* headroom minus consumption over 2 s */
	int64_t budget_bytes; /* memory for web workers, those at work included; may be < 0 */
	int64_t worker_bytes; /* > 0 */
	bool falling;	      /* time_to_swap_ms is valid */
	int64_t time_to_swap_ms;
	bool disk_swapping; /* >= 64 pages a second go to a swap that is not zram */
	bool stalled;	    /* PSI confirms: all tasks stalled >= 100 ms of the last second */
	bool storage_failing;
};

void pressure_judge(struct pressure *pressure, const struct pressure_conf *conf,
		    const struct readings *readings, int64_t now_ns, struct verdict *ret_verdict);

/* Reclaimable headroom in bytes from the readings alone; 0 or -ENODATA with the reason. */
int pressure_headroom(const struct readings *readings, int64_t *ret_bytes, const char **ret_why);

#endif
