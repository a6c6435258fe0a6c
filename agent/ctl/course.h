/* SPDX-License-Identifier: MIT */
/* `hostingpictl history`: the course of one reading, or a line for each that has one. */
#ifndef HOSTINGPI_CTL_COURSE_H
#define HOSTINGPI_CTL_COURSE_H

#include "agent/ctl/command.h"

enum ctl_exit history_run(const struct ctl_options *options, struct client *client);

#endif
