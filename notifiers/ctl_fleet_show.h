/* SPDX-License-Identifier: MIT */
/* The fleet for people, as a table, and for programs, as one JSON object for each Pi. */
#ifndef HOSTINGPI_CTL_FLEET_SHOW_H
#define HOSTINGPI_CTL_FLEET_SHOW_H

#include <stdio.h>

#include "agent/ctl/text.h"
#include "notifiers/ctl_fleet.h"

/*
 * Writes a table of the Pis in order, as fleet_look() left them, that is no wider than columns: what
 * matters least is left out.
 */
void fleet_print_table(FILE *out, const struct style *style, struct fleet_pi *const *order,
		       size_t count, int64_t now_ns, size_t columns);

/* Writes "12 Pis: 9 online, 2 stale, 1 offline". */
void fleet_print_count(FILE *out, struct fleet_pi *const *order, size_t count);

/* Writes how much was not understood or has no place, in lines of their own, if there was any. */
void fleet_print_ignored(FILE *out, const struct ctl_fleet *fleet);

/* Writes one Pi as a line. */
void fleet_print_json(FILE *out, const struct fleet_pi *pi, int64_t now_ns);

#endif
