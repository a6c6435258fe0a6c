/* SPDX-License-Identifier: MIT */
/* The core's own readings: what the judge and the controller made of the samples. */
#ifndef HOSTINGPI_DERIVED_H
#define HOSTINGPI_DERIVED_H

#include "agent/health.h"
#include "agent/metric.h"
#include "agent/pressure.h"
#include "agent/report.h"
#include "agent/sample.h"

enum {
	DERIVED_HEADROOM,
	DERIVED_RESERVE,
	DERIVED_TIME_TO_SWAP,
	DERIVED_WEIGHT,
	DERIVED_MAXCONN,
	DERIVED_STATE,
	DERIVED_REASON,
	DERIVED_SINCE,
	DERIVED_LOOP_LATE,
	DERIVED_HEALTH,
	DERIVED_HEALTH_REASON,
	DERIVED_COUNT,
};

extern const struct metric derived_metrics[DERIVED_COUNT];

/* loop_late_us: how late the latest sampling pass was, at most, since the last sample. */
void derived_read(const struct verdict *verdict, const struct decision *decision,
		  const struct health *health, int64_t loop_late_us, struct batch *ret_batch);

#endif
