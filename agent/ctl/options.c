/* SPDX-License-Identifier: MIT */
/*
 * Options may stand anywhere. So the whole line is read first; then the command is chosen by its name
 * and, where several share a name, by the option that makes the difference; last, every option must
 * belong to it: one that has no meaning there was meant for something else.
 */
#include "agent/ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf.h"
#include "agent/control.h"
#include "agent/version.h"

/* The commands of the caller; those of ctl_commands[] follow. */
struct table {
	const struct ctl_command *const *own;
	bool help; /* the word "help" was the first, or an option of that name was there */
};

static const struct ctl_command *table_get(const struct table *table, size_t index)
{
	return options_command(table->own, index);
}

static const struct {
	enum ctl_option option;
	const char *name;
} option_names[] = {
	{CTL_OPTION_COUNT, "-n"},
	{CTL_OPTION_REASON, "--reason"},
	{CTL_OPTION_MQTT, "--mqtt"},
	{CTL_OPTION_CONFIG, "-c"},
	{CTL_OPTION_PREFIX, "--prefix"},
	{CTL_OPTION_ID, "--id"},
	{CTL_OPTION_DRY_RUN, "--dry-run"},
	{CTL_OPTION_FORCE, "--force"},
	{CTL_OPTION_WAIT, "--wait"},
	{CTL_OPTION_TIMEOUT, "--timeout"},
	{CTL_OPTION_SPAN, "--span"},
	{CTL_OPTION_FOR, "--for"},
	{CTL_OPTION_REHEARSE, "--rehearse"},
	{CTL_OPTION_PORT, "--port"},
};

/* What to do next is said by options_parse(), which knows the command. */
__attribute__((format(printf, 1, 2))) static enum ctl_exit usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("hostingpictl: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	return CTL_USAGE;
}

/* Takes the first command of this name (choose() looks at the others), or the text behind one. */
static enum ctl_exit take_word(const struct table *table, struct ctl_options *options,
			       const struct ctl_command **first, const char *word)
{
	const struct ctl_command *command;

	if (*first != NULL && (*first)->takes_text) {
		if (options->text != NULL)
			return usage("one text only: put it in quotes");
		options->text = word;
		return CTL_FINE;
	}
	if (*first != NULL)
		return usage("one command only, not '%s' and '%s'", (*first)->name, word);
	for (size_t i = 0; (command = table_get(table, i)) != NULL; i++) {
		if (strcmp(command->name, word) == 0) {
			*first = command;
			return CTL_FINE;
		}
	}
	return usage("unknown command '%s'", word);
}

static enum ctl_exit take_number(const char *option, const char *text, long most, long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *ret_number < 1 || *ret_number > most)
		return usage("%s takes a number of at least 1, not '%s'", option, text);
	return CTL_FINE;
}

/* As in the configuration: 90s, 10m, 2h. */
static enum ctl_exit take_duration(struct ctl_options *options, const char *name,
				   const struct conf_item *item, const char *text)
{
	char error[CONF_ERROR_SIZE];

	if (conf_value(item, text, options, error, sizeof(error)) < 0)
		return usage("%s %s", name, error);
	return CTL_FINE;
}

static const struct conf_item for_item =
	CONF_ROW(struct ctl_options, for_ns, CONF_DURATION, "", .min = NS_PER_S,
		 .max = CONTROL_FOR_MOST_S * NS_PER_S);
/* Shorter, and nothing could be seen; longer, and it is no rehearsal. */
static const struct conf_item rehearse_item =
	CONF_ROW(struct ctl_options, rehearse_ns, CONF_DURATION, "", .min = 5 * NS_PER_S,
		 .max = 3600 * NS_PER_S);

