/* SPDX-License-Identifier: MIT */
/*
 * Runs an operator's program when the state changes: `program STATE`, with the decision as one line of JSON on
 * its standard input. One at a time, and the newest state only: a program that is slow hears of where things
 * went meanwhile, not of each step. What the last one was told is "before" for the next.
 *
 * Nothing depends on what it does: it has a limit, less of everything than we have (child.c), and how it
 * ended is counted and told. Not as root: then everything that may change that file would be root, too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/render.h"
#include "notifiers/child.h"
#include "notifiers/launch.h"
#include "notifiers/notifiers.h"

/* On leaving it may go on for this long, then it is asked to end. */
#define STOP_NS NS_PER_S
#define LINE_SIZE 160
/* A decision has 500 bytes with the longest reason, all of it escaped. */
#define TEXT_SIZE 1024

static const char off_empty[] = "no program is run: set program in section [hook]";
static const char off_root[] =
	"no program is run as root: start hostingpid as a user of its own (the systemd unit does)";
/* Who looks may be root and the agent not. */
static const char inspected_by_root[] =
	"not as root: the agent has to be a user of its own (as the systemd unit makes it)";
static const char off_dry[] = "no program is run in a dry run";

struct hook_conf {
	char program[CHILD_PATH_SIZE];
	int64_t timeout;
};

struct hook {
	const struct hook_conf *conf;
	const struct env *env;
	const struct overview *overview;
	const char *off; /* why no program is ever run; NULL: it is */
	const char *why; /* why what waits does not run now; NULL: nothing waits */
	bool stopping, waits, told;
	struct decision decision; /* the newest */
	enum control_state state; /* that the last program was told, if one was */
	struct launch launch;
	struct child_command command;
	struct child child;
	int64_t runs, failed;
	char last[LINE_SIZE + 96]; /* how the last one ended, for people; empty: none did */
	int64_t last_ms;
};

static const struct conf_item hook_items[] = {
	CONF_ROW(struct hook_conf, program, CONF_PATH, "",
		 .help = "program to run when the state changes; empty: none"),
	CONF_ROW(struct hook_conf, timeout, CONF_DURATION, "10s", .min = NS_PER_S,
		 .max = 600 * NS_PER_S, .help = "longest time that it may take"),
	{.key = NULL},
};

/* The last line that has something in it, printable. */
static void take_line(const struct child *child, char *line, size_t size)
{
	size_t end = child->used, start, length;

	while (end > 0 && (child->output[end - 1] == '\n' || child->output[end - 1] == '\r' ||
			   child->output[end - 1] == ' '))
		end--;
	for (start = end; start > 0 && child->output[start - 1] != '\n';)
		start--;
	length = end - start < size - 1 ? end - start : size - 1;
	memcpy(line, child->output + start, length);
	line[length] = '\0';
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
}

/* How it ended, in words; true if that was well. */
static bool judge_end(const struct hook *hook, char *text, size_t size)
{
	const struct child *child = &hook->child;

	switch (child->end) {
	case CHILD_LATE:
		snprintf(text, size, "took too long and was ended");
		return false;
	case CHILD_KILLED:
		snprintf(text, size, "was ended by signal %d", child->code);
		return false;
	case CHILD_EXITED:
	case CHILD_RUNS:
		break;
	}
	if (child->code == 0)
		snprintf(text, size, "done");
	else
		snprintf(text, size, "ended with %d", child->code);
	return child->code == 0;
}

static void conclude(struct hook *hook)
{
	char end[64], line[LINE_SIZE];
	bool well = judge_end(hook, end, sizeof(end));

	take_line(&hook->child, line, sizeof(line));
	if (!well)
		hook->failed++;
	hook->last_ms = env_wall_ms(hook->env);
	snprintf(hook->last, sizeof(hook->last), "%s: %s%s%s", control_state_words[hook->state],
		 end, line[0] ? ": " : "", line);
	log_message(well ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "hook: %s", hook->last);
}

static void on_child(void *context);

static int start(struct hook *hook, int64_t now_ns)
{
	const char *state = control_state_words[hook->decision.state];
	char text[TEXT_SIZE];
	struct json json;
	int length;

	json_start(&json, text, sizeof(text) - 1);
	json_object(&json, NULL);
	json_int(&json, "ts", env_wall_ms(hook->env));
	json_text(&json, "id", hook->env->id);
	json_text(&json, "before", hook->told ? control_state_words[hook->state] : "start");
	render_decision_members(&json, &hook->decision);
	json_object_end(&json);
	length = json_finish(&json);
	if (length < 0)
		return length;
	text[length++] = '\n';
	hook->command.arguments[1] = (char *)(uintptr_t)state; /* execve() changes nothing */
	hook->child.tail = true;
	return child_start(&hook->child, hook->env, &hook->command, text, (size_t)length,
			   now_ns + hook->conf->timeout, on_child, hook);
}

