/* SPDX-License-Identifier: MIT */
/* What the filesystem collector hands in. */
#ifndef HOSTINGPI_COLLECTORS_FILESYSTEM_METRICS_H
#define HOSTINGPI_COLLECTORS_FILESYSTEM_METRICS_H

#include "agent/metric.h"
#include "collectors/filesystem_files.h"

enum fs_metric {
	FS_TYPE,
	FS_FIRST_COUNT, /* plus enum fs_counter_id */
	FS_ERROR_AGE = FS_FIRST_COUNT + FS_COUNTS,
	FS_READ_ONLY,
	FS_STOPPED,
	FS_METRICS,
};

extern const struct metric filesystem_metrics[FS_METRICS];

#endif
