/* SPDX-License-Identifier: MIT */
/* `hostingpictl check`: asks agents on other machines over HTTP, for balancers and monitors. */
#ifndef HOSTINGPI_CTL_CHECK_H
#define HOSTINGPI_CTL_CHECK_H

#include "agent/ctl/command.h"

extern const struct ctl_command check_command;

#endif
