/* SPDX-License-Identifier: MIT */
/* The table that HAProxy prints for "show stat" on its stats socket. Pure. */
#ifndef HOSTINGPI_STATUS_HAPROXY_H
#define HOSTINGPI_STATUS_HAPROXY_H

#include <stdbool.h>

#include "collectors/status_reading.h"

/* What is sent for it: frontends (1) and backends (2) of all proxies, no servers. */
#define HAPROXY_COMMAND "show stat -1 3 -1\n"

/* True if a text starts as the table does. */
bool haproxy_recognise(const char *body);

/* As status_parse(), for a text that haproxy_recognise() has recognised. */
int haproxy_parse(const char *body, struct status_reading *ret_reading, const char **ret_why);

#endif
