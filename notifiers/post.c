/* SPDX-License-Identifier: MIT */
/*
 * Posts status messages to a service, through a program of its own: libraries that speak HTTP and sign
 * requests, and the secrets, never come into this process.
 *
 * Decisions and events become a story (post_story.c), that becomes texts (post_template.c), these wait in
 * an outbox (post_outbox.c) until budget, pace and weather allow an attempt (post_send.c). All of it moves
 * on once a second, when the core asks for readings, and when the program has something to say.
 *
 * Without a service nothing is opened, and nothing is kept.
 */
#include "notifiers/notifiers.h"

#include <errno.h>
#include <time.h>

#include "notifiers/post_probe.h"
#include "notifiers/post_self.h"
#include "notifiers/post_template.h"

/*
 * Mastodon forgets an Idempotency-Key an hour after the post was made; X refuses the same text for longer
 * than we try. The last attempt must end in time, by a clock that is not ours.
 */
#define MASTODON_REPEAT_NS (56 * 60 * NS_PER_S)

enum {
	METRIC_WAITING,
	METRIC_POSTED,
	METRIC_LOST,
	METRICS,
};

static const struct metric metrics[METRICS] = {
	[METRIC_WAITING] = {.group = "self",
			    .name = "posts_waiting",
			    .kind = METRIC_GAUGE,
			    .unit = UNIT_COUNT,
			    .help = "status messages that wait to be posted"},
	[METRIC_POSTED] = {.group = "self",
			   .name = "posts_total",
			   .kind = METRIC_COUNTER,
			   .unit = UNIT_COUNT,
			   .help = "status messages that the service has"},
	[METRIC_LOST] = {.group = "self",
			 .name = "posts_lost_total",
			 .kind = METRIC_COUNTER,
			 .unit = UNIT_COUNT,
			 .help = "status messages that were refused, or old news before they "
				 "could be posted"},
};

static int post_check(const void *settings, char *ret_error, size_t size)
{
	static const char *const keys[POST_KINDS] = {"text_start",  "text_shed",     "text_hard",
						     "text_normal", "text_incident", "text_daily"};
	const struct post_conf *conf = settings;
	int result = post_conf_check(conf, ret_error, size);

	for (int kind = 0; kind < POST_KINDS && result == 0; kind++)
		result = post_template_check(keys[kind], (enum post_kind)kind,
					     post_conf_template(conf, (enum post_kind)kind),
					     ret_error, size);
	return result;
}

static int post_open(void *context, const void *settings, const struct env *env)
{
	struct post *self = context;

	self->conf = settings;
	self->env = env;
	self->outbox.fd = -1;
	if (self->conf->service == POST_NONE)
		self->off = "nothing is posted: set service in section [post]";
	else if (env->dry_run)
		self->off = "nothing is posted in a dry run";
	if (self->off)
		return 0;
	tzset(); /* reads the time zone from the disk, now and never again */
	post_command_make(&self->command, self->conf->program, env->conf_path);
	if (self->conf->service == POST_MASTODON)
		self->outbox.repeat_ns = MASTODON_REPEAT_NS - self->conf->timeout;
	post_outbox_open(&self->outbox, env->run_dir, post_on_dropped, self);
	post_restore(self, env_now_ns(env));
	return 0;
}

static void hand_in(struct post *self, struct batch *ret_batch)
{
	batch_value(ret_batch, METRIC_WAITING, (int64_t)self->outbox.count);
	batch_value(ret_batch, METRIC_POSTED, self->posted + self->duplicates);
	batch_value(ret_batch, METRIC_LOST, self->rejected + self->dropped);
	for (size_t i = 0; i < self->event_count; i++)
		batch_event(ret_batch, "post", self->events[i].severity, "%s",
			    self->events[i].text);
	self->event_count = 0;
}

/* Samples may be a minute apart, and what woke the core now may be the disk that fails. */
static void look(struct post *self)
{
	struct snapshot snapshot;

	if (!self->overview)
		return;
	snapshot = self->overview->snapshot(self->overview);
	post_facts_look(&self->facts, &snapshot);
}

static int post_read(void *context, int64_t now_ns, struct batch *ret_batch)
{
	struct post *self = context;

	if (!self->off) {
		look(self);
		post_tell(self, now_ns);
		post_send(self, now_ns);
		post_keep(self, now_ns);
	}
	hand_in(self, ret_batch);
	return 0;
}

static int post_publish(void *context, const struct report *report)
{
	struct post *self = context;
	int64_t now_ns = env_now_ns(self->env);

	if (self->off) {
		if (report->kind != REPORT_MESSAGE)
			return 0;
		return self->conf->service == POST_NONE ? -ENOENT : -EPERM;
	}
	switch (report->kind) {
	case REPORT_ABOUT:
		self->overview = report->about->overview;
		if (report->about->loads != self->loads)
			post_pace_reset(&self->pace);
		self->loads = report->about->loads;
		return 0;
	case REPORT_SAMPLE:
		post_facts_sample(&self->facts, report->snapshot);
		return 0;
	case REPORT_DECISION:
		self->decided = true;
		self->decision = *report->decision;
		post_story_decision(&self->story, report->decision, now_ns);
		return 0;
	case REPORT_EVENT:
		post_story_event(&self->story, report->event, now_ns);
		return 0;
	case REPORT_MESSAGE:
		return post_tell_operator(self, report->message, now_ns);
	case REPORT_KINDS:
		break;
	}
	return 0;
}

/* What is being sent gets this long, then it is asked to end; what waits is in its files. */
#define STOP_NS NS_PER_S

static bool post_stop(void *context)
{
	struct post *self = context;
	int64_t now_ns = env_now_ns(self->env);

	if (self->off)
		return true;
	self->stopping = true;
	child_hurry(&self->child, now_ns + STOP_NS);
	if (self->child.pid)
		post_hear(self, now_ns);
	return self->child.pid == 0;
}

static void post_close(void *context)
{
	struct post *self = context;

	if (self->off)
		return;
	child_close(&self->child);
	self->memory_changed = true;
	post_keep(self, env_now_ns(self->env));
	if (self->outbox.count && self->outbox.fd < 0)
		log_warning("post: %zu messages that waited in memory only are lost",
			    self->outbox.count);
	post_outbox_close(&self->outbox);
}

const struct notifier post_notifier = {
	.module =
		{
			.name = "post",
			.metrics = metrics,
			.metric_count = METRICS,
			.conf = post_conf_items,
			.conf_size = sizeof(struct post_conf),
			.more = post_conf_more,
			.self_size = sizeof(struct post),
			.period_ns = NS_PER_S,
			.check = post_check,
			.inspect = post_inspect,
			.probe = post_probe,
			.open = post_open,
			.read = post_read,
			.close = post_close,
		},
	.wants = 1u << REPORT_ABOUT | 1u << REPORT_SAMPLE | 1u << REPORT_DECISION |
		 1u << REPORT_EVENT | 1u << REPORT_MESSAGE,
	.publish = post_publish,
	.stop = post_stop,
	.status = post_status,
};
