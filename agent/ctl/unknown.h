/* SPDX-License-Identifier: MIT */
/*
 * The readings that are not known. A source that is not there takes all its readings with it, so
 * those that share a reason share a line: "web.* (5)  no status page".
 */
#ifndef HOSTINGPI_CTL_UNKNOWN_H
#define HOSTINGPI_CTL_UNKNOWN_H

#include "agent/ctl/row.h"

/* This reading stands in a row of its own, with its reason. */
#define UNKNOWN_IN_ITS_ROW "mem.time_to_swap_s"

/* Writes the list, or nothing; uses out, style and document of the row. */
void unknown_print(const struct row *row);

#endif
