/* SPDX-License-Identifier: MIT */
/* The command line of hostingpictl. */
#ifndef HOSTINGPI_CTL_OPTIONS_H
#define HOSTINGPI_CTL_OPTIONS_H

#include <stddef.h>

#include "agent/ctl/command.h"

/* Where the agent listens unless told otherwise. */
#define CTL_DEFAULT_SOCKET "/run/hostingpi/control.sock"

/*
 * Reads the command line and finds the command, among own (ended by NULL) and ctl_commands[]. Returns
 * CTL_FINE, or another code after it has said why. *ret_command is NULL if only help or the version was
 * wanted, which has been printed.
 */
enum ctl_exit options_parse(int argc, char **argv, const struct ctl_command *const *own,
			    struct ctl_options *ret_options,
			    const struct ctl_command **ret_command);

/* The command with this index, among own and then ctl_commands[]; NULL behind the last. */
const struct ctl_command *options_command(const struct ctl_command *const *own, size_t index);

/* Prints the summary of all commands; of those with one name, with their options. */
void options_print_help(const struct ctl_command *const *own);
void options_print_command(const struct ctl_command *const *own, const char *name);

#endif
