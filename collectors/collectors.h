/* SPDX-License-Identifier: MIT */
/* The collectors that this program is built with; the table stands in collectors.c. */
#ifndef HOSTINGPI_COLLECTORS_H
#define HOSTINGPI_COLLECTORS_H

#include "agent/collector.h"

extern const struct collector memory_collector;
extern const struct collector temperature_collector;
extern const struct collector firmware_collector;
extern const struct collector sdcard_collector;
extern const struct collector filesystem_collector;
extern const struct collector kernel_log_collector;
extern const struct collector nfs_collector;
extern const struct collector requests_collector;
extern const struct collector workers_collector;
extern const struct collector network_collector;
extern const struct collector self_collector;

#endif
