/* SPDX-License-Identifier: MIT */
/*
 * Unknown is normal for what only ext4 counts, and for the age of an error where there is none. A
 * metric without a name only plays its role for the judge.
 */
#include "collectors/filesystem_metrics.h"

#include <stddef.h>

const struct metric filesystem_metrics[FS_METRICS] = {
	[FS_TYPE] = {.group = "fs",
		     .name = "type",
		     .unit = UNIT_TEXT,
		     .help = "kind of the root file system"},
	[FS_FIRST_COUNT + FS_COUNT_ERRORS] =
		{.group = "fs",
		 .name = "errors",
		 .kind = METRIC_COUNTER,
		 .role = ROLE_FS_ERRORS,
		 .idle_unknown = true,
		 .help = "errors that the root file system remembers, until the next fsck"},
	[FS_FIRST_COUNT + FS_COUNT_WARNINGS] =
		{.group = "fs",
		 .name = "warnings",
		 .kind = METRIC_COUNTER,
		 .idle_unknown = true,
		 .help = "warnings about the root file system since it was mounted"},
	[FS_FIRST_COUNT + FS_COUNT_WRITTEN_BYTES] =
		{.group = "fs",
		 .name = "lifetime_written_bytes",
		 .kind = METRIC_COUNTER,
		 .unit = UNIT_BYTES,
		 .idle_unknown = true,
		 .help = "bytes written to the root file system since it was made"},
	[FS_ERROR_AGE] = {.group = "fs",
			  .name = "last_error_age_s",
			  .unit = UNIT_S,
			  .role = ROLE_FS_ERROR_AGE,
			  .idle_unknown = true,
			  .help = "time since the last of these errors"},
	[FS_READ_ONLY] = {.group = "fs",
			  .name = "read_only",
			  .unit = UNIT_BOOL,
			  .help = "the root file system cannot be written to"},
	[FS_STOPPED] = {.group = "fs",
			.unit = UNIT_BOOL,
			.role = ROLE_STORAGE_FAILING,
			.help = "the root file system went read-only after an error"},
};
