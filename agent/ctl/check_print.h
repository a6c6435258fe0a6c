/* SPDX-License-Identifier: MIT */
/* The result of a check: a line, a table, the line of a monitoring plugin, or JSON. */
#ifndef HOSTINGPI_CTL_CHECK_PRINT_H
#define HOSTINGPI_CTL_CHECK_PRINT_H

#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/check_ask.h"
#include "agent/ctl/check_target.h"
#include "agent/ctl/text.h"

void check_print_line(FILE *out, const struct style *style, const struct check_target *target,
		      const struct check_result *result);
void check_print_table(FILE *out, const struct style *style, const struct check_target *targets,
		       const struct check_result *results, size_t count);
/* timeout_ms is the upper end of the time in the performance data. */
void check_print_nagios(FILE *out, const struct check_target *target,
			const struct check_result *result, int64_t timeout_ms);
/* What is known of one host, for --json; code is its exit code. NULL: out of memory. */
cJSON *check_print_json(const struct check_target *target, const struct check_result *result,
			int code);

#endif
