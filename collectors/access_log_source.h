/* SPDX-License-Identifier: MIT */
/* Polls the access log on the agent's loop and tells its owner what came of it. */
#ifndef HOSTINGPI_ACCESS_LOG_SOURCE_H
#define HOSTINGPI_ACCESS_LOG_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/env.h"
#include "collectors/access_log.h"
#include "collectors/access_log_notice.h"
#include "collectors/status_reading.h"

/*
 * A poll was good (reading is set; it counts from when the log was opened), or there is no log to read
 * (NULL; log.reason says why).
 */
typedef void access_log_source_fn(void *context, const struct status_reading *reading);

/* Zeroed is closed. */
struct access_log_source {
	struct access_log log;
	struct access_log_notice notice;
	struct timer *timer;
	access_log_source_fn *fn;
	void *context;
	int64_t interval_ns;
	int64_t told_ns;       /* when fn was last called; 0: not yet */
	int64_t skipped_bytes; /* until then */
};

/*
 * Opens the log (see access_log_open()) and polls it from now on, every interval_ns or every 2 s,
 * whichever is shorter. 0, or -ENOSPC without a timer. Once in the life of a source.
 */
int access_log_source_open(struct access_log_source *source, const struct env *env,
			   const char *setting, int64_t interval_ns, access_log_source_fn *fn,
			   void *context);
bool access_log_source_is_open(const struct access_log_source *source);
void access_log_source_close(struct access_log_source *source);

#endif
