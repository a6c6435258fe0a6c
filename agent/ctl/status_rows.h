/* SPDX-License-Identifier: MIT */
/* The rows of the readings and of the notifiers, below those of the decision. */
#ifndef HOSTINGPI_CTL_STATUS_ROWS_H
#define HOSTINGPI_CTL_STATUS_ROWS_H

#include "agent/ctl/row.h"

/* Uses out, style and document of the row. */
void status_rows_print(struct row *row);

#endif
