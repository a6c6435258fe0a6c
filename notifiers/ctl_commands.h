/* SPDX-License-Identifier: MIT */
/* The commands that stand in the table of commands.c. */
#ifndef HOSTINGPI_CTL_COMMANDS_H
#define HOSTINGPI_CTL_COMMANDS_H

#include "agent/ctl/command.h"

extern const struct ctl_command ctl_forget_command;
extern const struct ctl_command ctl_fleet_command;

#endif
