/* SPDX-License-Identifier: MIT */
/*
 * hostingpictl: asks the daemon on this machine over its control socket. This file has one function
 * per command that does so; all commands return the exit code.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/ctl/check.h"
#include "agent/ctl/client.h"
#include "agent/ctl/command.h"
#include "agent/ctl/course.h"
#include "agent/ctl/events.h"
#include "agent/ctl/guard.h"
#include "agent/ctl/limits.h"
#include "agent/ctl/options.h"
#include "agent/ctl/post.h"
#include "agent/ctl/rehearse.h"
#include "agent/ctl/status.h"
#include "agent/ctl/text.h"
#include "agent/ctl/watch.h"
#include "agent/units.h"

/* Longer than one attempt, and a little for the wait before it. */
#define DEFAULT_TIMEOUT_S 120

static enum ctl_exit run_status(const struct ctl_options *options, struct client *client)
{
	struct style style = style_detect(stdout);
	cJSON *document = NULL;
	enum ctl_exit result = client_ask(client, "{\"command\":\"status\"}", &document);

	if (result != CTL_FINE)
		return ctl_fail(result, client->error);
	if (options->json) {
		result = ctl_print_json(document);
	} else {
		status_print(stdout, &style, document,
			     isatty(STDOUT_FILENO) ? text_columns(stdout) : 0);
		result = ctl_output_end();
	}
	cJSON_Delete(document);
	return result;
}

static enum ctl_exit run_watch(const struct ctl_options *options, struct client *client)
{
	return watch_run(client, options->count, options->json);
}

/* Sends drain or ready and says what comes of it. */
static enum ctl_exit change(const struct ctl_options *options, struct client *client,
			    cJSON *request, const char *text)
{
	char *line = cJSON_PrintUnformatted(request);
	enum ctl_exit result;
	cJSON *answer = NULL;

	cJSON_Delete(request);
	if (line == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	result = client_ask(client, line, &answer);
	free(line);
	if (result != CTL_FINE)
		return ctl_fail(result, client->error);
	if (options->json)
		result = ctl_print_json(answer);
	else
		result = puts(text) < 0 ? CTL_FAILED : ctl_output_end();
	cJSON_Delete(answer);
	return result;
}

static enum ctl_exit run_drain(const struct ctl_options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();
	char text[160], time[TEXT_NUMBER_SIZE];

	cJSON_AddStringToObject(request, "command", "drain");
	if (options->reason != NULL)
		cJSON_AddStringToObject(request, "reason", options->reason);
	if (options->for_ns > 0)
		cJSON_AddNumberToObject(request, "for_s", (double)(options->for_ns / NS_PER_S));
	if (options->for_ns > 0)
		text_duration(time, (double)(options->for_ns / NS_PER_S));
	snprintf(text, sizeof(text),
		 "draining: load balancers are told to send no new sessions; %s%s%s",
		 options->for_ns > 0 ? "it ends by itself after " : "'hostingpictl ready' ends it",
		 options->for_ns > 0 ? time : "",
		 options->for_ns > 0 ? ", or with 'hostingpictl ready'" : "");
	return change(options, client, request, text);
}

static enum ctl_exit run_ready(const struct ctl_options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "ready");
	if (options->reason != NULL)
		cJSON_AddStringToObject(request, "reason", options->reason);
	return change(options, client, request, "ready: traffic comes back step by step");
}

static enum ctl_exit run_handover(const struct ctl_options *options, struct client *client)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "command", "handover");
	return change(options, client, request,
		      "hand-over: the next agent goes on if this one is stopped within 30 s");
}

static enum ctl_exit run_post(const struct ctl_options *options, struct client *client)
{
	const struct post_order order = {
		.text = options->text,
		.wait = options->given & CTL_OPTION_WAIT,
		.timeout_s = options->timeout_s != 0 ? options->timeout_s : DEFAULT_TIMEOUT_S,
		.json = options->json,
	};
	int result = post_run(client, &order);