/* Why no program can be started now. At each step: it must see what fails also while nothing waits. */
static const char *look(struct hook *hook)
{
	struct snapshot snapshot;

	if (!hook->overview)
		return "the readings are not known yet";
	snapshot = hook->overview->snapshot(hook->overview);
	return launch_forbidden(&hook->launch, &snapshot);
}

static void move_on(struct hook *hook, int64_t now_ns)
{
	const char *forbidden = look(hook);
	int result;

	if (child_step(&hook->child, now_ns))
		conclude(hook);
	hook->why = NULL;
	if (!hook->waits || hook->stopping)
		return;
	hook->why = hook->child.pid ? "the one before still runs" : forbidden;
	if (hook->why)
		return;
	hook->waits = false;
	hook->runs++;
	result = start(hook, now_ns);
	hook->told = true;
	hook->state = hook->decision.state;
	if (result == 0)
		return;
	hook->failed++;
	hook->last_ms = env_wall_ms(hook->env);
	snprintf(hook->last, sizeof(hook->last), "%s: cannot be started: %s",
		 control_state_words[hook->state], strerrordesc_np(-result));
	log_warning("hook: %s", hook->last);
}

static void on_child(void *context)
{
	struct hook *hook = context;

	move_on(hook, env_now_ns(hook->env));
}

static int hook_open(void *self, const void *conf, const struct env *env)
{
	struct hook *hook = self;

	hook->conf = conf;
	hook->env = env;
	if (!hook->conf->program[0])
		hook->off = off_empty;
	else if (env->dry_run)
		hook->off = off_dry;
	else if (geteuid() == 0)
		hook->off = off_root;
	if (hook->off == off_root)
		log_warning("hook: %s", hook->off);
	if (hook->off)
		return 0;
	snprintf(hook->command.program, sizeof(hook->command.program), "%s", hook->conf->program);
	hook->command.arguments[0] = hook->command.program;
	child_command_environment(&hook->command);
	return 0;
}

static int hook_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct hook *hook = self;

	(void)ret_batch;
	if (!hook->off)
		move_on(hook, now_ns);
	return 0;
}

static int hook_publish(void *self, const struct report *report)
{
	struct hook *hook = self;

	if (hook->off)
		return 0;
	if (report->kind == REPORT_ABOUT) {
		hook->overview = report->about->overview;
		return 0;
	}
	hook->decision = *report->decision;
	/* What was told while it ran may be true again. */
	hook->waits = !hook->told || hook->decision.state != hook->state;
	if (hook->waits)
		move_on(hook, env_now_ns(hook->env));
	return 0;
}

static bool hook_stop(void *self)
{
	struct hook *hook = self;
	int64_t now_ns = env_now_ns(hook->env);

	hook->stopping = true;
	child_hurry(&hook->child, now_ns + STOP_NS);
	if (hook->child.pid)
		move_on(hook, now_ns);
	return hook->child.pid == 0;
}

static void hook_status(const void *self, struct json *json)
{
	const struct hook *hook = self;

	if (hook->off) {
		json_text(json, "off", hook->off);
		return;
	}
	json_text(json, "program", hook->conf->program);
	json_bool(json, "running", hook->child.pid != 0);
	json_int(json, "runs", hook->runs);
	json_int(json, "failed", hook->failed);
	json_text(json, "why_waiting", hook->why);
	if (hook->last[0]) {
		json_int(json, "last_ts", hook->last_ms);
		json_text(json, "last", hook->last);
	}
}

/* The program runs as the agent: whoever may write to it is the agent. */
static const char *hook_inspect(const void *settings, module_tell_fn *tell, void *context)
{
	const struct hook_conf *conf = settings;
	char text[MODULE_SENTENCE_SIZE];
	struct stat st;

	if (!conf->program[0])
		return off_empty;
	if (stat(conf->program, &st) < 0) {
		snprintf(text, sizeof(text), "%s: %s: install it, or leave program empty",
			 conf->program, strerrordesc_np(errno));
		tell(context, "program", text);
	} else if (!S_ISREG(st.st_mode) || access(conf->program, X_OK) < 0) {
		snprintf(text, sizeof(text), "%s cannot be started: chmod 755 it", conf->program);
		tell(context, "program", text);
	} else if (st.st_mode & S_IWOTH) {
		snprintf(text, sizeof(text), "%s can be changed by everybody: chmod o-w it",
			 conf->program);
		tell(context, "program", text);
	}
	return geteuid() == 0 ? inspected_by_root : NULL;
}

static void hook_close(void *self)
{
	struct hook *hook = self;

	child_close(&hook->child);
}

const struct notifier hook_notifier = {
	.module =
		{
			.name = "hook",
			.conf = hook_items,
			.conf_size = sizeof(struct hook_conf),
			.self_size = sizeof(struct hook),
			.inspect = hook_inspect,
			.open = hook_open,
			.read = hook_read,
			.close = hook_close,
		},
	.wants = 1u << REPORT_ABOUT | 1u << REPORT_DECISION,
	.publish = hook_publish,
	.stop = hook_stop,
	.status = hook_status,
};
