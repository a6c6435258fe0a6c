/* SPDX-License-Identifier: MIT */
/*
 * The one table of collectors. The core knows them only through it; a collector that is not wanted
 * loses its row here and its object in the Makefile. They are read in this order: what the decision
 * rests on comes first, so that its stamps are the nearest to the tick.
 */
#include "collectors/collectors.h"

#include <stddef.h>

const struct collector *const collectors[] = {
	&memory_collector,	&workers_collector,
	&sdcard_collector,	&kernel_log_collector,
	&nfs_collector,		&requests_collector,
	&temperature_collector, &network_collector,
	&self_collector,	NULL,
};
