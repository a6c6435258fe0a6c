/* SPDX-License-Identifier: MIT */
/* Whether the disk finishes what it is asked for. Pure but for the events that it hands in. */
#ifndef HOSTINGPI_COLLECTORS_SDCARD_STALL_H
#define HOSTINGPI_COLLECTORS_SDCARD_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/sample.h"
#include "collectors/disk.h"

/* Zeroed is a valid start. */
struct sdcard_stall {
	bool stalled;
	bool waits;	     /* at the last reading requests had waited for too long */
	int64_t progress_ns; /* when a request was last seen to finish, or none waited */
	int64_t began_ns;    /* when the last request finished before the stall */
	int64_t waited_ns;   /* the end of the last wait that was too long */
	int64_t used_ns;     /* up to then a request was there at this reading or the last one */
};

/*
 * Takes in a reading; before is the last one, NULL at the first. Requests that wait while none finishes
 * for limit_ns are a stall. Its begin and its end are events.
 */
void sdcard_stall_take(struct sdcard_stall *stall, const struct disk_stat *before,
		       const struct disk_stat *stat, int64_t limit_ns, int64_t now_ns,
		       const char *device, struct batch *batch);

#endif
