/* SPDX-License-Identifier: MIT */
/*
 * When the next attempt may be made, after what the last one said; and whether anything else forbids one
 * now. Pure: time (monotonic) and randomness are parameters.
 */
#ifndef HOSTINGPI_POST_PACE_H
#define HOSTINGPI_POST_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/report.h"
#include "agent/units.h"
#include "notifiers/post_result.h"

/* Pauses between attempts that failed: twice as long each time, between these. */
#define POST_PACE_LEAST_NS (60 * NS_PER_S)
#define POST_PACE_MOST_NS (3600 * NS_PER_S)
/* After one that may have arrived: soon enough for the service to know it again. */
#define POST_PACE_UNSURE_NS (300 * NS_PER_S)
/* Somebody has to look after it: a try now and then, in case somebody did at the service. */
#define POST_PACE_OPERATOR_NS (6 * 3600 * NS_PER_S)
/* The longest that a service is believed when it says "later". */
#define POST_PACE_LATER_NS (24 * 3600 * NS_PER_S)

/*
 * Memory that must be there before the poster is started. At its peak 16.8 MB of it are resident, of which
 * 3 MB are its own (measured): the rest is the text of libraries, which may have to be read from the card.
 */
#define POST_PACE_HEADROOM INT64_C(24000000)

/* Zeroed is a valid start. */
struct post_pace {
	unsigned failures; /* in a row */
	int64_t until_ns;  /* no attempt before this; 0: none failed */
	bool hands;	   /* somebody has to do something first */
};

/* An attempt has ended. */
void post_pace_result(struct post_pace *pace, const struct post_result *result, int64_t now_ns,
		      uint32_t entropy);
/* Somebody did something: the configuration was loaded anew, or the credentials changed. */
void post_pace_reset(struct post_pace *pace);

/* What the rest of the agent says about now. */
struct post_weather {
	bool decided; /* state is known */
	enum control_state state;
	const char *failing; /* of launch_forbidden() */
	bool headroom_known;
	int64_t headroom_bytes;
	bool clock_synced;
};

/* NULL if a program may be started, or why not, for people; static. */
const char *post_pace_weather(const struct post_weather *weather);

#endif
