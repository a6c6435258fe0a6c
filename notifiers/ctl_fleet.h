/* SPDX-License-Identifier: MIT */
/*
 * All Pis below a prefix, as their messages tell. Pure: topics, payloads and time come in; what comes
 * in may be anything. A message that is not as we write it is counted and otherwise passed over.
 */
#ifndef HOSTINGPI_CTL_FLEET_H
#define HOSTINGPI_CTL_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Twenty racks. */
#define FLEET_PIS 1024
#define FLEET_ID_SIZE 64
#define FLEET_WORD_SIZE 24
#define FLEET_TEXT_SIZE 128
/* Four times the longest document of ours (RENDER_SIZE). */
#define FLEET_PAYLOAD_MOST 65536
#define FLEET_FILTERS 4

/* Whether a Pi can be believed to work. */
enum fleet_presence {
	FLEET_ONLINE,
	FLEET_STALE,   /* not said to be offline, but no sample came for three intervals */
	FLEET_OFFLINE, /* it or the broker said so */
};

enum fleet_reading {
	FLEET_WEIGHT, /* percent */
	FLEET_MAXCONN,
	FLEET_HEADROOM,	    /* bytes, may be negative */
	FLEET_TIME_TO_SWAP, /* milliseconds */
	FLEET_TEMPERATURE,  /* thousandths of a degree */
	FLEET_REQUESTS,	    /* thousandths per second */
	FLEET_READINGS,
};

/* Texts are printable ASCII, whatever was sent; empty: not known. */
struct fleet_pi {
	char id[FLEET_ID_SIZE];
	bool offline; /* said so */
	bool changed; /* since the caller cleared it */
	bool known[FLEET_READINGS];
	int64_t readings[FLEET_READINGS];
	char state[FLEET_WORD_SIZE], reason[FLEET_TEXT_SIZE], sd_health[FLEET_WORD_SIZE];
	int64_t born_ns;     /* when we first heard of it */
	int64_t heard_ns;    /* the newest sample; 0: none yet */
	int64_t ts_ms;	     /* of it, by the Pi's clock */
	int64_t interval_ms; /* to the next one */
	int64_t event_ns;    /* when the last event was; 0: none is known */
	char event_kind[FLEET_WORD_SIZE], event_severity[FLEET_WORD_SIZE];
	char event_text[FLEET_TEXT_SIZE];
	/* As of the last fleet_look(). */
	enum fleet_presence presence;
	int trouble; /* the higher, the more a human being is wanted */
};

struct ctl_fleet {
	const char *prefix;
	uint64_t ignored; /* messages that are not as we write them */
	uint64_t crowded; /* messages of Pis for which there was no place */
	size_t count;
	struct fleet_pi pis[FLEET_PIS];
};

/* Zeroed but for the prefix is a valid start. What to subscribe to; 0 or -ENAMETOOLONG. */
int fleet_filter(const struct ctl_fleet *fleet, size_t index, char *ret_filter, size_t size);

/* A message. data need not be terminated. */
void fleet_take(struct ctl_fleet *fleet, const char *topic, const char *data, size_t length,
		bool kept, int64_t now_ns);

/* Time has passed: sets presence and trouble of all, and changed where the presence is another one. */
void fleet_look(struct ctl_fleet *fleet, int64_t now_ns);

/*
 * Fills ret_order (FLEET_PIS) with the Pis, those in trouble first as of the last fleet_look(), and
 * returns how many there are. Good until the next message.
 */
size_t fleet_order(struct ctl_fleet *fleet, struct fleet_pi **ret_order);

#endif
