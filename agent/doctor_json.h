/* SPDX-License-Identifier: MIT */
/* What the doctor found, as one document. */
#ifndef HOSTINGPI_DOCTOR_JSON_H
#define HOSTINGPI_DOCTOR_JSON_H

#include "agent/agent.h"
#include "agent/doctor_finding.h"
#include "agent/doctor_running.h"

/* On standard output. Returns 0, or -ENOSPC if the document does not fit. */
int doctor_print_json(const struct agent *agent, const struct doctor_running *running,
		      const struct findings *findings);

#endif
