/* SPDX-License-Identifier: MIT */
/* What the requests collector hands in. */
#ifndef HOSTINGPI_REQUESTS_METRICS_H
#define HOSTINGPI_REQUESTS_METRICS_H

#include "agent/metric.h"

enum web_metric {
	WEB_SOURCE,
	WEB_REQUESTS,
	WEB_ERRORS_5XX,
	WEB_LATENCY,
	WEB_BUSY,
	WEB_IDLE,
	WEB_QUEUED,
	WEB_CHILDREN_REACHED,
	WEB_SLOW,
	WEB_METRICS,
};

extern const struct metric web_metrics[WEB_METRICS];

#endif
