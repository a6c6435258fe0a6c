/* SPDX-License-Identifier: MIT */
/* What heat and a weak supply leave of the machine's normal capacity. Pure. */
#ifndef HOSTINGPI_HEAT_H
#define HOSTINGPI_HEAT_H

#include <stdint.h>

#include "agent/state.h"

/* What the lowest clocks leave. */
#define HEAT_LEAST_PCT 60

/* HEAT_LEAST_PCT..100 percent of normal, and why where it is less (static). What is not known takes nothing. */
int64_t heat_scale_pct(const struct readings *readings, const char **ret_why);

#endif
