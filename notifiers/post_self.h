/* SPDX-License-Identifier: MIT */
/* The notifier's own state, shared by its files and by nobody else. */
#ifndef HOSTINGPI_POST_SELF_H
#define HOSTINGPI_POST_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "agent/env.h"
#include "agent/log.h"
#include "notifiers/notifiers.h"
#include "notifiers/post_budget.h"
#include "notifiers/child.h"
#include "notifiers/post_command.h"
#include "notifiers/post_conf.h"
#include "notifiers/post_facts.h"
#include "notifiers/post_outbox.h"
#include "notifiers/post_pace.h"
#include "notifiers/post_result.h"
#include "notifiers/post_story.h"

/* Attempts that the status tells of: who waits for one asks twice a second. */
#define POST_RECENT 8
/* Events until the next read, a second later. */
#define POST_EVENTS 8

/* One attempt that has ended, or a message that was dropped. */
struct post_attempt {
	char id[OPERATOR_ID_SIZE];
	int kind;
	int64_t at_ms;
	char result[16]; /* a word of post_result_words, "dropped", or "unsure" */
	struct post_result answer;
};

/* Whether a file is still the one that it was. */
struct post_stamp {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct post {
	const struct post_conf *conf;
	const struct env *env;
	bool stopping;	 /* nothing new begins */
	const char *off; /* why nothing is posted at all; NULL: it is */
	bool decided;
	struct decision decision;
	struct post_facts facts;
	const struct overview *overview; /* NULL: not known yet */
	unsigned loads;			 /* of the configuration, as it was told last */
	struct post_story story;
	struct post_budget budget;
	struct post_pace pace;
	struct child_command command;
	struct child child;
	struct post_outbox outbox;
	int64_t daily_day;

	int64_t posted, duplicates, rejected, dropped;
	int64_t unsure;	 /* given up after an attempt that may have arrived */
	int64_t sure_ns; /* maybe_ns of the message that is being sent, before this attempt */
	struct post_attempt recent[POST_RECENT];
	size_t recent_count; /* in all; the newest is at (recent_count - 1) % POST_RECENT */
	struct {
		enum severity severity;
		char text[EVENT_TEXT_SIZE];
	} events[POST_EVENTS];
	size_t event_count;

	const char *why;      /* nothing is sent now; NULL: nothing waits */
	int64_t next_ns;      /* when the next attempt may be; 0: not known */
	int64_t stamp_due_ns; /* when to look at the credentials again */
	struct post_stamp stamp;
	int64_t memory_due_ns;
	bool memory_changed;
	struct complaint trouble;
};

/* post_record.c: what became of messages. Tells an event at the next read. */
void post_event(struct post *self, enum severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Remembers an attempt for the status. */
void post_remember(struct post *self, const struct post_message *message, const char *word,
		   const struct post_result *answer);

/* post_tell.c: what happened becomes messages in the outbox. */
void post_tell(struct post *self, int64_t now_ns);
/* An operator's: 0 or negative errno. */
int post_tell_operator(struct post *self, const struct operator_message *message, int64_t now_ns);
/* For the outbox: counts a message that is dropped, and tells of it. */
void post_on_dropped(void *context, const struct post_message *message, const char *why);

/* post_send.c: the messages in the outbox go out. */
void post_send(struct post *self, int64_t now_ns);
/* Takes in what the program has said by now. */
void post_hear(struct post *self, int64_t now_ns);

/* post_keep.c: what is remembered over a restart. */
void post_restore(struct post *self, int64_t now_ns);
void post_keep(struct post *self, int64_t now_ns);

/* post_status.c */
void post_status(const void *self, struct json *json);
const char *post_inspect(const void *conf, module_tell_fn *tell, void *context);

#endif
