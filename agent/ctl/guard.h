/* SPDX-License-Identifier: MIT */
/* `hostingpictl guard`: runs a command only while there is memory for it. */
#ifndef HOSTINGPI_CTL_GUARD_H
#define HOSTINGPI_CTL_GUARD_H

#include "agent/ctl/command.h"

/* Exit codes besides those of the job; 75 is EX_TEMPFAIL of sysexits.h, 126 and 127 are the shell's. */
enum guard_exit {
	GUARD_EXIT_LATER = 75,
	GUARD_EXIT_CANNOT_RUN = 126,
	GUARD_EXIT_NOT_FOUND = 127,
};

extern const struct ctl_command guard_command;

#endif
