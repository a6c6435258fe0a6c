/* SPDX-License-Identifier: MIT */
/*
 * The one table of collectors. The core knows them only through it; a collector that is not wanted
 * loses its row here and its object in the Makefile. They are read in this order: the kernel's last
 * words come first, because nothing may stand between them and the broker; then what the decision
 * rests on, so that its stamps are near to the tick.
 */
#include "collectors/collectors.h"

#include <stddef.h>

const struct collector *const collectors[] = {
	&kernel_log_collector, &memory_collector,  &workers_collector,	&sdcard_collector,
	&filesystem_collector, &nfs_collector,	   &requests_collector, &temperature_collector,
	&firmware_collector,   &network_collector, &self_collector,	NULL,
};
