/* SPDX-License-Identifier: MIT */
/*
 * Messages that wait to be posted, oldest first: in memory, and each in a file of RUN_DIR/outbox, so that
 * they survive a restart. What must not be posted any more is dropped by rule, never in silence.
 */
#ifndef HOSTINGPI_POST_OUTBOX_H
#define HOSTINGPI_POST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/log.h"
#include "agent/report.h"
#include "notifiers/post_conf.h"

/* A day of the default budget, and some. */
#define POST_OUTBOX_PLACES 32
#define POST_TEXT_SIZE OPERATOR_TEXT_SIZE
/* A file, with each byte of the text escaped; a longer one is not ours. */
#define POST_FILE_SIZE 16384

enum {
	POST_OPERATOR = POST_KINDS, /* an operator's message, beside enum post_kind */
	POST_OUTBOX_KINDS,
};

/* The names of the kinds, null-terminated. */
extern const char *const post_kind_words[];

struct post_message {
	uint32_t number; /* of its file, counts up */
	int kind;	 /* enum post_kind or POST_OPERATOR */
	char id[OPERATOR_ID_SIZE];
	char about[EVENT_KIND_SIZE]; /* kind of an incident; otherwise empty */
	char text[POST_TEXT_SIZE];   /* never changes */
	int64_t created_ms;	     /* wall clock, for people */
	int64_t created_ns;	     /* monotonic: a run_dir does not outlive the boot */
	int64_t attempts;	     /* begun */
	int64_t maybe_ns;	     /* when the first began that may have arrived; 0: none did */
	char last[16];		     /* result of the last one; empty: none has ended */
};

/*
 * Why a message was dropped, for people: "superseded", "too old", "no room", "a repetition would be a
 * second post". One with maybe_ns is not lost: it may have been posted.
 */
typedef void post_dropped_fn(void *context, const struct post_message *message, const char *why);

struct post_outbox {
	int fd; /* of the folder; -1: memory only */
	uint32_t next;
	uint32_t busy;	   /* number of the message that is being sent; 0: none */
	int64_t repeat_ns; /* for how long the service knows a repetition; 0: for good */
	size_t count;
	post_dropped_fn *dropped;
	void *context;
	struct complaint trouble;
	struct post_message messages[POST_OUTBOX_PLACES];
};

/*
 * Opens RUN_DIR/outbox, makes it where needed, and takes in what an earlier life left. What is no message
 * is named in the log and removed. A folder that cannot be used, or that is on a disk, is told: then
 * messages are kept in memory only. dropped may be NULL.
 */
void post_outbox_open(struct post_outbox *outbox, const char *run_dir, post_dropped_fn *dropped,
		      void *context);
void post_outbox_close(struct post_outbox *outbox);

/*
 * Adds a message (number is given here). What it makes old news is dropped. Returns 0, or -ENOSPC if there
 * is no room and nothing that may make room for it.
 */
int post_outbox_add(struct post_outbox *outbox, const struct post_message *message, int64_t now_ns);
/* Drops what is too old to be posted. */
void post_outbox_expire(struct post_outbox *outbox, int64_t now_ns);
/* Writes the file of a message anew, whose attempts or last result changed. */
void post_outbox_update(struct post_outbox *outbox, const struct post_message *message);
/* Removes a message that was posted or refused. */
void post_outbox_remove(struct post_outbox *outbox, struct post_message *message);

/* The one with this number, or NULL. */
struct post_message *post_outbox_find(struct post_outbox *outbox, uint32_t number);

/* A small file beside the messages (post_memory.h). -ENOENT without folder or file. */
int post_outbox_read(const struct post_outbox *outbox, const char *name, char *buffer, size_t size);
/* Written to another name and renamed. A failure is told once. */
void post_outbox_write(struct post_outbox *outbox, const char *name, const char *text,
		       size_t length);

/*
 * The file of a message. Parsing returns 0, or -EINVAL with one sentence; number is not in it. For tests
 * and fuzzing as well.
 */
int post_message_parse(const char *bytes, size_t length, struct post_message *ret_message,
		       char *ret_error, size_t size);
/* Returns the length, or -ENOSPC. */
int post_message_format(const struct post_message *message, char *buffer, size_t size);

#endif
