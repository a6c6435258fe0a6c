/* SPDX-License-Identifier: MIT */
/* An answer: its code, its header fields, and its body. Pure. */
#ifndef HOSTINGPI_HTTP_REPLY_H
#define HOSTINGPI_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "notifiers/http_request.h"

/* The longest head: 320 bytes of fields of one answer, a policy of 400, a type of 100, and 330 of ours. */
#define HTTP_REPLY_HEAD_SIZE 1280
#define HTTP_REPLY_POLICY_MAX 400
#define HTTP_REPLY_TYPE_MAX 100
#define HTTP_REPLY_FIELDS_SIZE 320
/* An agent-check line, or a sentence about what is wrong. */
#define HTTP_REPLY_SMALL_SIZE 256

/* Long enough for the hard level to have passed if its cause has: 10 s of calm are its way out. */
#define HTTP_RETRY_AFTER_S "10"
#define HTTP_PLAIN "text/plain; charset=utf-8"

struct http_reply {
	int status;
	const char *content_type;
	const char
		*policy; /* Content-Security-Policy; NULL: nothing may be loaded, run or framed */
	char fields[HTTP_REPLY_FIELDS_SIZE]; /* further ones, each with its line end */
	char small[HTTP_REPLY_SMALL_SIZE];
	const char *body; /* small, or somewhere else */
	size_t length;
};

/* Codes that are given, in ascending order; nothing else is a status here. */
#define HTTP_REPLY_CODES 11
struct http_reply_code {
	int status;
	const char *phrase;
};
extern const struct http_reply_code http_reply_codes[HTTP_REPLY_CODES];
/* The index of one of them. */
size_t http_reply_code(int status);

/* A small text as the body, of printf. */
void http_reply_text(struct http_reply *ret_reply, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A refusal, with the fields that belong to it and a sentence for people. */
void http_reply_refusal(struct http_reply *ret_reply, int status);
/* Adds a header field. */
void http_reply_field(struct http_reply *reply, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Writes the head with the empty line that ends it. Returns its length. */
size_t http_reply_head(const struct http_reply *reply, const struct http_request *request,
		       char ret_head[HTTP_REPLY_HEAD_SIZE]);

#endif
