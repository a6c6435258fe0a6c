/* SPDX-License-Identifier: MIT */
/* One request over HTTPS to one address. The only file that sees libcurl. */
#ifndef HOSTINGPI_POST_WIRE_H
#define HOSTINGPI_POST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/post/answer.h"
#include "notifiers/post/request.h"
#include "notifiers/post/route.h"

/* An answer of any of the services has a few KiB; more than this is not kept. */
#define WIRE_BODY_SIZE 65536
#define WIRE_ERROR_SIZE 256

struct wire_exchange {
	bool sent;  /* something of the request has left: it may have arrived */
	int status; /* HTTP code; 0: no answer */
	struct answer_headers headers;
	size_t body_length;
	char body[WIRE_BODY_SIZE];
	char error[WIRE_ERROR_SIZE]; /* why there is no answer */
};

/* Once in a process. 0 or -ENOMEM. */
int wire_open(void);
void wire_close(void);

/*
 * Sends the request to one address; the certificate is always checked for the name. limit_ms is for
 * all of it, a third of it at most for the connection. Returns 0 if an answer came (then status is set), or
 * -ECONNABORTED with the reason in error.
 */
int wire_send(const struct request *request, const struct route_address *address, int64_t limit_ms,
	      struct wire_exchange *ret_exchange);

/* "libcurl 7.88.1 OpenSSL/3.0", static. */
const char *wire_library(void);

#endif
