/* SPDX-License-Identifier: MIT */
/* The client's end of the control socket: one question, one answer, with one deadline for both. */
#ifndef HOSTINGPI_CTL_CLIENT_H
#define HOSTINGPI_CTL_CLIENT_H

#include <stddef.h>

#include <cjson/cJSON.h>

/* Exit codes of hostingpictl, documented in its manual page. */
enum ctl_exit {
	CTL_FINE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_ABSENT = 3,	     /* the daemon cannot be reached */
	CTL_INTERRUPTED = 4, /* inside the program only: client.interrupt_fd became readable */
};

/* The daemon's answers end at 16 KiB; those of a later version may be longer. */
#define CLIENT_ANSWER_SIZE 65536

struct client {
	const char *path;
	int fd;		  /* -1: not connected */
	int interrupt_fd; /* gives up waiting when this is readable; -1: none */
	int timeout_ms;	  /* for one question and its answer */
	char error[320];  /* what went wrong, one sentence with the remedy */
	size_t used;	  /* of buffer */
	char buffer[CLIENT_ANSWER_SIZE];
};

/* path must outlive the client. Does not connect yet; waits five seconds for an answer. */
void client_init(struct client *client, const char *path);
void client_close(struct client *client);

/*
 * Sends one request (without line end) and takes the answer, connecting first where needed; a
 * connection that the daemon has closed meanwhile is made anew. CTL_FINE and the answer, a JSON object
 * without the member "error"; otherwise client->error says why not.
 */
enum ctl_exit client_ask(struct client *client, const char *request, cJSON **ret_answer);

#endif
