/* SPDX-License-Identifier: MIT */
/*
 * One answer of a web server, taken in piece by piece and bounded, whatever the server sends. Pure:
 * bytes come in, no descriptor, no allocation. The grammar of HTTP is libhttp-parser's.
 */
#ifndef HOSTINGPI_STATUS_ANSWER_H
#define HOSTINGPI_STATUS_ANSWER_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "collectors/status_fastcgi.h"

/* Head and body together, as they come over the wire, unless the body is metrics. */
#define STATUS_ANSWER_MAX 65536

/* How a server is spoken to. */
enum status_protocol {
	PROTOCOL_HTTP,
	PROTOCOL_FASTCGI,
	PROTOCOL_CONSOLE, /* a line is sent, and text comes back until the server closes */
};

/* Interim answers (100, 103) before the final one. Servers send one, if any; the next is final. */
#define STATUS_ANSWER_INTERIMS 4

enum {
	STATUS_ANSWER_DONE = 1, /* complete, or its status says enough */
};

struct status_answer {
	enum status_protocol protocol;
	http_parser parser;
	struct fastcgi_answer fastcgi;
	size_t received;   /* bytes so far */
	unsigned interims; /* answers skipped so far */
	bool done;
	int status; /* of HTTP and CGI, when done; 200 where there is none */
	struct status_body body;
};

/* Starts an answer; body.text is the only member that must be set. */
void status_answer_start(struct status_answer *answer, enum status_protocol protocol);

/* How many bytes are taken in all, as far as is known now. */
size_t status_answer_limit(const struct status_answer *answer);

/*
 * Takes the next bytes; length 0 says that the server closed. Returns 0: more is needed;
 * STATUS_ANSWER_DONE: status is valid, and the body where the status is 200 (other bodies are not
 * waited for); -EFBIG: larger than status_answer_limit(); -ENODATA: closed too early; -EPROTO:
 * something else is spoken. After anything but 0 it must be started anew.
 */
int status_answer_feed(struct status_answer *answer, const char *data, size_t length);

/* "http-parser 2.9.4", static. */
const char *status_answer_library(void);

#endif
