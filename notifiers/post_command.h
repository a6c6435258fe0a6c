/* SPDX-License-Identifier: MIT */
/* The posting program as a command. */
#ifndef HOSTINGPI_POST_COMMAND_H
#define HOSTINGPI_POST_COMMAND_H

#include "notifiers/child.h"

/*
 * program: as configured; empty: hostingpi-post in the folder of this program, or in ../bin beside it.
 */
void post_command_make(struct child_command *command, const char *program, const char *conf_path);

#endif
