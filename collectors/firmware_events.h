/* SPDX-License-Identifier: MIT */
/* What people should hear of supply and throttling: each trouble once when it begins and once when it ends. Pure. */
#ifndef HOSTINGPI_FIRMWARE_EVENTS_H
#define HOSTINGPI_FIRMWARE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/sample.h"
#include "collectors/firmware_board.h"
#include "collectors/firmware_poll.h"

/* One trouble that comes and goes. */
struct firmware_episode {
	int level; /* 0: none */
	int64_t since_ns;
	int64_t last_ns; /* when it was seen last */
};

struct firmware_events {
	bool tell_undervoltage; /* nobody else does: the kernel has no driver for it */
	struct firmware_episode throttled, undervoltage, supply;
	int64_t lowest_mv; /* of this episode */
};

/* Why the board was reset, once when the agent starts. */
void firmware_events_board(const struct firmware_board *board, struct batch *batch);

/* What begins or ends with these facts. */
void firmware_events_take(struct firmware_events *events, const struct firmware_facts *facts,
			  int64_t now_ns, struct batch *batch);

#endif
