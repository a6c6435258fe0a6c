/* SPDX-License-Identifier: MIT */
/*
 * The command line is read as a whole before anything is said about it, because the exit code of wrong
 * usage depends on the mode: keepalived would take a 2 for "weight 0". The answer of an agent goes to
 * standard output in all modes, also when there is none: that is what a check is run for.
 */
#include "agent/ctl/check.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/check_exit.h"
#include "agent/ctl/check_print.h"
#include "agent/ctl/check_race.h"
#include "agent/procfs.h"
#include "agent/units.h"

#define TIMEOUT_MS 2000
#define TIMEOUT_MOST_S 60

struct check {
	enum check_mode mode;
	bool json, soft, help;
	int64_t timeout_ms;
	size_t count;
	struct check_target targets[CHECK_HOSTS];
	struct check_result results[CHECK_HOSTS];
	char error[CHECK_ERROR_SIZE + 64]; /* what is wrong with the line; empty: nothing */
};

static const char help[] =
	"usage: hostingpictl [--json] check [OPTIONS] HOST[:PORT]...\n\n"
	"  HOST            a name, 192.0.2.1, 2001:db8::1 or unix:/PATH; an IPv6 address\n"
	"                  with a port stands in brackets: [2001:db8::1]:9778, which is\n"
	"                  the default port\n"
	"  --keepalived    one host; exit for misc_dynamic: 1 no agent answers, else\n"
	"                  weight + 2\n"
	"  --nagios        one host; line and exit of a monitoring plugin\n"
	"  --soft          count a Pi that sheds as not up, too\n"
	"  --timeout S     in all, with name resolution (default 2 s)\n"
	"  --json          everything that is known\n\n"
	"exit: 0 takes traffic, 1 wants no new sessions, 2 wrong usage, 3 no agent\n"
	"answers; of several hosts the worst. Manual: man hostingpictl\n";

static const struct option longs[] = {
	{"keepalived", no_argument, NULL, 'k'},
	{"nagios", no_argument, NULL, 'n'},
	{"soft", no_argument, NULL, 's'},
	{"timeout", required_argument, NULL, 't'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* Keeps the first complaint only. */
__attribute__((format(printf, 2, 3))) static void complain(struct check *check, const char *format,
							   ...)
{
	va_list args;

	if (check->error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(check->error, sizeof(check->error), format, args);
	va_end(args);
}

/* Seconds, with up to three digits behind a point, and an 's' if that is missed. */
static void take_timeout(struct check *check, const char *text)
{
	int64_t seconds, parts = 0;
	const char *end;
	bool good = procfs_number(text, &end, &seconds) == 0 && seconds <= TIMEOUT_MOST_S;

	if (good && *end == '.') {
		const char *digits = ++end;

		good = procfs_number(digits, &end, &parts) == 0 && end - digits <= 3;
		for (int i = (int)(end - digits); good && i < 3; i++)
			parts *= 10;
	}
	if (good && *end == 's')
		end++;
	check->timeout_ms = good ? seconds * 1000 + parts : 0;
	if (!good || *end != '\0' || check->timeout_ms < 100 ||
	    check->timeout_ms > TIMEOUT_MOST_S * 1000)
		complain(check, "--timeout takes 0.1 to %d seconds, not '%s'", TIMEOUT_MOST_S,
			 text);
}

static void take_mode(struct check *check, enum check_mode mode)
{
	if (check->mode != CHECK_PLAIN && check->mode != mode)
		complain(check, "--keepalived and --nagios exclude each other");
	check->mode = mode;
}

static void take_host(struct check *check, const char *text)
{
	char error[CHECK_ERROR_SIZE];

	if (check->count == CHECK_HOSTS)
		complain(check, "at most %d hosts at a time", CHECK_HOSTS);
	else if (check_target_parse(text, &check->targets[check->count], error, sizeof(error)) < 0)
		complain(check, "%s", error);
	else
		check->count++;
}

static void judge_line(struct check *check)
{
	if (check->count == 0)
		complain(check, "a host is missing: hostingpictl check HOST[:PORT]...");
	if (check->mode != CHECK_PLAIN && check->count > 1)
		complain(check, "--keepalived and --nagios take one host, not %zu", check->count);
	if (check->mode != CHECK_PLAIN && check->soft)
		complain(check, "--soft belongs to the plain check: --keepalived and --nagios tell "
				"shedding apart anyway");
	if (check->mode == CHECK_NAGIOS && check->json)
		complain(check, "--nagios prints the line of a plugin: leave out --json");
}

static void read_line(struct check *check, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":h", longs, NULL)) >= 0) {
		switch (option) {
		case 'k':
			take_mode(check, CHECK_KEEPALIVED);
			break;
		case 'n':
			take_mode(check, CHECK_NAGIOS);
			break;
		case 's':
			check->soft = true;
			break;
		case 't':
			take_timeout(check, optarg);
			break;
		case 'j':
			check->json = true;
			break;
		case 'h':
			check->help = true;
			break;
		case ':':
			complain(check, "'%s' needs a value", argv[optind - 1]);
			break;
		default:
			/* Misspelt: whoever meant it reads the code as keepalived does. */
			if (strncmp(argv[optind - 1], "--k", 3) == 0)
				check->mode = CHECK_KEEPALIVED;
			complain(check, "unknown option '%s' of check", argv[optind - 1]);
			break;
		}
	}
	for (; optind < argc; optind++)
		take_host(check, argv[optind]);
	if (!check->help)
		judge_line(check);
}

