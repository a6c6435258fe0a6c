/* SPDX-License-Identifier: MIT */
/*
 * One request from bytes as they arrive, of which only what matters here is kept. Pure: no descriptor,
 * no clock. Whatever pieces the bytes come in, the same comes out.
 */
#ifndef HOSTINGPI_HTTP_REQUEST_H
#define HOSTINGPI_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <http_parser.h>

/* 4 KiB: four times what a browser sends to a host without cookies. More is answered by 431. */
#define HTTP_HEAD_SIZE 4096
/* Our longest path has 12 bytes; the rest is for a query. More is answered by 414. */
#define HTTP_TARGET_SIZE 256
/* Shortened: 63 bytes tell who asks. */
#define HTTP_AGENT_SIZE 64
/* Prometheus 3 sends 220 bytes; what does not fit is not looked at. */
#define HTTP_ACCEPT_SIZE 384
/* A body is of no use to us: one up to this size is thrown away, a longer one refused by 413. */
#define HTTP_BODY_SIZE 65536

/* The longest name of a header field that we look at is "user-agent". */
#define HTTP_FIELD_SIZE 11

enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_HOST,
	HTTP_FIELD_AGENT,
	HTTP_FIELD_ACCEPT,
	HTTP_FIELD_EXPECT,
};

struct http_text {
	const char *bytes; /* not terminated */
	size_t length;
};

struct http_request {
	/* The outcome. */
	int status;	 /* 0: to be answered; else the code of the refusal */
	bool head;	 /* HEAD, not GET */
	bool keep_alive; /* the connection may be used again */
	bool old;	 /* HTTP/1.0: what stays open must be told */
	bool body;	 /* bytes follow that must be thrown away */
	struct http_text path, query;
	char agent[HTTP_AGENT_SIZE];   /* printable ASCII; empty: it gave no name */
	char accept[HTTP_ACCEPT_SIZE]; /* empty: none */

	/* While it is read. */
	http_parser parser;
	bool complete, in_value, target_long, expect_other;
	unsigned hosts;
	enum http_field field;
	size_t head_bytes, target_length, field_length, agent_length, accept_length, expect_length;
	char field_name[HTTP_FIELD_SIZE];
	char target[HTTP_TARGET_SIZE];
};

enum http_progress {
	HTTP_OPEN,     /* all bytes were taken, more must come */
	HTTP_COMPLETE, /* a head was read, or what came is none: see status */
};

/* Before the first byte of each request. The structure must stay where it is until the last one. */
void http_request_start(struct http_request *request);
/* Takes bytes; ret_used: how many of them belong to the request. Not to be called after HTTP_COMPLETE. */
enum http_progress http_request_take(struct http_request *request, const char *bytes, size_t length,
				     size_t *ret_used);
/* Ends it with a refusal, for reasons that its caller knows. */
void http_request_refuse(struct http_request *request, int status);

bool http_text_is(const struct http_text *text, const char *word);
/* Finds key=value in the query. False if it is not there; without '=' the value is empty. */
bool http_request_query(const struct http_request *request, const char *key,
			struct http_text *ret_value);

#endif
