/* SPDX-License-Identifier: MIT */
/*
 * What all signs about the disk under the root file system come to, in one word with its reason. Pure:
 * state, readings and time go in. It tells people and decides nothing: the controller sees failing
 * storage by itself.
 */
#ifndef HOSTINGPI_HEALTH_H
#define HOSTINGPI_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/state.h"

/* Worse ones come later. */
enum health_word {
	HEALTH_UNKNOWN, /* there is no disk to judge */
	HEALTH_GOOD,
	HEALTH_WORN,	/* it works; plan for another one */
	HEALTH_FAILING, /* it loses requests or takes seconds: replace it soon */
	HEALTH_DEAD,	/* it does not work now */
};

/* The names of enum health_word, null-terminated. */
extern const char *const health_words[];

/* STATE_TEXT_SIZE: it is published. */
#define HEALTH_REASON_SIZE 64

/* Something that happened, remembered for a while. */
struct health_mark {
	bool set;
	int64_t at_ns;	/* the last time */
	int64_t amount; /* how many, or the worst */
};

/* Zeroed is a valid start. */
struct health {
	enum health_word word;
	char reason[HEALTH_REASON_SIZE];
	bool disk_seen;
	int64_t errors;	     /* records of the kernel, when they were last known */
	bool fs_errors_seen; /* fs_errors is valid */
	bool fs_age_open;    /* how old the first ones are is not known yet */
	int64_t fs_errors;
	struct health_mark lost, failed, fs_failed, slow, very_slow;
};

/*
 * Takes in what is known now and judges anew. Returns true when somebody must be told: the word is
 * another one, and not just the first one and good.
 */
bool health_step(struct health *health, const struct readings *readings, int64_t now_ns);

#endif