static int fail(const struct check *check, const char *text)
{
	char line[CHECK_ERROR_SIZE + 128];

	/* A monitor shows the first line of standard output. */
	if (check->mode == CHECK_NAGIOS)
		printf("HOSTINGPI UNKNOWN - %s\n", text);
	ctl_output_end();
	snprintf(line, sizeof(line), "%s; see 'hostingpictl help check'", text);
	ctl_fail(CTL_USAGE, line);
	return check_exit_usage(check->mode);
}

static enum ctl_exit print_json(const struct check *check, int code)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *hosts = cJSON_AddArrayToObject(document, "hosts");
	enum ctl_exit result;

	for (size_t i = 0; i < check->count; i++)
		cJSON_AddItemToArray(
			hosts, check_print_json(&check->targets[i], &check->results[i],
						check_exit_code(check->mode, &check->results[i])));
	cJSON_AddNumberToObject(document, "exit", code);
	result = ctl_print_json(document);
	cJSON_Delete(document);
	return result;
}

static enum ctl_exit print(const struct check *check, int code)
{
	struct style style = style_detect(stdout);

	if (check->json)
		return print_json(check, code);
	if (check->mode == CHECK_NAGIOS)
		check_print_nagios(stdout, &check->targets[0], &check->results[0],
				   check->timeout_ms);
	else if (check->count == 1)
		check_print_line(stdout, &style, &check->targets[0], &check->results[0]);
	else
		check_print_table(stdout, &style, check->targets, check->results, check->count);
	return ctl_output_end();
}

static int run(struct check *check)
{
	int64_t deadline_ns = race_now_ns() + check->timeout_ms * NS_PER_MS;
	int code = 0;
	int error = check_ask_all(check->targets, check->count,
				  check->soft ? "/health?soft=404" : "/health", deadline_ns,
				  check->results);

	if (error < 0) {
		char text[128];

		snprintf(text, sizeof(text), "cannot start a process to ask: %s", strerror(-error));
		return fail(check, text);
	}
	for (size_t i = 0; i < check->count; i++)
		code = check_exit_worse(code, check_exit_code(check->mode, &check->results[i]));
	if (print(check, code) != CTL_FINE && check->mode != CHECK_KEEPALIVED)
		return check_exit_usage(check->mode);
	return code;
}

static enum ctl_exit run_check(const struct ctl_options *options, struct client *client)
{
	struct check *check = calloc(1, sizeof(*check));
	int code;

	(void)client; /* another machine's agent has no control socket here */
	if (check == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	check->timeout_ms = TIMEOUT_MS;
	check->json = options->json;
	read_line(check, options->argc, options->argv);
	if (check->error[0] != '\0') {
		code = fail(check, check->error);
	} else if (check->help) {
		fputs(help, stdout);
		code = (int)ctl_output_end();
	} else {
		code = run(check);
	}
	free(check);
	return (enum ctl_exit)code; /* or one of the three enums of check_exit.h */
}

const struct ctl_command check_command = {
	.name = "check",
	.own_line = true,
	.help = "  check HOST[:PORT]...  ask agents elsewhere over HTTP (check --help)\n",
	.run = run_check,
};
