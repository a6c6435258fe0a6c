/* SPDX-License-Identifier: MIT */
/*
 * What is news becomes a text once, when it is known to be news, and never changes after that: a service
 * recognises by the same text that a second attempt is no second message. Nothing is written while the
 * clock is wrong, because a text carries the time; the story waits.
 */
#include <stdio.h>
#include <string.h>

#include "agent/identity.h"
#include "notifiers/post_daily.h"
#include "notifiers/post_self.h"
#include "notifiers/post_template.h"

void post_on_dropped(void *context, const struct post_message *message, const char *why)
{
	static const struct post_result unsure = {.detail =
							  "may have been posted; not tried again"};
	struct post *self = context;

	self->memory_changed = true;
	if (message->maybe_ns) {
		self->unsure++;
		post_remember(self, message, "unsure", &unsure);
		post_event(self, SEVERITY_WARNING,
			   "%s %s may have been posted; not tried again: %s",
			   post_kind_words[message->kind], message->id, why);
		return;
	}
	self->dropped++;
	post_remember(self, message, "dropped", NULL);
	post_event(self, SEVERITY_INFO, "%s %s dropped: %s", post_kind_words[message->kind],
		   message->id, why);
}

static int add(struct post *self, struct post_message *message, int64_t now_ns)
{
	message->created_ms = env_wall_ms(self->env);
	message->created_ns = now_ns;
	self->memory_changed = true;
	return post_outbox_add(&self->outbox, message, now_ns);
}

/* Headroom moves between two decisions, so that it comes from the readings. */
static void fill_values(const struct post *self, const struct post_news *news, int64_t now_ns,
			struct decision *decision, struct post_values *values)
{
	const struct post_facts *facts = &self->facts;

	*decision = news->decided ? news->decision : self->decision;
	if (!news->decided) {
		decision->headroom_known = facts->headroom_bytes.known;
		decision->headroom_bytes = facts->headroom_bytes.value;
	}
	*values = (struct post_values){
		.id = self->env->id,
		.wall_ms = env_wall_ms(self->env) - (now_ns - news->at_ns) / NS_PER_MS,
		.decision = decision,
		.event = news->kind == POST_INCIDENT ? news->text : NULL,
		.duration_s = {news->kind == POST_NORMAL, news->duration_ns / NS_PER_S},
		.uptime_s = {true, now_ns / NS_PER_S}, /* CLOCK_MONOTONIC begins with the boot */
		.temp = facts->temp_milli,
		.requests = facts->requests_milli,
		.day_s = {true, (now_ns - facts->day.since_ns) / NS_PER_S},
		.day_requests = facts->day.requests,
		.day_temp_max = facts->day.temp_max,
		.day_headroom_min = facts->day.headroom_min,
	};
}

static void tell_news(struct post *self, const struct post_news *news, int64_t now_ns)
{
	const char *text = post_conf_template(self->conf, news->kind);
	struct post_message message = {.kind = (int)news->kind};
	struct post_values values;
	struct decision decision;

	self->memory_changed = true;
	if (!text[0])
		return;
	fill_values(self, news, now_ns, &decision, &values);
	post_template_render(text, &values, message.text, POST_RENDERED_SIZE);
	identity_name_message(self->env, message.id);
	memcpy(message.about, news->about, sizeof(message.about));
	if (add(self, &message, now_ns) < 0)
		post_on_dropped(self, &message, "no room");
}

static void tell_daily(struct post *self, int64_t now_ns)
{
	const struct post_news news = {.kind = POST_DAILY, .at_ns = now_ns};
	int64_t day = self->daily_day;

	if (!self->conf->daily_at[0])
		return;
	if (post_daily_due(self->conf->daily_at, env_wall_ms(self->env), &self->daily_day)) {
		tell_news(self, &news, now_ns);
		self->facts.day = (struct post_day){.since_ns = now_ns};
	}
	if (day != self->daily_day)
		self->memory_changed = true;
}

void post_tell(struct post *self, int64_t now_ns)
{
	struct post_news news;

	if (!self->decided || !env_wall_synced(self->env))
		return;
	while (post_story_next(&self->story, now_ns, &news))
		tell_news(self, &news, now_ns);
	tell_daily(self, now_ns);
	post_outbox_expire(&self->outbox, now_ns);
}

int post_tell_operator(struct post *self, const struct operator_message *operator_message,
		       int64_t now_ns)
{
	struct post_message message = {.kind = POST_OPERATOR};

	snprintf(message.id, sizeof(message.id), "%s", operator_message->id);
	snprintf(message.text, sizeof(message.text), "%s", operator_message->text);
	return add(self, &message, now_ns);
}
