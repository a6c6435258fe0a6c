/* SPDX-License-Identifier: MIT */
/* The mode in which hostingpid looks for what is wrong: --doctor. */
#ifndef HOSTINGPI_DOCTOR_H
#define HOSTINGPI_DOCTOR_H

#include "agent/agent.h"

/*
 * Says for each module what it found and what it lacks. Returns 0 if nothing needs attention, else 1, or the
 * exit code of a sampling that failed.
 */
int doctor_run(struct agent *agent);

#endif
