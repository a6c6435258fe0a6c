/* SPDX-License-Identifier: MIT */
/* What the sdcard collector hands in. */
#ifndef HOSTINGPI_COLLECTORS_SDCARD_METRICS_H
#define HOSTINGPI_COLLECTORS_SDCARD_METRICS_H

#include "agent/metric.h"

enum sdcard_metric {
	SD_DEVICE,
	SD_STALLED,
	/* What follows comes from the block layer's counters at each reading, ... */
	SD_WRITE_LATENCY,
	SD_STEADY_LATENCY,
	SD_WRITE_BYTES,
	SD_WRITTEN_DAY,
	SD_BUSY,
	SD_QUEUE,
	SD_IN_FLIGHT,
	SD_FINISHED,
	SD_COUNTED, /* those before, from SD_WRITE_LATENCY on */
	/* ... this from the card itself. */
	SD_CARD = SD_COUNTED,
	SD_LIFE_USED,
	SD_PRE_EOL,
	SD_SPARE_USED,
	SD_RETRIED,
	SD_METRICS,
};

extern const struct metric sdcard_metrics[SD_METRICS];

#endif
