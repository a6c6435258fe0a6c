/* SPDX-License-Identifier: MIT */
/*
 * HAProxy's agent-check: it connects, perhaps says who it is, and reads one line that carries weight
 * and connection cap. What an operator writes on the balancer, for each Pi:
 *
 *   server pi1 [2001:db8::1]:80 weight 100 maxconn 12 check inter 2s agent-check
 *          agent-port 9777 agent-inter 500ms agent-send "lb1/pis\n"
 *
 * weight 100, because the percentage is taken of the configured weight, which is 1 otherwise: 99 %
 * of it is 0. The static maxconn, because it is what stands while this agent is away.
 *
 * The answer is written before anything is waited for. A caller whose greeting lies there complete
 * gets it and the connection is closed; any other one lingers (agent_linger.c), and is entered into
 * the table of callers when it is clear who it was.
 *
 * Until the first decision the listeners are open but nobody is accepted: callers wait in the kernel
 * and get a true answer within the first tick. Any line made up for them would be worse: 100 % may
 * be far too much after a restart under pressure, a small cap would throttle a healthy Pi. If no
 * decision ever comes, HAProxy times out and leaves the server as it was.
 *
 * Settings that change open this module anew, with an empty table of callers: until each balancer has
 * polled once more, the cap is divided among fewer of them than there are.
 *
 * A clean stop gives the weight back: HAProxy keeps the last one for ever when an agent vanishes. Over a
 * hand-over it stays, and who calls meanwhile waits for the next agent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/addr.h"
#include "agent/log.h"
#include "notifiers/agent_check.h"
#include "notifiers/agent_linger.h"
#include "notifiers/listeners.h"
#include "notifiers/notifiers.h"

enum {
	METRIC_BALANCERS,
	METRICS,
};

struct haproxy_conf {
	struct addr_list listen;
	struct addr_allow allow;
};

struct haproxy {
	const struct env *env;
	struct listeners listeners;
	struct agent_linger linger;
	struct agent_callers callers;
	struct decision decision;
	bool decided; /* there is a decision: callers are accepted */
	bool stopping;
	int64_t answers, junk;
	int64_t crowd_ns; /* when a caller last displaced another one */
	struct complaint crowd;
};

/* Strangers come in waves: a crowd is over when none was seen for that long. */
#define CROWD_NS (60 * NS_PER_S)

static const struct conf_item haproxy_items[] = {
	CONF_ROW(struct haproxy_conf, listen, CONF_LISTEN, "[::1]:9777, 127.0.0.1:9777",
		 .help = "addresses that answer agent-check, such as :9777; empty: none"),
	CONF_ROW(struct haproxy_conf, allow, CONF_ALLOW, "",
		 .help = "networks of the load balancers; empty: everybody"),
	{.key = NULL},
};

static const struct metric haproxy_metrics[METRICS] = {
	[METRIC_BALANCERS] = {.group = "lb",
			      .name = "balancers",
			      .kind = METRIC_GAUGE,
			      .unit = UNIT_COUNT,
			      .role = ROLE_BALANCERS,
			      .help = "load balancers that asked lately"},
};

/* True if the decision takes this Pi out of the balancers' hands. */
static bool is_held(const struct haproxy *haproxy)
{
	return haproxy->decision.drain && !haproxy->env->dry_run;
}

/* The operator's "ready" that callers have to hear now; 0: none. A dry run told no "drain" either. */
static uint32_t get_undrain(const struct haproxy *haproxy)
{
	if (haproxy->decision.drain || haproxy->env->dry_run)
		return 0;
	return haproxy->decision.undrain;
}

static void call_settled(void *context, const char *name, const struct agent_call *call,
			 enum agent_verdict verdict)
{
	struct haproxy *haproxy = context;
	uint64_t displaced = haproxy->callers.displaced;
	size_t before = agent_callers_count(&haproxy->callers, call->stamp_ns);

	if (verdict == AGENT_JUNK)
		haproxy->junk++;
	agent_callers_enter(&haproxy->callers, name, call);
	/* One more shares the cap: the others must hear of it at their next poll. */
	if (agent_callers_count(&haproxy->callers, call->stamp_ns) > before)
		env_wake(haproxy->env);
	if (haproxy->callers.displaced == displaced)
		return;
	haproxy->crowd_ns = env_now_ns(haproxy->env);
	complaint_raise(&haproxy->crowd,
			"agent-check: more than %d callers, connection caps are divided "
			"among them: set allow in [haproxy] to your load balancers",
			AGENT_CALLERS);
}

