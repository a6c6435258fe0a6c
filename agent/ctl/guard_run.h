/* SPDX-License-Identifier: MIT */
/* The life of one guarded job: waiting, running, suspended, ended. */
#ifndef HOSTINGPI_CTL_GUARD_RUN_H
#define HOSTINGPI_CTL_GUARD_RUN_H

#include "agent/ctl/guard_judge.h"

enum guard_loudness {
	GUARD_QUIET,   /* only failures */
	GUARD_NORMAL,  /* and why it waits, suspends and resumes; nothing if it never did */
	GUARD_VERBOSE, /* and each change of the state, and what was done */
};

struct guard_order {
	struct guard_rules rules;
	enum guard_loudness loudness;
	const char *state_path;
	char **argv; /* the command; ends with NULL */
};

/*
 * Waits, runs and guards. Returns the exit code; does not return if the job died of a signal, but dies of the
 * same one.
 */
int guard_run(const struct guard_order *order);

#endif
