/* SPDX-License-Identifier: MIT */
/* The daemon: owns everything (agent_self.h) and joins it together on the loop. */
#ifndef HOSTINGPI_AGENT_H
#define HOSTINGPI_AGENT_H

#include "agent/agent_self.h"

/*
 * Prepares an agent: settings, root directory, loop, identity, instances (not opened). Everything
 * that is wrong has been told on standard error. Returns 0 or the exit code of the program. Always to
 * be ended with agent_free() (agent_init.c).
 */
int agent_init(struct agent *agent, const struct options *options);
void agent_free(struct agent *agent);

/* Runs the daemon until it is told to stop. Returns the exit code. */
int agent_run(struct agent *agent);

/* Hook of the loop: somebody has news that cannot wait for the next tick. */
void agent_on_wake(void *context);

#endif
