/* SPDX-License-Identifier: MIT */
/*
 * hostingpictl: asks the daemon on this machine over its control socket. This file reads the command
 * line and has one function per command; all of them return the exit code.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"
#include "agent/ctl/watch.h"
#include "agent/version.h"

#define DEFAULT_SOCKET "/run/hostingpi/control.sock"

struct command;

struct options {
	const char *socket;
	bool json;
	const char *reason; /* NULL: none */
	long count;	    /* 0: without end */
	const struct command *command;
};

struct command {
	const char *name;
	enum ctl_exit (*run)(const struct options *options, struct client *client);
	char own_option; /* the one option that belongs to it; 0: none */
};

static const char usage_text[] =
	"usage: hostingpictl [--socket PATH] [--json] COMMAND\n"
	"\n"
	"  status                what the agent sees and what it tells the load balancers\n"
	"  watch [-n COUNT]      the same once a second\n"
	"  drain [--reason TEXT] take this machine out of the load balancers\n"
	"  ready                 put it back\n"
	"\n"
	"  --socket PATH   control socket of the agent (default " DEFAULT_SOCKET ",\n"
	"                  or $HOSTINGPI_SOCKET)\n"
	"  --json          the agent's answer itself\n"
	"  -n, --count N   watch: stop after N times\n"
	"  --reason TEXT   drain: shown in the status, 1 to 48 ASCII characters without '#'\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n"
	"\n"
	"exit: 0 fine, 1 failed, 2 wrong usage, 3 the agent cannot be reached\n";

/* The text may hold what the daemon said. */
static enum ctl_exit fail(enum ctl_exit code, const char *text)
{
	struct style style = style_detect(stderr);

	fputs("hostingpictl: ", stderr);
	text_put(stderr, &style, text);
	fputc('\n', stderr);
	return code;
}

/* A full disk behind standard output is a failure too. */
static enum ctl_exit output_end(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CTL_FINE;
	fprintf(stderr, "hostingpictl: standard output: %s\n", strerror(errno));
	return CTL_FAILED;
}

static enum ctl_exit json_print(const cJSON *document)
{
	char *text = cJSON_Print(document);

	if (text == NULL)
		return fail(CTL_FAILED, "out of memory");
	printf("%s\n", text);
	free(text);
	return output_end();
}

static enum ctl_exit run_status(const struct options *options, struct client *client)
{
	struct style style = style_detect(stdout);
	cJSON *document = NULL;
	enum ctl_exit result = client_ask(client, "{\"command\":\"status\"}", &document);

	if (result != CTL_FINE)
		return fail(result, client->error);
	if (options->json) {
		result = json_print(document);
	} else {
		status_print(stdout, &style, document);
		result = output_end();
	}
	cJSON_Delete(document);
	return result;
}

static enum ctl_exit run_watch(const struct options *options, struct client *client)
{
	return watch_run(client, options->count, options->json);
}

/* Sends drain or ready and says what comes of it. */
static enum ctl_exit change(const struct options *options, struct client *client, cJSON *request,
			    const char *text)
{
	char *line = cJSON_PrintUnformatted(request);
	enum ctl_exit result;
	cJSON *answer = NULL;

	cJSON_Delete(request);
	if (line == NULL)
		return fail(CTL_FAILED, "out of memory");
	result = client_ask(client, line, &answer);
	free(line);
	if (result != CTL_FINE)
		return fail(result, client->error);
	if (options->json)
		result = json_print(answer);
	else
		result = puts(text) < 0 ? CTL_FAILED : output_end();
	cJSON_Delete(answer);
	return result;
}

static enum ctl_exit run_drain(const struct options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "drain");
	if (options->reason != NULL)
		cJSON_AddStringToObject(request, "reason", options->reason);
	return change(options, client, request,
		      "draining: load balancers are told to send no new sessions; "
		      "'hostingpictl ready' ends it");
}

