/* SPDX-License-Identifier: MIT */
/*
 * Looks for some seconds, drains, looks until the time is over, says "ready", and looks until the weight is
 * back. The drain carries an expiry a little after that, so that a Pi comes back even if this program is
 * killed. Signals are read from a descriptor: each of them means "ready, at once".
 */
#include "agent/ctl/rehearse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/ctl/document.h"
#include "agent/ctl/keys.h"
#include "agent/ctl/rehearsal.h"
#include "agent/units.h"

#define STEP_MS 500
/* A line of what is seen. */
#define LINE_MS 5000
#define BEFORE_MS 5000
/* Longer than the way back takes from any weight (ten seconds), and than a balancer's pause. */
#define BACK_MS 60000
/* By then a drain is in force. */
#define HELD_MS 5000
/* The drain's own end: for a rehearsal that was killed. */
#define EXPIRY_S 10
/* A restarting agent comes back within that. */
#define READY_TRIES 30

struct rehearse {
	struct client *client;
	const struct ctl_options *options;
	struct style style;
	struct rehearsal rehearsal;
	cJSON *status; /* the newest */
	int signal_fd;
	sigset_t mask; /* as it was before */
	int64_t line_ms;
};

static int open_signals(struct rehearse *rehearse)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&signals, numbers[i]);
	/* Who reads the output may go: the Pi must come back all the same. */
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &signals, &rehearse->mask) < 0)
		return -errno;
	rehearse->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return rehearse->signal_fd < 0 ? -errno : 0;
}

static void say(const struct rehearse *rehearse, const char *text)
{
	if (!rehearse->options->json)
		puts(text);
	fflush(stdout);
}

/* Looks once. An agent that does not answer now may do so the next time. */
static enum ctl_exit look(struct rehearse *rehearse)
{
	struct connections connections;
	int64_t now_ms = keys_now_ms();
	cJSON *status = NULL;
	enum ctl_exit result = client_ask(rehearse->client, "{\"command\":\"status\"}", &status);
	bool seen = connections_read(&rehearse->rehearsal.ports, &connections) == 0;

	if (result == CTL_FINE) {
		cJSON_Delete(rehearse->status);
		rehearse->status = status;
	}
	rehearsal_take(&rehearse->rehearsal, status, seen ? &connections : NULL, now_ms);
	if (now_ms - rehearse->line_ms >= LINE_MS && !rehearse->options->json) {
		rehearse->line_ms = now_ms;
		rehearsal_print_line(stdout, &rehearse->style, &rehearse->rehearsal, status,
				     seen ? &connections : NULL, now_ms);
		fflush(stdout);
	}
	return result;
}

/* True if a signal came meanwhile. */
static bool interrupted(struct rehearse *rehearse, int ms)
{
	struct pollfd fd = {.fd = rehearse->signal_fd, .events = POLLIN};

	if (poll(&fd, 1, ms) > 0)
		rehearse->rehearsal.interrupted = true;
	return rehearse->rehearsal.interrupted;
}

static bool is_held(const cJSON *status)
{
	return document_flag(status, "decision.drain");
}

/* Until then, or a signal, or somebody else's "ready". */
static void look_until(struct rehearse *rehearse, int64_t until_ms)
{
	bool held = false;

	while (keys_now_ms() < until_ms && !interrupted(rehearse, STEP_MS)) {
		if (look(rehearse) != CTL_FINE || rehearse->rehearsal.drain_ms == 0)
			continue;
		/* Somebody may be faster than two of our looks. */
		held |= is_held(rehearse->status) ||
			keys_now_ms() - rehearse->rehearsal.drain_ms > HELD_MS;
		if (held && !is_held(rehearse->status)) {
			rehearse->rehearsal.ended_early = true;
			return;
		}
	}
}

static void look_until_back(struct rehearse *rehearse)
{
	int64_t until_ms = keys_now_ms() + BACK_MS;

	while (keys_now_ms() < until_ms && !interrupted(rehearse, STEP_MS)) {
		look(rehearse);
		if (rehearse->rehearsal.back_ms != 0 && rehearsal_heard(&rehearse->rehearsal))
			return;
	}
}

static enum ctl_exit ask(struct client *client, cJSON *request)
{
	char *line = cJSON_PrintUnformatted(request);
	enum ctl_exit result = CTL_FAILED;
	cJSON *answer = NULL;

	cJSON_Delete(request);
	if (line != NULL)
		result = client_ask(client, line, &answer);
	else
		snprintf(client->error, sizeof(client->error), "out of memory");
	free(line);
	cJSON_Delete(answer);
	return result;
}

static enum ctl_exit say_drain(struct rehearse *rehearse)
{
	const char *reason = rehearse->options->reason;
	cJSON *request = cJSON_CreateObject();
	enum ctl_exit result;

	cJSON_AddStringToObject(request, "command", "drain");
	cJSON_AddStringToObject(request, "reason", reason != NULL ? reason : "rehearsal");
	cJSON_AddNumberToObject(request, "for_s",
				(double)(rehearse->rehearsal.for_ms / 1000 + EXPIRY_S));
	result = ask(rehearse->client, request);
	rehearse->rehearsal.drain_ms = keys_now_ms();
	return result;
}

/* Nothing but time makes this one give up: signals have had their effect. */
static void say_ready(struct rehearse *rehearse)
{
	enum ctl_exit result = CTL_ABSENT;

	for (int i = 0; i < READY_TRIES && result != CTL_FINE; i++) {
		cJSON *request = cJSON_CreateObject();

		if (i > 0)
			poll(NULL, 0, 1000);
		cJSON_AddStringToObject(request, "command", "ready");
		result = ask(rehearse->client, request);
	}
	rehearse->rehearsal.agent_lost = result != CTL_FINE;
	rehearse->rehearsal.ready_ms = keys_now_ms();
}

