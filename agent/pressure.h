/* SPDX-License-Identifier: MIT */
/*
 * The judge: how much memory can still be had before the kernel starts to swap, how fast it goes, and
 * what that leaves for web workers. Pure functions of (readings, now).
 */
#ifndef HOSTINGPI_PRESSURE_H
#define HOSTINGPI_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/conf.h"
#include "agent/headroom.h"
#include "agent/margin.h"
#include "agent/reserve.h"
#include "agent/slope.h"
#include "agent/state.h"

struct pressure_conf {
	struct conf_share reserve; /* headroom that is never given away */
	int64_t horizon_ns;	   /* how far ahead the budget looks */
	int64_t worker_bytes;	   /* memory of one web worker; 0: as measured */
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
	struct headroom headroom;
	struct margin margin;
	struct reserve reserve;
	struct slope fall;	  /* of what is free or can be freed */
	struct slope consumption; /* of that and what the web workers hold: what others take */
	bool web_seen;		  /* anything was ever known of the web workers */
	bool measured;		/* the web workers' memory is read, not derived from their number */
	int64_t held_bytes;	/* what they hold, as last known */
	int64_t settled_milli;	/* thousandths of workers that are there for some seconds */
	int64_t expected_bytes; /* what newer ones will still take */
	int64_t mean_bytes;	/* smoothed mean size of a worker; 0: unknown */
	int64_t stock_bytes;	/* where it is derived: as it was at the last step, */
	int64_t sum_bytes;	/* the sum of stock and held as it is believed, */
	int64_t written_off_bytes; /* and what of it was given up in all */
	int64_t level_bytes;	   /* the sum without what may be a moment's illusion */
	int64_t last_ns;
	int64_t unseen_ns;     /* since when nothing is known of the web workers */
	int64_t unmeasured_ns; /* since when their memory is not read */
	struct pressure_window swap, stall, alloc_stall;
};

struct verdict {
	bool known;	 /* false: the inputs are stale or missing; then only why is valid */
	const char *why; /* static, when not known */
	int64_t total_bytes;
	int64_t headroom_bytes; /* the learned margin is taken off; may be < 0 */
	int64_t margin_bytes;	/* learned, >= 0 */
	int64_t reserve_bytes;
	int64_t inner_bytes;	     /* the part of the reserve that is kept while others grow */
	int64_t consumption_bytes_s; /* >= 0, of everything except the web workers */
	int64_t projected_bytes;     /* headroom minus consumption over the horizon */
	int64_t soon_bytes;	     /* the same over 2 s, the learned margin included */
	int64_t near_bytes;	     /* where swap is near: soon_bytes is not to be less */
	int64_t budget_bytes; /* memory for web workers, those at work included; may be < 0 */
	int64_t worker_bytes; /* > 0 */
	int64_t busy_bytes;   /* what the requests at work hold, 0 where their number is unknown */
	bool demand_known;
	int64_t demand_bytes;  /* what the requests at work need now, a bit more than they hold */
	int64_t scale_pct;     /* 1..100: what heat and supply leave of the normal capacity */
	const char *scale_why; /* static, where that is less than 100 */
	bool falling;	       /* time_to_swap_ms is valid */
	int64_t time_to_swap_ms;
	bool disk_swapping; /* >= 64 pages a second go to a swap that is not zram */
	bool stalled;	    /* confirmed: all tasks stalled >= 100 ms of the last second */
	bool storage_failing;
	bool out_of_memory;  /* the kernel killed somebody for want of memory just now */
	bool kernel_failing; /* the kernel said oops or panic just now */
};

void pressure_judge(struct pressure *pressure, const struct pressure_conf *conf,
		    const struct readings *readings, int64_t now_ns, struct verdict *ret_verdict);

#endif
