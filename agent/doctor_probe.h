/* SPDX-License-Identifier: MIT */
/* Modules ask others: brokers, services, ports. */
#ifndef HOSTINGPI_DOCTOR_PROBE_H
#define HOSTINGPI_DOCTOR_PROBE_H

#include <stdbool.h>

#include "agent/agent.h"
#include "agent/doctor_finding.h"

/*
 * All at the same time and for a few seconds; who is not through by then is ended, and that is a finding.
 * running: an agent is at work here, and has what it listens on.
 */
void doctor_probe(const struct agent *agent, bool running, struct findings *findings);

#endif