/* An option that belongs to some commands only. */
static enum ctl_exit take_option(struct ctl_options *options, enum ctl_option option,
				 const char *value)
{
	options->given |= option;
	switch (option) {
	case CTL_OPTION_COUNT:
		return take_number("-n", value, LONG_MAX, &options->count);
	case CTL_OPTION_TIMEOUT:
		return take_number("--timeout", value, 86400, &options->timeout_s);
	case CTL_OPTION_REASON:
		options->reason = value;
		break;
	case CTL_OPTION_CONFIG:
		options->config = value;
		break;
	case CTL_OPTION_PREFIX:
		options->prefix = value;
		break;
	case CTL_OPTION_ID:
		options->id = value;
		break;
	case CTL_OPTION_SPAN:
		options->span = value;
		break;
	case CTL_OPTION_FOR:
		return take_duration(options, "--for", &for_item, value);
	case CTL_OPTION_REHEARSE:
		return take_duration(options, "--rehearse", &rehearse_item, value);
	case CTL_OPTION_PORT:
		options->ports = value;
		break;
	case CTL_OPTION_MQTT:
	case CTL_OPTION_DRY_RUN:
	case CTL_OPTION_FORCE:
	case CTL_OPTION_WAIT:
		break;
	}
	return CTL_FINE;
}

static enum ctl_exit missing_command(const struct table *table)
{
	const struct ctl_command *command;
	char names[256] = "";
	size_t used = 0;

	for (size_t i = 0; (command = table_get(table, i)) != NULL && used < sizeof(names); i++)
		if (command->variant == 0)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 i > 0 ? ", " : "", command->name);
	return usage("a command is missing: %s", names);
}

static const char *option_name(unsigned option)
{
	for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++)
		if (option_names[i].option == option)
			return option_names[i].name;
	return "";
}

/* Who else would take this option, a variant of the command first. */
static enum ctl_exit stray_option(const struct table *table, const char *own_name, unsigned option)
{
	const struct ctl_command *command, *owner = NULL;
	const char *name = option_name(option);

	for (size_t i = 0; (command = table_get(table, i)) != NULL; i++)
		if ((command->takes | command->variant) & option &&
		    (owner == NULL || strcmp(command->name, own_name) == 0))
			owner = command;
	if (owner == NULL)
		return usage("%s belongs to no command", name);
	return usage("%s belongs to the command %s%s%s", name, owner->name,
		     owner->variant & ~option ? " " : "", option_name(owner->variant & ~option));
}

/* The command of that name whose difference was given, and nothing that does not belong to it. */
static enum ctl_exit choose(const struct table *table, const struct ctl_command *first,
			    const struct ctl_options *options,
			    const struct ctl_command **ret_command)
{
	const struct ctl_command *command, *chosen = first;
	unsigned stray;

	for (size_t i = 0; (command = table_get(table, i)) != NULL; i++)
		if (strcmp(command->name, first->name) == 0 && command->variant & options->given)
			chosen = command;
	stray = options->given & ~(chosen->takes | chosen->variant);
	if (stray != 0)
		return stray_option(table, first->name, stray & -stray);
	if (chosen->takes_text && !chosen->wordless && options->text == NULL)
		return usage("'%s' needs a text", chosen->name);
	if (options->given & CTL_OPTION_TIMEOUT && !(options->given & CTL_OPTION_WAIT))
		return usage("--timeout belongs to the command post with --wait");
	*ret_command = chosen;
	return CTL_FINE;
}

static const struct option longs[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"reason", required_argument, NULL, CTL_OPTION_REASON},
	{"count", required_argument, NULL, 'n'},
	{"mqtt", no_argument, NULL, CTL_OPTION_MQTT},
	{"config", required_argument, NULL, 'c'},
	{"prefix", required_argument, NULL, CTL_OPTION_PREFIX},
	{"id", required_argument, NULL, CTL_OPTION_ID},
	{"dry-run", no_argument, NULL, CTL_OPTION_DRY_RUN},
	{"force", no_argument, NULL, CTL_OPTION_FORCE},
	{"wait", no_argument, NULL, CTL_OPTION_WAIT},
	{"timeout", required_argument, NULL, CTL_OPTION_TIMEOUT},
	{"span", required_argument, NULL, CTL_OPTION_SPAN},
	{"for", required_argument, NULL, CTL_OPTION_FOR},
	{"rehearse", required_argument, NULL, CTL_OPTION_REHEARSE},
	{"port", required_argument, NULL, CTL_OPTION_PORT},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* What getopt found that is no option. */
static enum ctl_exit refuse(char **argv, int found)
{
	if (found == ':')
		return usage("'%s' needs a value", argv[optind - 1]);
	/* A short one may stand in the middle of its word; 's' and 'j' are long ones. */
	if (optopt > 0 && optopt < 0x80 && strchr("sj", optopt) == NULL)
		return usage("unknown option '-%c'", optopt);
	return usage("unknown option '%s'", argv[optind - 1]);
}

