/* SPDX-License-Identifier: MIT */
/*
 * What a broker keeps of one id, as far as we have seen it and tried to remove it. Pure: messages and
 * answers come in; which topics are ours, and what became of them, goes out.
 */
#ifndef HOSTINGPI_CTL_RETAINED_H
#define HOSTINGPI_CTL_RETAINED_H

#include <stdbool.h>
#include <stddef.h>

#include "notifiers/mqtt_conf.h"

/* A Pi in the component form of discovery has about a hundred; more is no Pi of ours. */
#define RETAINED_TOPICS 4096
#define RETAINED_FILTERS 3
#define RETAINED_REASON_SIZE 128

struct retained_topic {
	char *name;
	bool seen;			   /* in the newest look */
	bool tried;			   /* to be removed */
	int number;			   /* of the message that should; 0: none is in flight */
	char reason[RETAINED_REASON_SIZE]; /* what the broker said against it; empty: nothing */
};

/* Zeroed but for the first three is a valid start. Strings outlive it. */
struct retained {
	const char *id, *prefix, *discovery_prefix;
	struct retained_topic *topics;
	size_t count;
	bool online; /* availability says so */
	bool alive;  /* news came that nobody keeps: somebody with this id sends now */
	bool full;   /* there are more topics than we can hold */
};

/* Whether text can be an id: letters, digits, '-' and '_', 1 to 63 of them. */
bool retained_id_valid(const char *text);

/* What to subscribe to, index below RETAINED_FILTERS. 0 or -ENAMETOOLONG. */
int retained_filter(const struct retained *retained, size_t index, char *ret_filter, size_t size);

/* Begins a look: nothing is seen yet. */
void retained_look(struct retained *retained);
/*
 * A message came. Returns true if it was one to keep: of this id and retained. Others are passed
 * over. False also without memory or room (full is set then).
 */
bool retained_take(struct retained *retained, const char *topic, const char *data, size_t length,
		   bool kept);

/* The next one to be removed: seen and not tried. NULL: none. */
struct retained_topic *retained_next(struct retained *retained);
/* The one whose message has this number. NULL: none. */
struct retained_topic *retained_flying(struct retained *retained, int number);

void retained_free(struct retained *retained);

#endif
