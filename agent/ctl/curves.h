/* SPDX-License-Identifier: MIT */
/* The course of readings as sparklines, from the agent's answer to "history". */
#ifndef HOSTINGPI_CTL_CURVES_H
#define HOSTINGPI_CTL_CURVES_H

#include "agent/ctl/row.h"

/* How many there are. */
#define CURVES 8

/* The reading of a curve, 0..CURVES-1, as the agent calls it. */
const char *curves_series(size_t curve);

/*
 * Writes a title and a line for each curve of which something is known. answers[curve] is the agent's
 * answer about it, for the hour or the day; NULL: none yet, or it does not keep that. The present
 * numbers come from the row's document. height: lines for each curve.
 */
void curves_print(struct row *row, const cJSON *const answers[static CURVES], const char *title,
		  size_t height);

#endif
