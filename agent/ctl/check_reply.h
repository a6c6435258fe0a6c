/* SPDX-License-Identifier: MIT */
/*
 * The answer of /health, read from what may be anything. Nothing is allocated, nothing is kept but what
 * the check is about.
 */
#ifndef HOSTINGPI_CTL_CHECK_REPLY_H
#define HOSTINGPI_CTL_CHECK_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <http_parser.h>

#include "agent/report.h"

/* The agent's answer has less than 1 KiB; a web server in front of it may add some headers. */
#define CHECK_REPLY_MAX 8192
#define CHECK_FIELD_SIZE 32
#define CHECK_VALUE_SIZE 256
/* Of a line of agent-check, which has at most 100 bytes. */
#define CHECK_LINE_SIZE 128

struct check_answer {
	int status; /* of HTTP */
	/* The decision, as the headers tell it. */
	enum control_state state;
	int weight;  /* 1..100 */
	int maxconn; /* 0: not known */
	char reason[DECISION_REASON_SIZE];
	/* What balancers are told, which differs from it with --dry-run and where servers may fail. */
	int told_weight; /* 1..100 */
	bool drain, fail, dry_run;
};

enum {
	CHECK_REPLY_DONE = 1, /* the answer is complete; nothing more is needed */
};

struct check_reply {
	http_parser parser;
	size_t received;
	char field[CHECK_FIELD_SIZE], value[CHECK_VALUE_SIZE];
	bool in_value;	/* the last piece was one of a value: the next field begins anew */
	bool field_cut; /* longer than any of ours */
	bool value_cut;
	bool has_state, has_weight; /* an agent has answered */
	bool malformed;		    /* one of our headers, with a value that no agent writes */
	bool complete;
	char location[CHECK_VALUE_SIZE]; /* where a redirect leads; empty: nowhere */
	char line[CHECK_LINE_SIZE];	 /* the first of the body, as far as it came */
	char begin[24];			 /* the first bytes of all, for a message */
	struct check_answer answer;
};

void check_reply_start(struct check_reply *reply);

/*
 * Takes some bytes; length 0: the server has closed. Returns 0: go on, CHECK_REPLY_DONE, or -EFBIG (it
 * does not end), -EPROTO (no HTTP), -ENODATA (closed in the middle).
 */
int check_reply_feed(struct check_reply *reply, const char *data, size_t length);

/*
 * What a complete answer says. Returns 0, or -EBADMSG with one sentence in ret_error: it is none of a
 * hostingpi agent.
 */
int check_reply_get(struct check_reply *reply, struct check_answer *ret_answer, char *ret_error,
		    size_t size);

#endif