/* Those that were said; else the web server's usual ones and that of its status page. */
static enum ctl_exit choose_ports(struct rehearse *rehearse)
{
	struct connections_ports *ports = &rehearse->rehearsal.ports;
	const char *source = document_text(rehearse->status, "state.web.source");
	const char *at = rehearse->options->ports;
	unsigned port;
	int length;

	if (at == NULL) {
		connections_add_port(ports, 80);
		connections_add_port(ports, 443);
		at = source != NULL ? strstr(source, "://") : NULL;
		at = at != NULL ? at + 3 : source;
		at = at != NULL ? at + strcspn(at, *at == '[' ? "]" : ":/") : NULL;
		at = at != NULL && *at == ']' ? at + 1 : at;
		if (at != NULL && sscanf(at, ":%5u", &port) == 1 && port > 0 && port < 65536)
			connections_add_port(ports, (uint16_t)port);
		return CTL_FINE;
	}
	for (;; at++) {
		if (sscanf(at, "%5u%n", &port, &length) != 1 || port == 0 || port > 65535 ||
		    !connections_add_port(ports, (uint16_t)port) || *at < '0' || *at > '9' ||
		    (at[length] != ',' && at[length] != '\0'))
			return ctl_fail(CTL_USAGE, "--port takes one to eight ports with commas "
						   "between, such as 80,443");
		at += length;
		if (*at == '\0')
			return CTL_FINE;
	}
}

/* What makes a rehearsal pointless, or would undo what somebody else did. */
static enum ctl_exit check(const struct rehearse *rehearse)
{
	const char *state = document_text(rehearse->status, "decision.state");

	if (document_flag(rehearse->status, "dry_run"))
		return ctl_fail(CTL_FAILED, "the agent runs with --dry-run: balancers are told "
					    "nothing, there is nothing to rehearse");
	if (state != NULL && strcmp(state, "hold") == 0)
		return ctl_fail(CTL_FAILED, "an operator has drained this Pi already: end that "
					    "with 'hostingpictl ready' first");
	return CTL_FINE;
}

static enum ctl_exit play(struct rehearse *rehearse)
{
	struct rehearsal *rehearsal = &rehearse->rehearsal;
	enum ctl_exit result;

	say(rehearse, "looking at the traffic for 5 s, then draining (Ctrl-C brings this Pi back)");
	look_until(rehearse, keys_now_ms() + BEFORE_MS);
	if (rehearsal->interrupted)
		return CTL_FINE;
	result = say_drain(rehearse);
	if (result == CTL_FINE) {
		say(rehearse, "drain");
		look_until(rehearse, rehearsal->drain_ms + rehearsal->for_ms);
	}
	/* Also where the answer was lost: the request may not have been. */
	if (!rehearsal->ended_early)
		say_ready(rehearse);
	if (result != CTL_FINE)
		return result;
	say(rehearse, "ready");
	if (!rehearsal->interrupted && !rehearsal->ended_early && !rehearsal->agent_lost)
		look_until_back(rehearse);
	return CTL_FINE;
}

static enum ctl_exit report(const struct rehearse *rehearse)
{
	const struct rehearsal *rehearsal = &rehearse->rehearsal;
	enum ctl_exit result;

	if (rehearse->options->json) {
		cJSON *document = rehearsal_json(rehearsal);

		result = ctl_print_json(document);
		cJSON_Delete(document);
	} else {
		rehearsal_print(stdout, &rehearse->style, rehearsal);
		result = ctl_output_end();
	}
	if (rehearsal->agent_lost)
		return CTL_ABSENT;
	return result == CTL_FINE && !rehearsal_passed(rehearsal) ? CTL_FAILED : result;
}

static enum ctl_exit rehearse_run(const struct ctl_options *options, struct client *client)
{
	struct rehearse *rehearse = calloc(1, sizeof(*rehearse));
	enum ctl_exit result;
	int r;

	if (rehearse == NULL)
		return ctl_fail(CTL_FAILED, "out of memory");
	rehearse->client = client;
	rehearse->options = options;
	rehearse->style = style_detect(stdout);
	rehearse->rehearsal.for_ms = options->rehearse_ns / NS_PER_MS;
	rehearse->line_ms = keys_now_ms();
	r = open_signals(rehearse);
	result = r < 0 ? ctl_fail(CTL_FAILED, strerror(-r)) : look(rehearse);
	if (r == 0 && result != CTL_FINE)
		ctl_fail(result, client->error);
	if (result == CTL_FINE)
		result = choose_ports(rehearse);
	if (result == CTL_FINE)
		result = check(rehearse);
	if (result == CTL_FINE) {
		result = play(rehearse);
		if (result != CTL_FINE)
			ctl_fail(result, client->error);
		else
			result = report(rehearse);
	}
	cJSON_Delete(rehearse->status);
	free(rehearse);
	return result;
}

const struct ctl_command rehearse_command = {
	.name = "drain",
	.variant = CTL_OPTION_REHEARSE,
	.takes = CTL_OPTION_REASON | CTL_OPTION_PORT,
	.help = "  drain --rehearse TIME [--port PORTS] [--reason TEXT]\n"
		"                        the same for a time, and who obeyed\n",
	.details =
		"  --rehearse TIME       drain for that long, 5s to 1h, and come back: also if\n"
		"                        this program is killed\n"
		"  --port PORTS          of the web server, whose connections are watched\n"
		"                        (default 80, 443 and that of the status page)\n"
		"  --reason TEXT         instead of 'rehearsal'\n"
		"exit: 0 all load balancers obeyed, 1 not all, or it was not played to its end\n",
	.run = rehearse_run,
};
