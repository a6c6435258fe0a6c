/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of the control socket RUN_DIR/control.sock: one JSON object per line in, one JSON
 * document per line out. Who may ask is decided by the mode of the socket (0660, group hostingpi),
 * who did ask for a change is logged.
 *
 *   {"command":"status"}                      the status document
 *   {"command":"history"}                     which readings have a course, and over what times
 *   {"command":"history","series":"mem.headroom_bytes","span":"hour"}   that course; hour may be left out
 *   {"command":"events","count":10}           the newest events; without count all that are kept
 *   {"command":"drain","reason":"new card","for_s":600}   {"ok":true}; both may be left out
 *   {"command":"ready","reason":"done"}       {"ok":true}; the reason may be left out
 *   {"command":"handover"}                    {"ok":true}: SIGTERM within 30 s says no goodbye
 *   {"command":"message","text":"hello"}      {"ok":true,"id":"..."}: whoever posts has queued it
 *   anything else                             {"error":"what is wrong, what is allowed"}
 */
#ifndef HOSTINGPI_CONTROL_H
#define HOSTINGPI_CONTROL_H

#include <stddef.h>

#include "agent/controller.h"
#include "agent/env.h"
#include "agent/history.h"

/* 8: a few terminals with `watch` and a script; more than this wait for no one, they are told. */
#define CONTROL_CLIENTS 8
/* 4096: the longest text of a message has 2000 bytes, of which quotes and line ends take two. */
#define CONTROL_LINE_MAX 4096
/* 32 KiB: the longest state document, and what notifiers tell of themselves. */
#define CONTROL_ANSWER_SIZE 32768
/* "group.field": the longest name of all readings has 27 characters. */
#define CONTROL_SERIES_SIZE 64
/* A drain that ends by itself does so within 30 days. */
#define CONTROL_FOR_MOST_S (INT64_C(30) * 24 * 3600)
/* 48 characters: a decision's reason has 63, the rest is for the words that go before this one. */
#define CONTROL_REASON_SIZE 49
/* A client that has not finished a request and taken its answer within this time is dropped. */
#define CONTROL_IDLE_NS (10 * NS_PER_S)

enum control_verb {
	VERB_STATUS,
	VERB_HISTORY,
	VERB_EVENTS,
	VERB_DRAIN,
	VERB_READY,
	VERB_HANDOVER,
	VERB_MESSAGE,
};

/* One request. */
struct control_command {
	enum control_verb verb;
	/* Of drain and ready: printable ASCII without '#'; empty: none was given. */
	char reason[CONTROL_REASON_SIZE];
	int64_t for_s;		       /* of drain: it ends by itself after that; 0: it does not */
	char text[OPERATOR_TEXT_SIZE]; /* of message: as in struct operator_message */
	char series[CONTROL_SERIES_SIZE]; /* of history; empty: which ones there are */
	enum history_span span;
	size_t count; /* of events: at most that many */
};

struct control_ops {
	/*
	 * Writes the document that status, history or events asks for (one line). Returns its length, or
	 * negative errno with one printable sentence in ret_error (CONTROL_SENTENCE_SIZE bytes).
	 */
	int (*document)(void *context, const struct control_command *command, char *buffer,
			size_t size, char *ret_error, size_t error_size);
	/* Takes over drain, ready or handover; 0 or negative errno, -EOPNOTSUPP without systemd. */
	int (*request)(void *context, const struct control_command *command);
	/*
	 * Hands an operator's message to whoever posts: text as in struct operator_message, valid
	 * during the call. Returns 0 with its name in ret_id, or negative errno with one printable
	 * sentence in ret_error (CONTROL_SENTENCE_SIZE bytes) that says why it is not taken.
	 */
	int (*message)(void *context, const char *text, char ret_id[OPERATOR_ID_SIZE],
		       char *ret_error, size_t size);
};

/* A sentence about a request that is refused. */
#define CONTROL_SENTENCE_SIZE 128

struct control;

/*
 * Opens the socket below env->run_dir (which is made if it is missing) and serves it. ops and context
 * must outlive it. NULL with errno on failure, which has been logged: EADDRINUSE means that another
 * daemon lives on this run_dir (an error: do not go on); everything else is a warning, and the agent
 * goes on without a control socket.
 */
struct control *control_new(const struct env *env, const struct control_ops *ops, void *context);

/* False if its file is gone, or is another one: it serves whoever is connected, and nobody else. */
bool control_is_there(const struct control *control);

/* Drops all clients and removes the socket, if it is still ours. NULL is fine. */
void control_free(struct control *control);

/* What it is called in a request. */
const char *control_verb_name(enum control_verb verb);

/*
 * Parses one line without its line end, for tests and fuzzing as well. Returns 0, or -EINVAL with one sentence in ret_error that says
 * what is allowed (120 bytes hold all of them).
 */
int control_parse(const char *line, size_t length, struct control_command *ret_command,
		  char *ret_error, size_t size);

#endif
