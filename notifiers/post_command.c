/* SPDX-License-Identifier: MIT */
/*
 * Which hostingpi-post, with which arguments: the one beside this program, so that one that is tried from a
 * build folder does not start another version.
 */
#include "notifiers/post_command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The folder of this program, with its slash; empty if it is not known. */
static void own_folder(char folder[static CHILD_PATH_SIZE - 32])
{
	ssize_t length = readlink("/proc/self/exe", folder, CHILD_PATH_SIZE - 33);
	char *slash;

	folder[length > 0 ? length : 0] = '\0';
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = '\0';
}

static void find_program(struct child_command *command)
{
	char folder[CHILD_PATH_SIZE - 32];

	own_folder(folder);
	snprintf(command->program, sizeof(command->program), "%shostingpi-post", folder);
	if (access(command->program, X_OK) == 0)
		return;
	snprintf(command->program, sizeof(command->program), "%s../bin/hostingpi-post", folder);
	if (access(command->program, X_OK) < 0)
		snprintf(command->program, sizeof(command->program), "%shostingpi-post", folder);
}

void post_command_make(struct child_command *command, const char *program, const char *conf_path)
{
	static char name[] = "hostingpi-post", option[] = "-c";

	memset(command, 0, sizeof(*command));
	if (program[0])
		snprintf(command->program, sizeof(command->program), "%s", program);
	else
		find_program(command);
	command->arguments[0] = name;
	if (conf_path) {
		command->arguments[1] = option;
		command->arguments[2] = (char *)(uintptr_t)conf_path; /* execve() changes nothing */
	}
	child_command_environment(command);
	child_command_keep(command, "CREDENTIALS_DIRECTORY");
}
