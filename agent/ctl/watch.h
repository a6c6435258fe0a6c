/* SPDX-License-Identifier: MIT */
/* `hostingpictl watch`: the status once a second. */
#ifndef HOSTINGPI_CTL_WATCH_H
#define HOSTINGPI_CTL_WATCH_H

#include <stdbool.h>

#include "agent/ctl/client.h"

/*
 * On a terminal the screen is redrawn, otherwise (or with json) each second is a line. Ends after count
 * times (0: never), or when asked to. A daemon that goes away meanwhile is waited for.
 */
enum ctl_exit watch_run(struct client *client, long count, bool json);

#endif
