/* SPDX-License-Identifier: MIT */
/* What became of a message: one line of JSON, and the exit code that goes with it. */
#ifndef HOSTINGPI_POST_RESULT_H
#define HOSTINGPI_POST_RESULT_H

#include "notifiers/post/answer.h"
#include "notifiers/post/route.h"

/* sysexits.h: EX_DATAERR, EX_IOERR, EX_TEMPFAIL and EX_NOPERM; 2 as everywhere in this project. */
enum result_exit {
	RESULT_EXIT_FINE = 0,
	RESULT_EXIT_USAGE = 2,
	RESULT_EXIT_REJECTED = 65,
	RESULT_EXIT_OUTPUT = 74,
	RESULT_EXIT_RETRY = 75,
	RESULT_EXIT_REFUSED = 77,
};

#define RESULT_LINE_SIZE 2560 /* with every byte of the texts escaped as six */

struct result {
	const char *id;			     /* of the message; empty: not known */
	struct answer answer;		     /* result, detail, retry_after_s, remote_id */
	int status;			     /* HTTP code; 0: no answer came */
	const struct route_address *address; /* over which it went; NULL: it did not */
	bool cut;			     /* the text was too long */
};

enum result_exit result_exit(const struct result *result);

/* The line, without its end. 0 or -ENOSPC. */
int result_format(const struct result *result, char *ret_line, size_t size);

/* Writes the line to standard output. 0 or negative errno. */
int result_print(const struct result *result);

#endif
