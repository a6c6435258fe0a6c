/* SPDX-License-Identifier: MIT */
/* What the doctor found, for people. */
#ifndef HOSTINGPI_DOCTOR_PRINT_H
#define HOSTINGPI_DOCTOR_PRINT_H

#include "agent/agent.h"
#include "agent/doctor_finding.h"
#include "agent/doctor_running.h"

/* On standard output; in colours where that is a terminal. */
void doctor_print_people(const struct agent *agent, const struct doctor_running *running,
			 const struct findings *findings);

#endif
