/* SPDX-License-Identifier: MIT */
/* The last events, from the agent's answer to "events". */
#ifndef HOSTINGPI_CTL_INCIDENTS_H
#define HOSTINGPI_CTL_INCIDENTS_H

#include "agent/ctl/row.h"

/* Writes a title and a line for each of the newest events; answer may be NULL: not known yet. */
void incidents_print(struct row *row, const cJSON *answer, size_t most);

#endif