/* A word; *ret_own: the rest of the line belongs to the command. */
static enum ctl_exit read_word(int argc, char **argv, struct table *table,
			       struct ctl_options *options, const struct ctl_command **first,
			       bool *ret_own)
{
	enum ctl_exit result;

	if (*first == NULL && strcmp(optarg, "help") == 0) {
		table->help = true;
		return CTL_FINE;
	}
	result = take_word(table, options, first, optarg);
	if (result != CTL_FINE || !(*first)->own_line)
		return result;
	*ret_own = true;
	options->argc = argc - (optind - 1);
	options->argv = argv + (optind - 1);
	optind = 0; /* getopt starts anew */
	return CTL_FINE;
}

/* Reads the words and options; *ret_done: what was asked for has been printed. */
static enum ctl_exit read_line(int argc, char **argv, struct table *table,
			       struct ctl_options *options, const struct ctl_command **first,
			       bool *ret_done)
{
	enum ctl_exit result = CTL_FINE;
	bool own = false;
	int option;

	/* '-': words come in order as option 1, wherever they stand; ':' tells what is missing. */
	while (result == CTL_FINE && !own &&
	       (option = getopt_long(argc, argv, "-:n:c:hV", longs, NULL)) >= 0) {
		switch (option) {
		case 1:
			result = read_word(argc, argv, table, options, first, &own);
			break;
		case 's':
			options->socket = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'n':
			result = take_option(options, CTL_OPTION_COUNT, optarg);
			break;
		case 'c':
			result = take_option(options, CTL_OPTION_CONFIG, optarg);
			break;
		case 'h':
			table->help = true;
			break;
		case 'V':
			printf("hostingpictl %s\n", hostingpi_version);
			*ret_done = true;
			return ctl_output_end();
		case ':':
		case '?':
			return refuse(argv, option);
		default:
			result = take_option(options, (enum ctl_option)option, optarg);
			break;
		}
	}
	/* What follows "--". */
	for (; result == CTL_FINE && !own && optind < argc; optind++)
		result = take_word(table, options, first, argv[optind]);
	return result;
}

/* Help about everything, or about a command; one with a line of its own is asked for it. */
static enum ctl_exit give_help(const struct table *table, const struct ctl_command *first,
			       struct ctl_options *options, const struct ctl_command **ret_command)
{
	static char option[] = "--help";
	static char *argv[] = {NULL, option, NULL};

	if (first != NULL && first->own_line) {
		argv[0] = options->argv[0];
		options->argc = 2;
		options->argv = argv;
		*ret_command = first;
		return CTL_FINE;
	}
	if (first != NULL)
		options_print_command(table->own, first->name);
	else
		options_print_help(table->own);
	return ctl_output_end();
}

/*
 * The end of what usage() began, and the exit code: keepalived would take CTL_USAGE for a weight of 0
 * (agent/ctl/check_exit.c).
 */
static enum ctl_exit refused(int argc, char **argv, const struct ctl_command *first)
{
	if (first != NULL)
		fprintf(stderr, "; see 'hostingpictl help %s'\n", first->name);
	else
		fputs("; see 'hostingpictl --help'\n", stderr);
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--keepalived") == 0)
			return CTL_FAILED;
	return CTL_USAGE;
}

enum ctl_exit options_parse(int argc, char **argv, const struct ctl_command *const *own,
			    struct ctl_options *ret_options, const struct ctl_command **ret_command)
{
	struct table table = {.own = own};
	const struct ctl_command *first = NULL;
	bool done = false;
	enum ctl_exit result;

	*ret_options = (struct ctl_options){.socket = getenv("HOSTINGPI_SOCKET")};
	*ret_command = NULL;
	if (ret_options->socket != NULL && ret_options->socket[0] == '\0')
		ret_options->socket = NULL;
	result = read_line(argc, argv, &table, ret_options, &first, &done);
	if (result == CTL_USAGE)
		return refused(argc, argv, first);
	if (result != CTL_FINE || done)
		return result;
	if (table.help)
		return give_help(&table, first, ret_options, ret_command);
	if (first == NULL) {
		missing_command(&table);
		return refused(argc, argv, NULL);
	}
	result = choose(&table, first, ret_options, ret_command);
	return result == CTL_USAGE ? refused(argc, argv, first) : result;
}
