/* SPDX-License-Identifier: MIT */
/*
 * What was decided, in a text that the next process of the agent goes on from, maybe one of another
 * version: after a restart the weight must not jump. Pure.
 */
#ifndef HOSTINGPI_HANDOVER_H
#define HOSTINGPI_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/judge.h"

/* Some 60 lines of a name and a number. */
#define HANDOVER_SIZE 4096
/* What is older tells nothing about now, and balancers may have been told otherwise. */
#define HANDOVER_AGE_MS 10000

struct handover_time {
	int64_t now_ns;	 /* monotonic: of one boot, so stamps go on to mean the same */
	int64_t boot_ms; /* since the machine started, the time that it slept included */
};

/* Ends with NUL; a text that does not fit would be a bug and becomes empty. */
void handover_format(const struct judge *judge, const struct handover_time *time,
		     char ret_text[HANDOVER_SIZE]);
/*
 * Gives it to a judge that was not used yet. Returns 0, -ENODATA if there is nothing, -ESTALE if it is too old,
 * or -EINVAL for what handover_format() of no version would have written. Then the judge is as before.
 */
int handover_parse(const char *text, const struct handover_time *time, struct judge *judge);

#endif
