/* SPDX-License-Identifier: MIT */
/*
 * The newest value of every metric, rates of counters, and what is stale. Pure: time comes in, no
 * descriptor, no clock, no allocation after state_new(). Each module's metrics get one run of slots.
 */
#ifndef HOSTINGPI_STATE_H
#define HOSTINGPI_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/metric.h"
#include "agent/sample.h"

#define STATE_TEXT_SIZE 64

enum {
	STATE_UNKNOWN = 1, /* no value; the reason says why */
};

struct state;

/* The run of slots of one module, given out by state_add(). */
struct state_source {
	unsigned first;
	unsigned count;
};

/* room: how many metrics in all. NULL without memory. */
struct state *state_new(unsigned room);
void state_free(struct state *state);

/*
 * Makes room for the metrics of one module; values older than max_age_ns count as stale.
 * -ENOSPC if there are more than state_new() was told.
 */
int state_add(struct state *state, const struct metric *metrics, unsigned count, int64_t max_age_ns,
	      struct state_source *ret_source);
void state_set_max_age(struct state *state, struct state_source source, int64_t max_age_ns);

/* Takes over the samples of a batch. */
void state_update(struct state *state, struct state_source source, const struct batch *batch,
		  int64_t now_ns);
/* Forgets everything of a module, for example because it was opened anew; reason is static. */
void state_forget(struct state *state, struct state_source source, const char *reason);

unsigned state_count(const struct state *state);
/* Slots ordered so that those of one JSON group follow each other: position 0..count-1 to slot. */
unsigned state_ordered(const struct state *state, unsigned position);
const struct metric *state_metric(const struct state *state, unsigned slot);

/*
 * 0 and the value; STATE_UNKNOWN and the reason. The reason is valid until the next update.
 * For UNIT_TEXT use state_text().
 */
int state_value(const struct state *state, unsigned slot, int64_t now_ns, int64_t *ret_value,
		const char **ret_reason);
int state_text(const struct state *state, unsigned slot, int64_t now_ns, const char **ret_text,
	       const char **ret_reason);
/* The rate of a counter in thousandths of its unit per second, over the last two reads. */
int state_rate_milli(const struct state *state, unsigned slot, int64_t now_ns, int64_t *ret_rate,
		     const char **ret_reason);

/* What the unit of the metric says: a text, or a number. */
struct state_reading {
	const char *text; /* of UNIT_TEXT, else NULL */
	int64_t value;	  /* of the others, and of rates */
};

/* One of the three above; rate: that of a counter. */
int state_reading(const struct state *state, unsigned slot, bool rate, int64_t now_ns,
		  struct state_reading *ret_reading, const char **ret_reason);

/* The judge's inputs, by role. */
struct readings {
	uint64_t known;	     /* bit per role: value is valid */
	uint64_t rate_known; /* bit per role: rate_milli is valid */
	int64_t value[ROLE_COUNT];
	int64_t rate_milli[ROLE_COUNT]; /* counters: thousandths of the unit per second */
	int64_t stamp_ns[ROLE_COUNT];	/* when it was read */
};

static inline bool readings_has(const struct readings *readings, enum metric_role role)
{
	return (readings->known >> role) & 1;
}

static inline bool readings_has_rate(const struct readings *readings, enum metric_role role)
{
	return (readings->rate_known >> role) & 1;
}

void state_readings(const struct state *state, int64_t now_ns, struct readings *ret_readings);

#endif
