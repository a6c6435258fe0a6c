/* SPDX-License-Identifier: MIT */
/* What posts want to know of the readings: now, and of the day. Pure: snapshots go in. */
#ifndef HOSTINGPI_POST_FACTS_H
#define HOSTINGPI_POST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/report.h"
#include "notifiers/launch.h"
#include "notifiers/post_pace.h"
#include "notifiers/post_template.h"

/* The figures of the day. Zeroed with since_ns set is a valid start. */
struct post_day {
	int64_t since_ns;
	struct post_number requests, temp_max, headroom_min;
};

/* Zeroed is a valid start, but for day. */
struct post_facts {
	bool found;		      /* the slots below */
	int headroom, temp, requests; /* slots; -1: there is none */
	struct launch launch;

	const char *failing; /* why no program can be started; NULL: it can */
	struct post_number headroom_bytes, temp_milli, requests_milli;
	struct post_number counted; /* the counter of requests, if the next one can be compared */
	struct post_day day;
};

/* Whether anything fails. */
void post_facts_look(struct post_facts *facts, const struct snapshot *snapshot);
/* The same, and the figures. */
void post_facts_sample(struct post_facts *facts, const struct snapshot *snapshot);

#endif
