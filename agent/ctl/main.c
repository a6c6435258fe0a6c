/* SPDX-License-Identifier: MIT */
/*
 * hostingpictl: asks the daemon on this machine over its control socket. This file reads the command
 * line and has one function per command; all of them return the exit code.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/post.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"
#include "agent/ctl/watch.h"
#include "agent/version.h"

#define DEFAULT_SOCKET "/run/hostingpi/control.sock"
#define DEFAULT_TIMEOUT_S 120

struct command;

struct options {
	const char *socket;
	bool json;
	const char *reason; /* NULL: none */
	long count;	    /* 0: without end */
	const char *text;   /* NULL: none */
	bool wait;
	long timeout_s; /* 0: not given */
	const struct command *command;
};

struct command {
	const char *name;
	int (*run)(const struct options *options, struct client *client);
	const char *own_options; /* letters of those that belong to it alone */
	bool takes_text;
};

static const char usage_text[] =
	"usage: hostingpictl [--socket PATH] [--json] COMMAND\n"
	"\n"
	"  status                what the agent sees and what it tells the load balancers\n"
	"  watch [-n COUNT]      the same once a second\n"
	"  drain [--reason TEXT] take this machine out of the load balancers\n"
	"  ready                 put it back\n"
	"  post TEXT [--wait]    post a message, as set up in section [post]\n"
	"\n"
	"  --socket PATH   control socket of the agent (default " DEFAULT_SOCKET ",\n"
	"                  or $HOSTINGPI_SOCKET)\n"
	"  --json          the agent's answer itself\n"
	"  -n, --count N   watch: stop after N times\n"
	"  --reason TEXT   drain: shown in the status, 1 to 48 ASCII characters without '#'\n"
	"  --wait          post: wait until it is known what became of it\n"
	"  --timeout S     post: wait that many seconds at most (default 120)\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n"
	"\n"
	"exit: 0 fine, 1 failed, 2 wrong usage, 3 the agent cannot be reached;\n"
	"      post --wait: 65 refused, 75 still in the queue, 77 credentials or account refused\n";

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

static int run_status(const struct options *options, struct client *client)
{
	struct style style = style_detect(stdout);
	cJSON *document = NULL;
	enum ctl_exit result = client_ask(client, "{\"command\":\"status\"}", &document);

	if (result != CTL_FINE)
		return (int)fail(result, client->error);
	if (options->json) {
		result = json_print(document);
	} else {
		status_print(stdout, &style, document);
		result = output_end();
	}
	cJSON_Delete(document);
	return result;
}

static int run_watch(const struct options *options, struct client *client)
{
	return (int)watch_run(client, options->count, options->json);
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

static int run_drain(const struct options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "drain");
	if (options->reason != NULL)
		cJSON_AddStringToObject(request, "reason", options->reason);
	return change(options, client, request,
		      "draining: load balancers are told to send no new sessions; "
		      "'hostingpictl ready' ends it");
}

static int run_ready(const struct options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "ready");
	return change(options, client, request, "ready: traffic comes back step by step");
}

static int run_post(const struct options *options, struct client *client)
{
	const struct post_order order = {
		.text = options->text,
		.wait = options->wait,
		.timeout_s = options->timeout_s != 0 ? options->timeout_s : DEFAULT_TIMEOUT_S,
		.json = options->json,
	};
	int result = post_run(client, &order);

	if (result != CTL_FINE && client->error[0] != '\0')
		fail(CTL_FAILED, client->error);
	else if (output_end() != CTL_FINE)
		return CTL_FAILED;
	return result;
}

static const struct command commands[] = {
	{"status", run_status, "", false}, {"watch", run_watch, "n", false},
	{"drain", run_drain, "r", false},  {"ready", run_ready, "", false},
	{"post", run_post, "wt", true},
};

/* Reserved by the design: so that a script which uses them gets a plain answer. */
static const char *const later[] = {"history", "events", "guard", "check", "forget"};

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

/* A command, or the text that follows one. */
static enum ctl_exit take_word(struct options *options, const char *name)
{
	if (options->command != NULL && options->command->takes_text && options->text == NULL) {
		options->text = name;
		return CTL_FINE;
	}
	if (options->command != NULL && options->command->takes_text)
		return usage("one text only: put it in quotes");
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

static enum ctl_exit take_number(const char *option, const char *text, long most, long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *ret_number < 1 || *ret_number > most)
		return usage("%s takes a number of at least 1, not '%s'", option, text);
	return CTL_FINE;
}

/* An option of one command must not stand at another one, where it would have no meaning. */
static enum ctl_exit check_own(const struct options *options)
{
	const char *own = options->command->own_options;

	if (options->count != 0 && strchr(own, 'n') == NULL)
		return usage("-n belongs to the command watch");
	if (options->reason != NULL && strchr(own, 'r') == NULL)
		return usage("--reason belongs to the command drain");
	if (options->wait && strchr(own, 'w') == NULL)
		return usage("--wait belongs to the command post");
	if (options->timeout_s != 0 && !options->wait)
		return usage("--timeout belongs to the command post with --wait");
	if (options->command->takes_text && options->text == NULL)
		return usage("'%s' needs a text", options->command->name);
	return CTL_FINE;
}

/* An option that there is not, or one without its value; option is what getopt_long() said. */
static enum ctl_exit refuse_option(int option, const char *word)
{
	if (option == ':')
		return usage("'%s' needs a value", word);
	/* A short one may stand in the middle of its word. */
	if (optopt != 0 && strchr("snjrwt", optopt) == NULL)
		return usage("unknown option '-%c'", optopt);
	return usage("unknown option '%s'", word);
}

/* *ret_done: help or version was printed, nothing is left to do. */
static enum ctl_exit options_parse(int argc, char **argv, struct options *options, bool *ret_done)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"reason", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'n'},
		{"wait", no_argument, NULL, 'w'},
		{"timeout", required_argument, NULL, 't'},
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
			result = take_word(options, optarg);
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
			result = take_number("-n", optarg, LONG_MAX, &options->count);
			break;
		case 'w':
			options->wait = true;
			break;
		case 't':
			result = take_number("--timeout", optarg, 86400, &options->timeout_s);
			break;
		case 'h':
			fputs(usage_text, stdout);
			*ret_done = true;
			return output_end();
		case 'V':
			printf("hostingpictl %s\n", hostingpi_version);
			*ret_done = true;
			return output_end();
		default:
			return refuse_option(option, argv[optind - 1]);
		}
	}
	/* What follows "--". */
	for (; result == CTL_FINE && optind < argc; optind++)
		result = take_word(options, argv[optind]);
	if (result == CTL_FINE && options->command == NULL)
		return usage("a command is missing: status, watch, drain, ready or post");
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
	int result;
	bool done = false;

	/* Characters and times as people here write them; numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	setlocale(LC_TIME, "");
	result = (int)options_parse(argc, argv, &options, &done);
	if (done || result != CTL_FINE)
		return result;
	client_init(&client, options.socket);
	result = options.command->run(&options, &client);
	client_close(&client);
	return result;
}
