/* SPDX-License-Identifier: MIT */
/*
 * A story begins with the first decision that sheds and ends when all was normal for five minutes. In
 * between each degree is told at most once: shed when it lasted 30 seconds in all, hard at once, which
 * makes shed old news. What was told has an end to be told; what was too short to be told has none. So a
 * story is three messages at most, however often the state changed.
 *
 * A Pi that comes back (recover), is held by an operator or cannot judge (blind) is neither in trouble
 * nor calm: nothing new begins, and the story does not end.
 *
 * Incidents are critical events, each kind once an hour. The change of state is not one: that is what the
 * story tells.
 */
#include "notifiers/post_story.h"

#include <string.h>

void post_story_start(struct post_story *story, int64_t at_ns)
{
	story->start_waits = true;
	story->start_ns = at_ns;
}

static enum post_trouble trouble_of(enum control_state state)
{
	switch (state) {
	case CONTROL_SHED:
		return POST_TROUBLE_SHED;
	case CONTROL_HARD:
		return POST_TROUBLE_HARD;
	case CONTROL_NORMAL:
	case CONTROL_RECOVER:
	case CONTROL_HOLD:
	case CONTROL_BLIND:
	case CONTROL_STATES:
		break;
	}
	return POST_TROUBLE_NONE;
}

/* Counts the time since the last look. */
static void step(struct post_story *story, int64_t now_ns)
{
	if (story->open && story->now == POST_TROUBLE_SHED && now_ns > story->step_ns)
		story->shed_ns += now_ns - story->step_ns;
	if (!story->calm)
		story->last_ns = now_ns;
	story->step_ns = now_ns;
}

static void take_news(struct post_story *story, enum post_trouble trouble,
		      const struct decision *decision, int64_t now_ns)
{
	if (trouble <= story->told || trouble <= story->news)
		return;
	story->news = trouble;
	story->news_ns = now_ns;
	story->decision = *decision;
}

void post_story_decision(struct post_story *story, const struct decision *decision, int64_t now_ns)
{
	enum post_trouble trouble = trouble_of(decision->state);

	step(story, now_ns);
	story->now = trouble;
	story->calm = decision->state == CONTROL_NORMAL;
	if (trouble == POST_TROUBLE_NONE)
		return;
	if (!story->open) {
		story->open = true;
		story->began_ns = story->last_ns = now_ns;
		story->shed_ns = 0;
		story->told = story->news = POST_TROUBLE_NONE;
	}
	if (trouble == POST_TROUBLE_HARD)
		take_news(story, trouble, decision, now_ns);
	else if (story->news < POST_TROUBLE_SHED && story->told < POST_TROUBLE_SHED)
		story->decision = *decision; /* what will be told if it lasts */
}

/* True if this kind was not taken in the last hour; then it is now. */
static bool take_kind(struct post_story *story, const char *kind, int64_t now_ns)
{
	size_t place = 0;

	for (size_t i = 0; i < POST_STORY_KINDS; i++) {
		if (strcmp(story->recent[i].kind, kind) == 0) {
			if (now_ns - story->recent[i].at_ns < POST_STORY_SAME_NS)
				return false;
			place = i;
			break;
		}
		if (!story->recent[i].kind[0] ||
		    (story->recent[place].kind[0] &&
		     story->recent[i].at_ns < story->recent[place].at_ns))
			place = i;
	}
	text_copy(story->recent[place].kind, sizeof(story->recent[place].kind), kind);
	story->recent[place].at_ns = now_ns;
	return true;
}

void post_story_event(struct post_story *story, const struct event *event, int64_t now_ns)
{
	struct post_incident *incident;

	if (event->severity != SEVERITY_CRITICAL || strcmp(event->kind, "state") == 0 ||
	    strcmp(event->kind, "start") == 0 || !take_kind(story, event->kind, now_ns))
		return;
	if (story->waiting_count == POST_STORY_WAITING) {
		story->passed_over++;
		return;
	}
	incident = &story->waiting[story->waiting_count++];
	incident->at_ns = now_ns;
	text_copy(incident->kind, sizeof(incident->kind), event->kind);
	text_copy(incident->text, sizeof(incident->text), event->text);
}

static bool next_incident(struct post_story *story, struct post_news *ret_news)
{
	if (story->waiting_count == 0)
		return false;
	ret_news->kind = POST_INCIDENT;
	ret_news->at_ns = story->waiting[0].at_ns;
	memcpy(ret_news->about, story->waiting[0].kind, sizeof(ret_news->about));
	memcpy(ret_news->text, story->waiting[0].text, sizeof(ret_news->text));
	story->waiting_count--;
	memmove(&story->waiting[0], &story->waiting[1],
		story->waiting_count * sizeof(story->waiting[0]));
	return true;
}

static bool next_trouble(struct post_story *story, struct post_news *ret_news)
{
	if (story->news == POST_TROUBLE_NONE)
		return false;
	ret_news->kind = story->news == POST_TROUBLE_HARD ? POST_HARD : POST_SHED;
	ret_news->at_ns = story->news_ns;
	ret_news->decided = true;
	ret_news->decision = story->decision;
	story->told = story->news;
	story->news = POST_TROUBLE_NONE;
	return true;
}

static bool next_end(struct post_story *story, int64_t now_ns, struct post_news *ret_news)
{
	if (!story->open || !story->calm || now_ns - story->last_ns < POST_STORY_CALM_NS)
		return false;
	story->open = false;
	/* Nobody heard of it: nobody needs to hear that it is over. */
	story->news = POST_TROUBLE_NONE;
	if (story->told == POST_TROUBLE_NONE)
		return false;
	ret_news->kind = POST_NORMAL;
	ret_news->at_ns = story->last_ns;
	ret_news->duration_ns = story->last_ns - story->began_ns;
	return true;
}

bool post_story_next(struct post_story *story, int64_t now_ns, struct post_news *ret_news)
{
	*ret_news = (struct post_news){.at_ns = now_ns};
	step(story, now_ns);
	if (story->open && story->now == POST_TROUBLE_SHED && story->shed_ns >= POST_STORY_SHED_NS)
		take_news(story, POST_TROUBLE_SHED, &story->decision, now_ns);
	if (story->start_waits && now_ns >= story->start_ns) {
		story->start_waits = false;
		ret_news->kind = POST_START;
		return true;
	}
	return next_end(story, now_ns, ret_news) || next_trouble(story, ret_news) ||
	       next_incident(story, ret_news);
}
