/* SPDX-License-Identifier: MIT */
/* The modes in which hostingpid looks once and exits: --once and --replay. */
#ifndef HOSTINGPI_ONCE_H
#define HOSTINGPI_ONCE_H

#include "agent/agent.h"

/*
 * Opens the collectors and samples for a little more than a second, so that rates have two readings
 * and the status page an answer. Returns 0 or an exit code.
 */
int once_sample(struct agent *agent);

/* Prints the readings, for people or (options.json) as the state document. Returns the exit code. */
int once_run(struct agent *agent);

/*
 * Replays a recorded machine (CSV, "-": standard input) through the judge and prints its decisions as
 * CSV. Returns the exit code.
 */
int replay_run(const struct settings *settings, const char *path);

#endif
