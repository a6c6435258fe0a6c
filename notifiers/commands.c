/* SPDX-License-Identifier: MIT */
/*
 * The commands of hostingpictl that talk to the broker themselves. A row taken out here leaves the
 * command and everything below it out of the program.
 */
#include "notifiers/ctl_commands.h"

#include <stddef.h>

const struct ctl_command *const ctl_commands[] = {
	&ctl_forget_command,
	&ctl_fleet_command,
	NULL,
};
