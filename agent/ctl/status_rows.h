/* SPDX-License-Identifier: MIT */
/* The rows below the decision: a subject each, from the web server to the agent itself. */
#ifndef HOSTINGPI_CTL_STATUS_ROWS_H
#define HOSTINGPI_CTL_STATUS_ROWS_H

#include "agent/ctl/row.h"

/* In a frame: of a row that tells of trouble. */
#define STATUS_ROWS_TROUBLE_RANK 3

void status_rows_print(struct row *row);

#endif
