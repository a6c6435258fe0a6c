/* SPDX-License-Identifier: MIT */
/* Whether a program may be started now, by what the readings say. Pure. */
#ifndef HOSTINGPI_LAUNCH_H
#define HOSTINGPI_LAUNCH_H

#include <stdbool.h>

#include "agent/report.h"

/* Several modules hand in each of the roles: kernel log, card, NFS. */
#define LAUNCH_SIGNS 12

/* Where the readings are. Zeroed is a valid start. */
struct launch {
	bool found;
	unsigned signs[LAUNCH_SIGNS];
	unsigned count;
	int health; /* slot; -1: there is none */
};

/* NULL if one may be started, or why not, for people; static. */
const char *launch_forbidden(struct launch *launch, const struct snapshot *snapshot);

#endif
