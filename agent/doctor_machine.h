/* SPDX-License-Identifier: MIT */
/* What is no reading: the clock, the swap, the journal, run_dir, the user. */
#ifndef HOSTINGPI_DOCTOR_MACHINE_H
#define HOSTINGPI_DOCTOR_MACHINE_H

#include "agent/agent.h"
#include "agent/doctor_finding.h"
#include "agent/doctor_running.h"

enum doctor_clock {
	DOCTOR_CLOCK_UNKNOWN,
	DOCTOR_CLOCK_FREE, /* no time server keeps it right */
	DOCTOR_CLOCK_KEPT,
};

enum doctor_clock doctor_clock(const struct agent *agent);

void doctor_machine_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings);

#endif
