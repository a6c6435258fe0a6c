/* SPDX-License-Identifier: MIT */
/* The summary of all commands; and of one, with its options and what its exit codes mean beyond the usual. */
#include "agent/ctl/options.h"

#include <stdio.h>
#include <string.h>

static const char usage_start[] = "usage: hostingpictl [--socket PATH] [--json] COMMAND\n"
				  "       hostingpictl help COMMAND\n\n";

static const char usage_help[] =
	"  help COMMAND          the options and exit codes of one of these\n";

static const char usage_common[] =
	"  --socket PATH         control socket of the agent (default\n"
	"                        $HOSTINGPI_SOCKET or " CTL_DEFAULT_SOCKET ")\n"
	"  --json                the answer for programs\n"
	"  -h, --help            this text; behind a command, what belongs to it\n"
	"  -V, --version         the version\n";

static const char usage_exit[] =
	"exit: 0 fine, 1 failed, 2 wrong usage or configuration, 3 the agent or the\n"
	"broker cannot be reached";

const struct ctl_command *options_command(const struct ctl_command *const *own, size_t index)
{
	while (*own != NULL && index > 0) {
		own++;
		index--;
	}
	return *own != NULL ? *own : ctl_commands[index];
}

void options_print_help(const struct ctl_command *const *own)
{
	const struct ctl_command *command;

	fputs(usage_start, stdout);
	for (size_t i = 0; (command = options_command(own, i)) != NULL; i++)
		fputs(command->help, stdout);
	fputs(usage_help, stdout);
	printf("\n%s\n%s; others: 'hostingpictl help COMMAND'.\nManual: man hostingpictl\n",
	       usage_common, usage_exit);
}

void options_print_command(const struct ctl_command *const *own, const char *name)
{
	const struct ctl_command *command;
	size_t of_name = 0;

	fputs("usage: hostingpictl [--socket PATH] [--json] COMMAND\n\n", stdout);
	for (size_t i = 0; (command = options_command(own, i)) != NULL; i++) {
		if (strcmp(command->name, name) != 0)
			continue;
		fputs(of_name++ > 0 ? "\n" : "", stdout);
		fputs(command->help, stdout);
		if (command->details != NULL)
			printf("\n%s", command->details);
	}
	printf("\n%s\n%s.\nManual: man hostingpictl\n", usage_common, usage_exit);
}
