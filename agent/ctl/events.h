/* SPDX-License-Identifier: MIT */
/* `hostingpictl events`: what the agent has told lately. */
#ifndef HOSTINGPI_CTL_EVENTS_H
#define HOSTINGPI_CTL_EVENTS_H

#include "agent/ctl/command.h"

enum ctl_exit events_run(const struct ctl_options *options, struct client *client);

#endif
