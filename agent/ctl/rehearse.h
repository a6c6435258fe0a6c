/* SPDX-License-Identifier: MIT */
/* `hostingpictl drain --rehearse`: a drain that comes back, and who obeyed. */
#ifndef HOSTINGPI_CTL_REHEARSE_H
#define HOSTINGPI_CTL_REHEARSE_H

#include "agent/ctl/command.h"

extern const struct ctl_command rehearse_command;

#endif
