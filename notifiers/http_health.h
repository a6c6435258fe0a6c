/* SPDX-License-Identifier: MIT */
/* The answer to a health check: the decision as a code, as header fields, and as a line. Pure. */
#ifndef HOSTINGPI_HTTP_HEALTH_H
#define HOSTINGPI_HTTP_HEALTH_H

#include "agent/report.h"
#include "notifiers/http_reply.h"

/* soft_404: what calls for less, but not for nothing, is a 404 (HAProxy's disable-on-404). */
void http_health_answer(const struct decision *decision, bool dry_run, bool soft_404,
			struct http_reply *ret_reply);

#endif
