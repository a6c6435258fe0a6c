/* SPDX-License-Identifier: MIT */
/* What the readings of this machine say about it, and which of them lack. */
#ifndef HOSTINGPI_DOCTOR_READINGS_H
#define HOSTINGPI_DOCTOR_READINGS_H

#include <stdbool.h>

#include "agent/agent.h"
#include "agent/doctor_finding.h"
#include "agent/doctor_running.h"

/* A collector's readings: those that lack, and those that call for somebody. */
void doctor_collector_check(const struct agent *agent, const struct instance *instance,
			    const struct doctor_running *running, struct findings *findings);
/* What the judge made of them; goes last, because it repeats nothing that was found before. */
void doctor_decision_check(const struct agent *agent, struct findings *findings);

/* True if all readings of a collector do not apply to this machine, for one reason. */
bool doctor_not_applicable(const struct agent *agent, const struct instance *instance,
			   const char **ret_reason);

#endif
