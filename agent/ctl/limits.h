/* SPDX-License-Identifier: MIT */
/* `hostingpictl limits`: the static limits that fit this Pi, as a snippet for its web server. */
#ifndef HOSTINGPI_CTL_LIMITS_H
#define HOSTINGPI_CTL_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/ctl/command.h"

enum limits_kind {
	LIMITS_APACHE,
	LIMITS_PHP_FPM,
	LIMITS_NGINX,
	LIMITS_KINDS,
};

struct limits {
	int64_t headroom_bytes, held_bytes, reserve_bytes, worker_bytes; /* measured */
	int64_t need;	     /* requests at once at the site's peaks; 0: not known */
	int64_t exact;	     /* workers that fit */
	int64_t workers;     /* the same, rounded down */
	const char *servers; /* what was seen; belongs to the document */
};

#define LIMITS_ERROR_SIZE 384

/*
 * Computes them from a status document. 0, or -EAGAIN with one sentence in ret_error: not measured, or
 * not now.
 */
int limits_compute(const cJSON *document, struct limits *ret_limits, char *ret_error, size_t size);

extern const struct ctl_command limits_command;

#endif
