/* SPDX-License-Identifier: MIT */
/* What the filesystem collector hands in. */
#ifndef HOSTINGPI_COLLECTORS_FILESYSTEM_METRICS_H
#define HOSTINGPI_COLLECTORS_FILESYSTEM_METRICS_H

#include "agent/metric.h"
#include "collectors/filesystem_files.h"

/* The counters come first: enum fs_counter_id is their number here, too. */
enum fs_metric {
	FS_TYPE = FS_COUNTS,
	FS_ERROR_AGE,
	FS_READ_ONLY,
	FS_STOPPED,
	FS_METRICS,
};

extern const struct metric filesystem_metrics[FS_METRICS];

#endif
