/* SPDX-License-Identifier: MIT */
/* The limits of web servers against what memory allows. */
#ifndef HOSTINGPI_DOCTOR_WEB_H
#define HOSTINGPI_DOCTOR_WEB_H

#include "agent/agent.h"
#include "agent/doctor_finding.h"

/* Finds nothing before the judge knows the memory of this machine. */
void doctor_web_check(const struct agent *agent, struct findings *findings);

#endif
