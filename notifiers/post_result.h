/* SPDX-License-Identifier: MIT */
/* What hostingpi-post said became of a message: one line of JSON, see hostingpi-post(8). */
#ifndef HOSTINGPI_POST_RESULT_H
#define HOSTINGPI_POST_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum post_result_word {
	POST_RESULT_POSTED,
	POST_RESULT_DUPLICATE,
	POST_RESULT_RETRY,
	POST_RESULT_REJECTED,
	POST_RESULT_UNAUTHORISED,
	POST_RESULT_NO_CREDIT,
	POST_RESULT_UNUSABLE, /* ours: it could not be started, or cannot work as it is set up */
};

/* The words of the document, null-terminated. */
extern const char *const post_result_words[];

struct post_result {
	enum post_result_word word;
	bool unsure;	       /* to be tried again, although it may have arrived */
	int status;	       /* HTTP code; 0: no answer came */
	int64_t retry_after_s; /* 0: nobody says */
	char remote_id[64];    /* of the post; empty: not known */
	char detail[160];      /* for people; empty: nothing to say. Longer ones are cut */
	char via[8];	       /* ipv6, nat64, ipv4; empty: not known */
	char prefix[44];       /* NAT64; empty: none */
};

/*
 * Parses the first line of the output. id: of the message that it must be about. Returns 0, or -EBADMSG
 * if it is no such result; *ret_result is then untouched.
 */
int post_result_parse(const char *bytes, size_t length, const char *id,
		      struct post_result *ret_result);

#endif
