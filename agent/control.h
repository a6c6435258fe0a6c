/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of the control socket RUN_DIR/control.sock: one JSON object per line in, one JSON
 * document per line out. Who may ask is decided by the mode of the socket (0660, group hostingpi),
 * who did ask for a change is logged.
 *
 *   {"command":"status"}                      the status document
 *   {"command":"drain","reason":"new card"}   {"ok":true}; the reason may be left out
 *   {"command":"ready"}                       {"ok":true}
 *   {"command":"handover"}                    {"ok":true}: SIGTERM within 30 s says no goodbye
 *   {"command":"message","text":"hello"}      {"ok":true,"id":"..."}: whoever posts has queued it
 *   anything else                             {"error":"what is wrong, what is allowed"}
 */
#ifndef HOSTINGPI_CONTROL_H
#define HOSTINGPI_CONTROL_H

#include <stddef.h>

#include "agent/controller.h"
#include "agent/env.h"

/* 8: a few terminals with `watch` and a script; more than this wait for no one, they are told. */
#define CONTROL_CLIENTS 8
/* 4096: the longest text of a message has 2000 bytes, of which quotes and line ends take two. */
#define CONTROL_LINE_MAX 4096
/* 32 KiB: the longest state document, and what notifiers tell of themselves. */
#define CONTROL_ANSWER_SIZE 32768
/* 48 characters: a decision's reason has 63, the rest is for the words that go before this one. */
#define CONTROL_REASON_SIZE 49
/* A client that has not finished a request and taken its answer within this time is dropped. */
#define CONTROL_IDLE_NS (10 * NS_PER_S)

struct control_ops {
	/* Writes the status document (one line). Returns its length, or -ENOSPC. */
	int (*status)(void *context, char *buffer, size_t size);
	/*
	 * Takes over REQUEST_DRAIN, REQUEST_READY or REQUEST_HANDOVER; 0 or negative errno. reason is NULL if none was
	 * given, else 1..48 printable ASCII characters without '#', valid during the call.
	 */
	int (*request)(void *context, enum control_request request, const char *reason);
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

/* Drops all clients and removes the socket, if it is still ours. NULL is fine. */
void control_free(struct control *control);

/* What was asked for, for tests and fuzzing as well. */
struct control_command {
	enum control_request request;	  /* REQUEST_NONE: the status, or a message */
	char reason[CONTROL_REASON_SIZE]; /* empty: none was given */
	char text[OPERATOR_TEXT_SIZE];	  /* of a message; empty: it is none */
};

/*
 * Parses one line without its line end. Returns 0, or -EINVAL with one sentence in ret_error that says
 * what is allowed (120 bytes hold all of them).
 */
int control_parse(const char *line, size_t length, struct control_command *ret_command,
		  char *ret_error, size_t size);

#endif
