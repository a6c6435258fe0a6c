/* SPDX-License-Identifier: MIT */
/* What heat and a weak supply leave of the machine's normal capacity. Pure. */
#ifndef HOSTINGPI_HEAT_H
#define HOSTINGPI_HEAT_H

#include <stdint.h>

#include "agent/state.h"

/* 1..100 percent of normal, and why where it is less (static). What is not known takes nothing. */
int64_t heat_scale_pct(const struct readings *readings, const char **ret_why);

#endif
