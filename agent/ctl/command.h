/* SPDX-License-Identifier: MIT */
/*
 * What a command of hostingpictl is, and what the command line may say to it. Those that ask the agent
 * stand in main.c; others come from outside of agent/ in ctl_commands[].
 */
#ifndef HOSTINGPI_CTL_COMMAND_H
#define HOSTINGPI_CTL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ctl/client.h"

/* Options that belong to some commands only, as a mask; above all characters, for getopt. */
enum ctl_option {
	CTL_OPTION_COUNT = 0x100,
	CTL_OPTION_REASON = 0x200,
	CTL_OPTION_MQTT = 0x400,
	CTL_OPTION_CONFIG = 0x800,
	CTL_OPTION_PREFIX = 0x1000,
	CTL_OPTION_ID = 0x2000,
	CTL_OPTION_DRY_RUN = 0x4000,
	CTL_OPTION_FORCE = 0x8000,
	CTL_OPTION_WAIT = 0x10000,
	CTL_OPTION_TIMEOUT = 0x20000,
	CTL_OPTION_SPAN = 0x40000,
	CTL_OPTION_FOR = 0x80000,
	CTL_OPTION_REHEARSE = 0x100000,
	CTL_OPTION_PORT = 0x200000,
};

struct ctl_options {
	unsigned given; /* mask of enum ctl_option */
	bool json;
	const char *socket; /* NULL: not said, neither here nor in the environment */
	const char *reason; /* the values of what was given; NULL or 0 otherwise */
	const char *config, *prefix, *id, *span, *ports;
	const char *text; /* the word behind the command, where it takes one */
	long count, timeout_s;
	int64_t for_ns, rehearse_ns;
	/* Of a command with a line of its own: its name and what follows, as main() gets it; optind is 0. */
	int argc;
	char **argv;
};

struct ctl_command {
	const char *name;
	unsigned variant; /* the option that chooses it instead of the first of its name; 0: none */
	unsigned takes;	  /* options besides, a mask */
	bool takes_text;  /* one more word */
	bool wordless;	  /* ... which may be left out */
	bool own_line; /* all that follows its name is its own: argc and argv of struct ctl_options */
	const char *help;    /* its lines in the summary */
	const char *details; /* what "help" says besides: options, exit codes; NULL: nothing */
	enum ctl_exit (*run)(const struct ctl_options *options, struct client *client);
};

/* Commands that do more than to ask the agent; ended by NULL. */
extern const struct ctl_command *const ctl_commands[];

/* Says what went wrong, on standard error. Foreign text in it is made harmless. Returns code. */
enum ctl_exit ctl_fail(enum ctl_exit code, const char *text);

/* Whether everything has arrived on standard output: a full disk behind it is a failure too. */
enum ctl_exit ctl_output_end(void);

/* Prints a document for --json. */
enum ctl_exit ctl_print_json(const cJSON *document);

#endif
