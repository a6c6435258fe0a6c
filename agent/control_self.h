/* SPDX-License-Identifier: MIT */
/* The control socket's own state, shared by its files and by nobody else. */
#ifndef HOSTINGPI_CONTROL_SELF_H
#define HOSTINGPI_CONTROL_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/control.h"
#include "agent/control_socket.h"

struct control_client {
	struct control *control;
	int fd; /* -1: the place is free */
	struct watch *watch;
	int64_t since_ns; /* came, or took its last answer */
	bool skipping;	  /* the rest of a line that was too long */
	bool ended;	  /* it will send no more */
	size_t in_used, out_used, out_sent;
	char in[CONTROL_LINE_MAX + 1]; /* with the line end */
	char out[CONTROL_ANSWER_SIZE];
};

struct control {
	const struct env *env;
	const struct control_ops *ops;
	void *context;
	struct control_socket socket;
	struct watch *watch; /* NULL: looking away */
	struct timer *timer;
	struct control_client clients[CONTROL_CLIENTS];
};

/* control_answer.c: puts the answer to one line into out, which is empty. */
void control_answer(struct control_client *client, const char *line, size_t length);
/* The same for a line that is none. The text is printable and shorter than CONTROL_SENTENCE_SIZE. */
void control_answer_error(struct control_client *client, const char *text);

#endif
