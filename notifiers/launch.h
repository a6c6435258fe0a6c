/* SPDX-License-Identifier: MIT */
/* Whether a program may be started now, by what the readings say. Pure: snapshots go in. */
#ifndef HOSTINGPI_LAUNCH_H
#define HOSTINGPI_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/report.h"
#include "agent/units.h"

/* Several modules hand in each of the roles: kernel log, card, NFS. */
#define LAUNCH_SIGNS 12
/* Failed requests, and errors of the file system. */
#define LAUNCH_COUNTERS 2
/* After the last sign that storage fails nothing is started for this long. */
#define LAUNCH_QUIET_NS (60 * NS_PER_S)
/* A disk that nobody asks for anything shows nothing: then a start is the only way to find out. */
#define LAUNCH_IDLE_NS (600 * NS_PER_S)

/* A counter, as it was known last. */
struct launch_count {
	int slot;  /* -1: nobody counts that */
	bool anew; /* it begins with the agent, so what it says at first sight is new */
	bool known;
	int64_t value;
};

/* Zeroed is a valid start. */
struct launch {
	bool found; /* the slots below */
	unsigned signs[LAUNCH_SIGNS];
	unsigned count;
	struct launch_count errors[LAUNCH_COUNTERS];
	struct launch_count finished; /* requests of the disk */
	bool troubled;		      /* storage failed, at trouble_ns last */
	int64_t trouble_ns;
	int64_t finished_then; /* what had finished half of the quiet time after that */
};

/*
 * Takes the readings in, at least each second or so that no sign is missed. NULL if a program may be started,
 * or why not, for people; static.
 */
const char *launch_forbidden(struct launch *launch, const struct snapshot *snapshot);

#endif
