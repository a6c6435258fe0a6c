/* SPDX-License-Identifier: MIT */
/* Requests counted by the lines of the web server's access log, or of several. */
#ifndef HOSTINGPI_ACCESS_LOG_H
#define HOSTINGPI_ACCESS_LOG_H

#include <stdint.h>

#include "agent/env.h"
#include "agent/log.h"
#include "collectors/access_log_follow.h"

/* As many as fit into a line of the configuration with paths as they are usual. */
#define ACCESS_LOG_MAX 4
#define ACCESS_LOG_REASON_SIZE 384

/* Zeroed is closed. */
struct access_log {
	const struct env *env;
	bool usual; /* no path was given: the usual ones, of which one is followed */
	struct access_log_follow follows[ACCESS_LOG_MAX];
	unsigned count;
	int64_t search_ns; /* not before that the usual ones are looked at */
	int64_t search_pause_ns;
	int64_t before; /* requests before the usual one at hand was found */
	struct access_log_reading reading;
	char reason[ACCESS_LOG_REASON_SIZE]; /* why there is none */
	struct complaint complaint;
	struct access_log_reading told;	     /* the losses that were told */
	int64_t tell_ns;		     /* not before that are others told */
	char buffer[ACCESS_LOG_BUFFER_SIZE]; /* of one poll */
};

/*
 * Checks the setting: "auto" or up to ACCESS_LOG_MAX absolute paths with blanks or commas between. Returns 0,
 * or -EINVAL and a sentence about it.
 */
int access_log_check(const char *setting, char *ret_error, size_t size);

/* Opens what setting, which was checked, says, as far as it is there. */
void access_log_open(struct access_log *log, const struct env *env, const char *setting);

/*
 * Reads what was added, for a few milliseconds at most, and says what came of it since the log was
 * opened. Returns 0; ACCESS_LOG_MORE if there is more, which the caller should come for soon; or -ENODATA
 * if there is no log to read, for which log->reason is the reason.
 */
int access_log_poll(struct access_log *log, int64_t now_ns, struct access_log_reading *ret_reading);

/* The path that is read, or the first of several. */
const char *access_log_path(const struct access_log *log);

void access_log_close(struct access_log *log);

#endif
