/* SPDX-License-Identifier: MIT */
/* OAuth 1.0a (RFC 5849) with HMAC-SHA1: the Authorization header of one request. */
#ifndef HOSTINGPI_POST_OAUTH_H
#define HOSTINGPI_POST_OAUTH_H

#include <stddef.h>
#include <stdint.h>

/* liboauth cuts each parameter, name and escapes included, at 1024 bytes: longer keys are refused. */
#define OAUTH_KEY_SIZE 256
/* Room for the nonces of published examples; ours have 32 letters and digits. */
#define OAUTH_NONCE_SIZE 64
#define OAUTH_NONCE_LENGTH 32 /* servers want at least 20 */

struct oauth_keys {
	const char *consumer_key, *consumer_secret, *token, *token_secret;
};

/* What must never repeat. nonce: letters and digits; time_s: unix seconds. */
struct oauth_once {
	char nonce[OAUTH_NONCE_SIZE];
	int64_t time_s;
};

/* A parameter of the query or of a form body, not escaped. name NULL ends a list. */
struct oauth_parameter {
	const char *name, *value;
};

/* A fresh nonce and the time of now. Returns 0 or negative errno. */
int oauth_once_make(struct oauth_once *ret_once);

/*
 * Signs a POST to url ("https://host/path" in lower case, without query) with the parameters (NULL:
 * none; a JSON body is not signed). *ret_header is the value of the Authorization header, malloced.
 * Returns 0, -EINVAL (a key is empty or too long), -EPROTO (the library could not sign), -ENOMEM.
 */
int oauth_header(const char *url, const struct oauth_parameter *parameters,
		 const struct oauth_keys *keys, const struct oauth_once *once, char **ret_header);

/* Overwrites and frees a header. NULL is fine. */
void oauth_header_free(char *header);

/* Escapes a text for a form (RFC 3986, unreserved characters stay). Malloced; NULL without memory. */
char *oauth_escape(const char *text);

#endif