	if (result != CTL_FINE && client->error[0] != '\0')
		ctl_fail(CTL_FAILED, client->error);
	else if (ctl_output_end() != CTL_FINE)
		return CTL_FAILED;
	return (enum ctl_exit)result; /* or one of enum post_exit */
}

static const struct ctl_command status_command = {
	.name = "status",
	.help = "  status                what the agent sees and what it tells the load balancers\n",
	.run = run_status,
};

static const struct ctl_command watch_command = {
	.name = "watch",
	.takes = CTL_OPTION_COUNT,
	.help = "  watch [-n COUNT]      the same once a second\n",
	.details = "  -n, --count N         stop after N times\n"
		   "keys: q quit, space pause, h hour, d day, e events, ? help\n",
	.run = run_watch,
};

static const struct ctl_command history_command = {
	.name = "history",
	.takes = CTL_OPTION_SPAN,
	.takes_text = true,
	.wordless = true,
	.help = "  history [READING] [--span hour|day]\n"
		"                        the course of the readings, or of one\n",
	.details = "  --span SPAN           hour (default) or day\n",
	.run = history_run,
};

static const struct ctl_command events_command = {
	.name = "events",
	.takes = CTL_OPTION_COUNT,
	.help = "  events [-n COUNT]     what happened, newest first\n",
	.details = "  -n, --count N         that many\n",
	.run = events_run,
};

static const struct ctl_command drain_command = {
	.name = "drain",
	.takes = CTL_OPTION_REASON | CTL_OPTION_FOR,
	.help = "  drain [--reason TEXT] [--for TIME]\n"
		"                        take this machine out of the load balancers\n",
	.details = "  --reason TEXT         for the log and the status, 1 to 48 ASCII characters\n"
		   "                        without '#'\n"
		   "  --for TIME            it ends by itself after that, such as 10m\n",
	.run = run_drain,
};

static const struct ctl_command ready_command = {
	.name = "ready",
	.takes = CTL_OPTION_REASON,
	.help = "  ready [--reason TEXT] put it back\n",
	.details = "  --reason TEXT         for the log, 1 to 48 ASCII characters without '#'\n",
	.run = run_ready,
};

static const struct ctl_command handover_command = {
	.name = "handover",
	.help = "  handover              for the unit: the stop that follows is part of a restart\n",
	.run = run_handover,
};

static const struct ctl_command post_command = {
	.name = "post",
	.takes = CTL_OPTION_WAIT | CTL_OPTION_TIMEOUT,
	.takes_text = true,
	.help = "  post TEXT [--wait]    post a message, as set up in section [post]\n",
	.details =
		"  --wait                wait until it is known what became of it\n"
		"  --timeout S           wait that many seconds at most (default 120)\n"
		"exit with --wait: 65 refused, 75 still waits, 77 credentials or account refused\n",
	.run = run_post,
};

static const struct ctl_command *const commands[] = {
	&status_command,
	&watch_command,
	&history_command,
	&events_command,
	&drain_command,
	&rehearse_command,
	&ready_command,
	&post_command,
	&guard_command,
	&check_command,
	&limits_command,
	&handover_command,
	NULL,
};

/*
 * Without one of the standard descriptors the next one opened would be taken for it: messages would go to the
 * agent, or to the guard's watcher. These can neither be read nor written, and are closed for a guarded job.
 */
static void fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/", O_PATH | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct ctl_command *command;
	struct ctl_options options;
	struct client client;
	enum ctl_exit result;

	fill_standard_descriptors();
	/* Characters and times as people here write them; numbers stay as they are. */
	setlocale(LC_CTYPE, "");
	setlocale(LC_TIME, "");
	result = options_parse(argc, argv, commands, &options, &command);
	if (result != CTL_FINE || command == NULL)
		return (int)result;
	client_init(&client, options.socket != NULL ? options.socket : CTL_DEFAULT_SOCKET);
	result = command->run(&options, &client);
	client_close(&client);
	return (int)result;
}
