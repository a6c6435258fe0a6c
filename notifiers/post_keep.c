/* SPDX-License-Identifier: MIT */
/*
 * What is remembered over a restart. Where nothing is remembered in a folder that works, the machine was
 * booted (or this was set up just now): the budget is full, and a start is told after a minute. Where the
 * folder does not work nobody knows what an earlier life has said: then one went out just now, as far as we
 * know, there is one token, and no start is told. An agent that crashes again and again says nothing.
 */
#include <string.h>

#include "notifiers/post_memory.h"
#include "notifiers/post_self.h"

/* The figures of the day that a killed agent may lose. */
#define KEEP_NS (300 * NS_PER_S)

/* A shorter gap is for those who want to see something soon. */
static int64_t start_wait_ns(const struct post *self)
{
	return self->conf->min_gap < POST_STORY_START_NS ? self->conf->min_gap
							 : POST_STORY_START_NS;
}

static void begin_anew(struct post *self, int64_t now_ns)
{
	if (self->outbox.fd >= 0) {
		post_story_start(&self->story, now_ns + start_wait_ns(self));
		return;
	}
	post_budget_gone(&self->budget, now_ns);
	self->budget.credit_ns = self->budget.token_ns;
}

static void restore_story(struct post_story *story, const struct post_memory *memory,
			  int64_t now_ns)
{
	story->open = memory->open != 0;
	story->told =
		(enum post_trouble)clamp_i64(memory->told, POST_TROUBLE_NONE, POST_TROUBLE_HARD);
	story->began_ns = clamp_i64(memory->began_ns, 0, now_ns);
	story->last_ns = clamp_i64(memory->quiet_ns, 0, now_ns);
	story->shed_ns = clamp_i64(memory->shed_ns, 0, now_ns);
	story->step_ns = now_ns;
	story->calm = true; /* until the first decision says otherwise */
}

static struct post_number number_of(int64_t known, int64_t value)
{
	return (struct post_number){known != 0, value};
}

void post_restore(struct post *self, int64_t now_ns)
{
	char text[POST_MEMORY_SIZE];
	struct post_memory memory;
	struct post_day *day = &self->facts.day;

	post_budget_init(&self->budget, self->conf->max_per_day, self->conf->min_gap, now_ns);
	day->since_ns = now_ns;
	self->memory_due_ns = now_ns + KEEP_NS;
	if (post_outbox_read(&self->outbox, POST_MEMORY_NAME, text, sizeof(text)) < 0 ||
	    post_memory_parse(text, &memory) < 0) {
		begin_anew(self, now_ns);
		return;
	}
	post_budget_restore(&self->budget,
			    &(struct post_budget){.credit_ns = memory.credit_ns,
						  .stamp_ns = memory.stamp_ns,
						  .gone = memory.gone != 0,
						  .last_ns = memory.last_ns},
			    now_ns);
	restore_story(&self->story, &memory, now_ns);
	if (memory.start_waits)
		post_story_start(&self->story, now_ns + start_wait_ns(self));
	self->posted = memory.posted;
	self->duplicates = memory.duplicates;
	self->rejected = memory.rejected;
	self->dropped = memory.dropped;
	self->unsure = memory.unsure;
	self->daily_day = memory.daily_day;
	day->since_ns = clamp_i64(memory.day_since_ns, 0, now_ns);
	day->requests = number_of(memory.requests_known, memory.requests);
	day->temp_max = number_of(memory.temp_known, memory.temp);
	day->headroom_min = number_of(memory.headroom_known, memory.headroom);
}

void post_keep(struct post *self, int64_t now_ns)
{
	const struct post_story *story = &self->story;
	const struct post_day *day = &self->facts.day;
	char text[POST_MEMORY_SIZE];
	const struct post_memory memory = {
		.credit_ns = self->budget.credit_ns,
		.stamp_ns = self->budget.stamp_ns,
		.gone = self->budget.gone,
		.last_ns = self->budget.last_ns,
		.posted = self->posted,
		.duplicates = self->duplicates,
		.rejected = self->rejected,
		.dropped = self->dropped,
		.unsure = self->unsure,
		.daily_day = self->daily_day,
		.start_waits = story->start_waits,
		.open = story->open,
		.told = (int64_t)story->told,
		.began_ns = story->began_ns,
		.quiet_ns = story->last_ns,
		.shed_ns = story->shed_ns,
		.day_since_ns = day->since_ns,
		.requests_known = day->requests.known,
		.requests = day->requests.value,
		.temp_known = day->temp_max.known,
		.temp = day->temp_max.value,
		.headroom_known = day->headroom_min.known,
		.headroom = day->headroom_min.value,
	};

	if (!self->memory_changed && now_ns < self->memory_due_ns)
		return;
	self->memory_changed = false;
	self->memory_due_ns = now_ns + KEEP_NS;
	post_outbox_write(&self->outbox, POST_MEMORY_NAME, text, post_memory_format(&memory, text));
}
