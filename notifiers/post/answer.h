/* SPDX-License-Identifier: MIT */
/*
 * What the answer of a service means: posted, to be tried again (and when), or never. Pure: bytes and
 * the time come in.
 */
#ifndef HOSTINGPI_POST_ANSWER_H
#define HOSTINGPI_POST_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/post_conf.h"

#define ANSWER_DETAIL_SIZE 256
#define ANSWER_ID_SIZE 64

enum answer_result {
	ANSWER_POSTED,
	ANSWER_DUPLICATE,    /* the service has this text already: an earlier attempt arrived */
	ANSWER_RETRY,	     /* later, with the same text */
	ANSWER_REJECTED,     /* the message itself: never again */
	ANSWER_UNAUTHORISED, /* somebody has to look after the credentials first */
	ANSWER_NO_CREDIT,    /* ... or the account */
};

/* The words of the result document, null-terminated. */
extern const char *const answer_result_words[];

/* One limit as the headers tell it. */
struct answer_limit {
	bool remaining_known, reset_known;
	int64_t remaining;
	int64_t reset_s; /* unix seconds */
};

enum answer_limit_kind {
	ANSWER_LIMIT_WINDOW,   /* x-rate-limit-*: X, per 15 minutes */
	ANSWER_LIMIT_APP_DAY,  /* x-app-limit-24hour-* */
	ANSWER_LIMIT_USER_DAY, /* x-user-limit-24hour-* */
	ANSWER_LIMIT_MASTODON, /* x-ratelimit-*, the reset as an ISO 8601 time */
	ANSWER_LIMITS,
};

/* What was taken from the headers of one answer. Zeroed is a valid start. */
struct answer_headers {
	struct answer_limit limits[ANSWER_LIMITS];
	bool retry_after_known; /* Retry-After (RFC 9110, 10.2.3), in seconds or as a date */
	int64_t retry_after_s;
	bool retry_at_known;
	int64_t retry_at_s; /* unix seconds */
	bool date_known;
	int64_t date_s; /* unix seconds, the clock of the service */
};

/* Takes one header line, with or without its line end. Others than the above are passed over. */
void answer_header(struct answer_headers *headers, const char *line, size_t length);

struct answer {
	enum answer_result result;
	int64_t retry_after_s;		 /* 0: the service does not say */
	char remote_id[ANSWER_ID_SIZE];	 /* of the post; empty: not known */
	char detail[ANSWER_DETAIL_SIZE]; /* one sentence for people, printable */
};

/*
 * Judges an answer. status: the HTTP code; body: what came, maybe cut, not ended; now_s: unix seconds.
 * ret_answer is filled in any case.
 */
void answer_judge(enum post_service service, int status, const struct answer_headers *headers,
		  const char *body, size_t length, int64_t now_s, struct answer *ret_answer);

#endif
