/* SPDX-License-Identifier: MIT */
/*
 * One HTTP response, taken in piece by piece and bounded, whatever the server sends. Pure: bytes
 * come in, no descriptor, no allocation. The grammar is libhttp-parser's.
 */
#ifndef HOSTINGPI_STATUS_ANSWER_H
#define HOSTINGPI_STATUS_ANSWER_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Head and body together, as they come over the wire. Apache's page is 2 KiB plus one byte for each
 * worker slot (ServerLimit x ThreadLimit, at most 20000 x 64 by its documentation, 400 as Debian
 * sets it); 64 KiB holds every server that a Pi can run.
 */
#define STATUS_ANSWER_MAX 65536

/* Interim answers (100, 103) before the final one. Servers send one, if any; the next is final. */
#define STATUS_ANSWER_INTERIMS 4

enum {
	STATUS_ANSWER_DONE = 1, /* complete, or its status says enough */
};

struct status_answer {
	http_parser parser;
	size_t received;   /* bytes so far */
	unsigned interims; /* answers skipped so far */
	bool done;
	int status; /* of HTTP, when done */
	size_t body_length;
	char *body; /* the caller's STATUS_ANSWER_MAX + 1 bytes; ends with NUL when done */
};

/* Starts an answer; body is the only member that must be set. */
void status_answer_start(struct status_answer *answer);

/*
 * Takes the next bytes; length 0 says that the server closed. Returns 0: more is needed;
 * STATUS_ANSWER_DONE: status is valid, and the body where the status is 200 (other bodies are not
 * waited for); -EFBIG: larger than STATUS_ANSWER_MAX; -ENODATA: closed too early; -EPROTO: not
 * HTTP. After anything but 0 it must be started anew.
 */
int status_answer_feed(struct status_answer *answer, const char *data, size_t length);

/* "http-parser 2.9.4", static. */
const char *status_answer_library(void);

#endif