static enum ctl_exit run_ready(const struct options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "ready");
	return change(options, client, request, "ready: traffic comes back step by step");
}

static const struct command commands[] = {
	{"status", run_status, 0},
	{"watch", run_watch, 'n'},
	{"drain", run_drain, 'r'},
	{"ready", run_ready, 0},
};

/* Reserved by the design: so that a script which uses them gets a plain answer. */
static const char *const later[] = {"history", "events", "post", "guard", "check", "forget"};

__attribute__((format(printf, 1, 2))) static enum ctl_exit usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("hostingpictl: ", stderr);
	vfprintf(stderr, format, args);
	fputs("; see 'hostingpictl --help'\n", stderr);
	va_end(args);
	return CTL_USAGE;
}

static enum ctl_exit take_command(struct options *options, const char *name)
{
	if (options->command != NULL)
		return usage("one command only, not '%s' and '%s'", options->command->name, name);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			options->command = &commands[i];
			return CTL_FINE;
		}
	}
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(later[i], name) == 0)
			return usage("'%s' is not in this version (%s)", name, hostingpi_version);
	return usage("unknown command '%s'", name);
}

static enum ctl_exit take_count(struct options *options, const char *text)
{
	char *end;

	errno = 0;
	options->count = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || options->count < 1)
		return usage("-n takes a number of at least 1, not '%s'", text);
	return CTL_FINE;
}

/* An option of one command must not stand at another one, where it would have no meaning. */
static enum ctl_exit check_own(const struct options *options)
{
	char own = options->command->own_option;

	if (options->count != 0 && own != 'n')
		return usage("-n belongs to the command watch");
	if (options->reason != NULL && own != 'r')
		return usage("--reason belongs to the command drain");
	return CTL_FINE;
}

/* *ret_done: help or version was printed, nothing is left to do. */
static enum ctl_exit options_parse(int argc, char **argv, struct options *options, bool *ret_done)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"reason", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	enum ctl_exit result = CTL_FINE;
	int option;

	/* '-': words come in order as option 1, wherever they stand; ':' tells what is missing. */
	while (result == CTL_FINE &&
	       (option = getopt_long(argc, argv, "-:n:hV", longs, NULL)) >= 0) {
		switch (option) {
		case 1:
			result = take_command(options, optarg);
			break;
		case 's':
			options->socket = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'r':
			options->reason = optarg;
			break;
		case 'n':
			result = take_count(options, optarg);
			break;
		case 'h':
			fputs(usage_text, stdout);
			*ret_done = true;
			return output_end();
		case 'V':
			printf("hostingpictl %s\n", hostingpi_version);
			*ret_done = true;
			return output_end();
		case ':':
			return usage("'%s' needs a value", argv[optind - 1]);
		default:
			/* A short one may stand in the middle of its word. */
			if (optopt != 0 && strchr("snjr", optopt) == NULL)
				return usage("unknown option '-%c'", optopt);
			return usage("unknown option '%s'", argv[optind - 1]);
		}
	}
	/* What follows "--". */
	for (; result == CTL_FINE && optind < argc; optind++)
		result = take_command(options, argv[optind]);
	if (result == CTL_FINE && options->command == NULL)
		return usage("a command is missing: status, watch, drain or ready");
	return result == CTL_FINE ? check_own(options) : result;
}

static const char *default_socket(void)
{
	const char *path = getenv("HOSTINGPI_SOCKET");

	return path != NULL && path[0] != '\0' ? path : DEFAULT_SOCKET;
}

int main(int argc, char **argv)
{
	struct options options = {.socket = default_socket()};
	struct client client;
	enum ctl_exit result;
	bool done = false;

	/* Characters and times as people here write them; numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	setlocale(LC_TIME, "");
	result = options_parse(argc, argv, &options, &done);
	if (done || result != CTL_FINE)
		return (int)result;
	client_init(&client, options.socket);
	result = options.command->run(&options, &client);
	client_close(&client);
	return (int)result;
}
