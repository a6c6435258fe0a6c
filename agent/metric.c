/* SPDX-License-Identifier: MIT */
/* Words of the enumerations that travel in metrics. */
#include "agent/metric.h"

#include <stddef.h>

const char *const swap_kind_words[] = {
	[SWAP_NONE] = "none",
	[SWAP_DISK] = "disk",
	[SWAP_ZRAM] = "zram",
	[SWAP_MIXED] = "mixed",
	NULL,
};