/* Writes the line. Returns true if it went out; call tells what it said. */
static bool send_line(struct haproxy *haproxy, int fd, const char *name, struct agent_call *call)
{
	const struct agent_tone tone = {
		.word = agent_callers_word(&haproxy->callers, name, call, is_held(haproxy)),
		.dry_run = haproxy->env->dry_run,
		.stopping = haproxy->stopping,
	};
	char line[AGENT_LINE_SIZE];
	size_t length = agent_check_line(&haproxy->decision, &tone, line);

	/* A fresh socket takes 100 bytes whole; EPIPE, ECONNRESET: the caller has gone, no matter. */
	if (send(fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
		return false;
	haproxy->answers++;
	call->word = tone.word;
	call->stop_told = haproxy->stopping;
	return true;
}

static void answer_caller(void *context, int fd, const union addr_any *peer)
{
	struct haproxy *haproxy = context;
	struct agent_call call = {.host = agent_host(&peer->sa),
				  .stamp_ns = env_now_ns(haproxy->env),
				  .undrain = get_undrain(haproxy)};
	struct agent_greeting greeting = {.used = 0};
	char bytes[AGENT_GREETING_SIZE + 1], name[AGENT_NAME_SIZE];
	ssize_t length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	enum agent_verdict verdict = AGENT_OPEN;

	if (length > 0)
		verdict = agent_greeting_take(&greeting, bytes, (size_t)length, name);
	bool named = verdict == AGENT_NAMED;
	/* One line is all that a balancer says: nothing unread can turn a close into a reset. */
	bool over = named && length < (ssize_t)sizeof(bytes) && bytes[length - 1] == '\n';
	bool sent = send_line(haproxy, fd, named ? name : NULL, &call);
	if (verdict != AGENT_OPEN)
		call_settled(haproxy, named ? name : NULL, &call, verdict);
	if (!sent || over) {
		if (verdict == AGENT_OPEN)
			call_settled(haproxy, NULL, &call, verdict);
		close(fd);
		return;
	}
	shutdown(fd, SHUT_WR);
	agent_linger_add(&haproxy->linger, fd, &call, &greeting, verdict != AGENT_OPEN);
}

static bool make_room(void *context)
{
	struct haproxy *haproxy = context;

	return agent_linger_drop_oldest(&haproxy->linger);
}

static int haproxy_open(void *self, const void *conf, const struct env *env)
{
	struct haproxy *haproxy = self;
	const struct haproxy_conf *settings = conf;
	const struct listeners_conf listeners = {
		.subject = "agent-check",
		.section = "haproxy",
		.listen = &settings->listen,
		.allow = &settings->allow,
		.accepted = answer_caller,
		.make_room = make_room,
		.context = haproxy,
	};

	haproxy->env = env;
	if (agent_linger_open(&haproxy->linger, env, call_settled, haproxy) < 0) {
		log_error("agent-check: the event loop has no timer left");
		return -ENOSPC;
	}
	return listeners_open(&haproxy->listeners, &listeners, env);
}

static int haproxy_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct haproxy *haproxy = self;
	size_t count = agent_callers_count(&haproxy->callers, now_ns);

	if (count < AGENT_CALLERS && now_ns - haproxy->crowd_ns >= CROWD_NS)
		complaint_clear(&haproxy->crowd, "agent-check: counting load balancers");
	batch_value(ret_batch, METRIC_BALANCERS, (int64_t)count);
	return 0;
}

static int haproxy_publish(void *self, const struct report *report)
{
	struct haproxy *haproxy = self;

	if (report->kind != REPORT_DECISION)
		return 0;
	haproxy->decision = *report->decision;
	haproxy->decided = true;
	listeners_accept(&haproxy->listeners);
	return 0;
}

static bool haproxy_stop(void *self)
{
	struct haproxy *haproxy = self;

	if (haproxy->env->leaving == LEAVING_SOON)
		return true;
	if (haproxy->env->leaving == LEAVING_NOW) {
		listeners_leave(&haproxy->listeners);
		return !agent_linger_look(&haproxy->linger);
	}
	haproxy->stopping = true;
	/* Nothing was told, or nothing may be taken back: the operator's hold outlives us. */
	if (!haproxy->decided || haproxy->env->dry_run || haproxy->decision.drain)
		return true;
	return agent_callers_stopped(&haproxy->callers, env_now_ns(haproxy->env));
}

static void write_caller(struct json *json, const struct agent_caller *caller, int64_t now_ns,
			 uint32_t undrain)
{
	unsigned readies_left = agent_caller_readies_left(caller, undrain);
	char text[ADDR_TEXT_SIZE];

	agent_host_format(&caller->host, text, sizeof(text));
	json_object(json, NULL);
	json_text(json, "name", caller->name[0] ? caller->name : NULL);
	json_text(json, "address", text);
	json_decimal(json, "seen_s", (now_ns - caller->seen_ns) / NS_PER_MS, 3);
	if (caller->interval_ns > 0)
		json_int(json, "interval_ms", caller->interval_ns / NS_PER_MS);
	if (readies_left > 0)
		json_int(json, "ready_left", readies_left);
	json_object_end(json);
}

static void haproxy_status(const void *self, struct json *json)
{
	const struct haproxy *haproxy = self;
	int64_t now_ns = env_now_ns(haproxy->env);

	listeners_status(&haproxy->listeners, json);
	json_int(json, "answers", haproxy->answers);
	json_int(json, "junk", haproxy->junk);
	json_array(json, "balancers");
	for (size_t i = 0; i < haproxy->callers.count; i++) {
		const struct agent_caller *caller = &haproxy->callers.list[i];

		if (agent_caller_lately(caller, now_ns))
			write_caller(json, caller, now_ns, get_undrain(haproxy));
	}
	json_array_end(json);
}

static size_t haproxy_balancers(const void *self, struct balancer *ret_balancers, size_t room)
{
	static const char *const words[] = {
		[AGENT_WORD_NONE] = NULL,
		[AGENT_WORD_DRAIN] = "drain",
		[AGENT_WORD_READY] = "ready",
	};
	const struct haproxy *haproxy = self;
	int64_t now_ns = env_now_ns(haproxy->env);
	size_t count = 0;

	for (size_t i = 0; i < haproxy->callers.count && count < room; i++) {
		const struct agent_caller *caller = &haproxy->callers.list[i];

		if (!agent_caller_lately(caller, now_ns))
			continue;
		struct balancer *balancer = &ret_balancers[count++];
		*balancer = (struct balancer){.by = haproxy_notifier.module.name,
					      .seen_ns = caller->seen_ns,
					      .interval_ns = caller->interval_ns,
					      .told = words[caller->told]};
		snprintf(balancer->name, sizeof(balancer->name), "%s", caller->name);
		agent_host_format(&caller->host, balancer->address, sizeof(balancer->address));
	}
	return count;
}

static void haproxy_probe(const void *conf, bool running, module_note_fn *note, void *context)
{
	const struct haproxy_conf *settings = conf;

	if (!running)
		listeners_probe(&settings->listen, "haproxy", note, context);
	if (settings->listen.count && listeners_local(&settings->listen))
		note(context, MODULE_ADVICE, "nobody else can ask",
		     "only load balancers on this machine can ask it: set listen = :9777 in [haproxy], "
		     "and allow to the others");
}

static void haproxy_close(void *self)
{
	struct haproxy *haproxy = self;

	listeners_close(&haproxy->listeners);
	agent_linger_close(&haproxy->linger);
}

const struct notifier haproxy_notifier = {
	.module =
		{
			.name = "haproxy",
			.metrics = haproxy_metrics,
			.metric_count = METRICS,
			.conf = haproxy_items,
			.conf_size = sizeof(struct haproxy_conf),
			.probe = haproxy_probe,
			.self_size = sizeof(struct haproxy),
			.open = haproxy_open,
			.read = haproxy_read,
			.close = haproxy_close,
		},
	.wants = 1u << REPORT_DECISION,
	.publish = haproxy_publish,
	.stop = haproxy_stop,
	.status = haproxy_status,
	.balancers = haproxy_balancers,
};
