/* SPDX-License-Identifier: MIT */
/* The HTTP request that posts a text: where to, with which headers and which body. */
#ifndef HOSTINGPI_POST_REQUEST_H
#define HOSTINGPI_POST_REQUEST_H

#include <stddef.h>

#include "notifiers/post/message.h"
#include "notifiers/post/oauth.h"
#include "notifiers/post_conf.h"

#define REQUEST_HEADERS 4
#define REQUEST_SECRET_SIZE POST_SECRET_SIZE

/* What a credential file of either service holds. */
struct request_secrets {
	char consumer_key[REQUEST_SECRET_SIZE], consumer_secret[REQUEST_SECRET_SIZE];
	char token[REQUEST_SECRET_SIZE], token_secret[REQUEST_SECRET_SIZE];
	char access_token[REQUEST_SECRET_SIZE];
};

struct request {
	char url[POST_URL_SIZE + 32]; /* as it is signed: without the usual port */
	char host[POST_URL_SIZE];     /* without port */
	int port;
	const char *ca_file;		/* empty: the system's certificates */
	char *headers[REQUEST_HEADERS]; /* malloced; "Name: value"; NULL ends */
	char *body;			/* malloced */
};

/*
 * Reads the credential file of the service. Returns 0, or negative errno with one sentence in
 * ret_error that starts with "[section] credential_file" and says what to do.
 */
int request_read_secrets(const struct post_conf *conf, struct request_secrets *ret_secrets,
			 char *ret_error, size_t size);
void request_forget_secrets(struct request_secrets *secrets);

/*
 * Builds the request for a text that was already fitted to the service; id becomes the idempotency
 * key where there is one. Always to be ended with request_free(). Returns 0, or negative errno with one
 * sentence in ret_error.
 */
int request_make(const struct post_conf *conf, const struct request_secrets *secrets,
		 const char *id, const char *text, struct request *ret_request, char *ret_error,
		 size_t size);
void request_free(struct request *request);

/* Prints it for people; what is secret is masked. */
void request_print(const struct request *request);

#endif
