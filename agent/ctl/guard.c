/* SPDX-License-Identifier: MIT */
/*
 * The command line of `hostingpictl guard`. Everything from the first word that is no option on belongs to the
 * command, "--" or not.
 */
#include "agent/ctl/guard.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf.h"
#include "agent/ctl/guard_run.h"
#include "agent/units.h"

#define DEFAULT_RUN_DIR "/run/hostingpi"
#define PATH_SIZE 4096

enum {
	OPTION_MIN_HEADROOM = 0x100,
	OPTION_MAX_WAIT,
	OPTION_MAX_PAUSE,
	OPTION_STATE,
};

static const struct option longs[] = {
	{"min-headroom", required_argument, NULL, OPTION_MIN_HEADROOM},
	{"max-wait", required_argument, NULL, OPTION_MAX_WAIT},
	{"max-pause", required_argument, NULL, OPTION_MAX_PAUSE},
	{"state", required_argument, NULL, OPTION_STATE},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: hostingpictl guard [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs COMMAND only while this machine has memory for it: waits before the start,\n"
	"and suspends everything that COMMAND has started while the agent says shed, hard\n"
	"or hold.\n"
	"\n"
	"  --min-headroom SIZE  besides, only with that much headroom (64M)\n"
	"  --max-wait TIME      give up if it could not start for so long (2h; 0s: now)\n"
	"  --max-pause TIME     end it if it was suspended for so long (30m)\n"
	"  --state FILE         the agent's state file (default\n"
	"                       $HOSTINGPI_RUN_DIR/state or " DEFAULT_RUN_DIR "/state)\n"
	"  -q, --quiet          say only what failed\n"
	"  -v, --verbose        say each change of the state\n"
	"  -h, --help           this text\n"
	"\n"
	"exit: that of COMMAND (or death by the same signal); 75 given up, try again\n"
	"later; 126 COMMAND cannot be run, 127 it is not found; 2 wrong usage, 1 the\n"
	"guard failed. Manual: man hostingpictl\n";

struct limits {
	int64_t min_headroom_bytes, max_wait_ns, max_pause_ns; /* negative: not given */
};

static const struct conf_item rows[] = {
	{.key = "--min-headroom",
	 .type = CONF_SIZE,
	 .offset = offsetof(struct limits, min_headroom_bytes),
	 .size = sizeof(int64_t),
	 .min = 1,
	 .max = INT64_C(1) << 44},
	{.key = "--max-wait",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct limits, max_wait_ns),
	 .size = sizeof(int64_t),
	 .max = 365 * 86400 * NS_PER_S},
	{.key = "--max-pause",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct limits, max_pause_ns),
	 .size = sizeof(int64_t),
	 .max = 365 * 86400 * NS_PER_S},
};

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "hostingpictl: guard: %s%s; see 'hostingpictl guard --help'\n", what, why);
	return CTL_USAGE;
}

static int take_limit(struct limits *limits, int option)
{
	const struct conf_item *row = &rows[option - OPTION_MIN_HEADROOM];
	char error[CONF_ERROR_SIZE], what[64];

	if (conf_value(row, optarg, limits, error, sizeof(error)) == 0)
		return CTL_FINE;
	snprintf(what, sizeof(what), "%s ", row->key);
	return refuse(what, error);
}

static int64_t to_ms(int64_t ns)
{
	return ns < 0 ? -1 : ns / NS_PER_MS;
}

static const char *default_path(char *text, size_t size)
{
	const char *folder = getenv("HOSTINGPI_RUN_DIR");

	snprintf(text, size, "%s/state",
		 folder != NULL && folder[0] != '\0' ? folder : DEFAULT_RUN_DIR);
	return text;
}

/* Returns CTL_FINE, or the exit code; *ret_done: help was printed. */
static int parse(int argc, char **argv, struct guard_order *order, bool *ret_done)
{
	struct limits limits = {.max_wait_ns = -1, .max_pause_ns = -1};
	int option, result = CTL_FINE;

	/* '+': the options behind the command are its own. */
	while (result == CTL_FINE &&
	       (option = getopt_long(argc, argv, "+:qvh", longs, NULL)) >= 0) {
		switch (option) {
		case OPTION_MIN_HEADROOM:
		case OPTION_MAX_WAIT:
		case OPTION_MAX_PAUSE:
			result = take_limit(&limits, option);
			break;
		case OPTION_STATE:
			order->state_path = optarg;
			break;
		case 'q':
			order->loudness = GUARD_QUIET;
			break;
		case 'v':
			order->loudness = GUARD_VERBOSE;
			break;
		case 'h':
			fputs(help, stdout);
			*ret_done = true;
			return ctl_output_end();
		case ':':
			return refuse(argv[optind - 1], " needs a value");
		default:
			return refuse("unknown option ", argv[optind - 1]);
		}
	}
	if (result == CTL_FINE && optind >= argc)
		return refuse("the command is missing", "");
	order->argv = argv + optind;
	order->rules = (struct guard_rules){
		.min_headroom_bytes = limits.min_headroom_bytes,
		.max_wait_ms = to_ms(limits.max_wait_ns),
		.max_pause_ms = to_ms(limits.max_pause_ns),
	};
	return result;
}

static enum ctl_exit run(const struct ctl_options *options, struct client *client)
{
	struct guard_order order = {.loudness = GUARD_NORMAL};
	char path[PATH_SIZE];
	bool done = false;
	int result;

	(void)client;
	if (options->json)
		return (enum ctl_exit)refuse("there is no --json for it", "");
	order.state_path = default_path(path, sizeof(path));
	result = parse(options->argc, options->argv, &order, &done);
	if (result == CTL_FINE && !done)
		result = guard_run(&order);
	return (enum ctl_exit)result; /* or one of enum guard_exit, or of the job */
}

const struct ctl_command guard_command = {
	.name = "guard",
	.own_line = true,
	.help = "  guard [--] COMMAND    run a job only while there is memory for it\n",
	.run = run,
};
