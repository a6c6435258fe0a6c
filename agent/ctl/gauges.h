/* SPDX-License-Identifier: MIT */
/* The heart of the status: what the balancers are told and what is left, as numbers and bars. */
#ifndef HOSTINGPI_CTL_GAUGES_H
#define HOSTINGPI_CTL_GAUGES_H

#include "agent/ctl/row.h"

/* The decision's headroom, which is the one that was acted on, or the reading. */
bool gauges_headroom(const cJSON *document, double *ret_bytes);
/* Without swap the kernel has nothing but killing left when headroom is used up. */
bool gauges_without_swap(const cJSON *document);

void gauges_weight(struct row *row);
void gauges_headroom_row(struct row *row);
/* Requests at work against those that are let in. */
void gauges_use(struct row *row);
void gauges_time_to_swap(struct row *row);

#endif
