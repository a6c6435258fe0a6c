/* SPDX-License-Identifier: MIT */
/* The readings for Prometheus: OpenMetrics text 1.0.0, or its older text format 0.0.4. Pure. */
#ifndef HOSTINGPI_HTTP_METRICS_H
#define HOSTINGPI_HTTP_METRICS_H

#include "agent/report.h"

#define HTTP_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define HTTP_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

/* Writes the document. Returns its length or -ENOSPC. */
int http_metrics_write(const struct snapshot *snapshot, const struct about *about, bool openmetrics,
		       char *buffer, size_t size);

#endif
