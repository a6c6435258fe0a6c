/* SPDX-License-Identifier: MIT */
/*
 * FastCGI as far as a status page needs it: one request without a body, one answer. Pure, bounded.
 * https://fastcgi-archives.github.io/FastCGI_Specification.html
 */
#ifndef HOSTINGPI_STATUS_FASTCGI_H
#define HOSTINGPI_STATUS_FASTCGI_H

#include <stddef.h>
#include <stdint.h>

#include "collectors/status_body.h"

enum {
	FASTCGI_DONE = 1, /* the request has ended */
};

#define FASTCGI_HEAD 8

/* Zeroed is the start of an answer. */
struct fastcgi_answer {
	unsigned char head[FASTCGI_HEAD]; /* of the record at hand */
	size_t head_length;
	size_t content, padding;	 /* what of the record is still to come */
	unsigned char end[FASTCGI_HEAD]; /* the content of the record that ends the request */
	size_t end_length;
};

/*
 * Writes the request for a path of at most 127 bytes, which may have a query. Returns its length, or
 * -ENAMETOOLONG.
 */
int fastcgi_request(char *buffer, size_t size, const char *path);

/*
 * Takes the next bytes; what the application prints goes to the body. Returns 0: more is needed;
 * FASTCGI_DONE; -EPROTO: this is not FastCGI, or the server will not serve; -EFBIG.
 */
int fastcgi_feed(struct fastcgi_answer *answer, struct status_body *body, const char *data,
		 size_t length);

/*
 * Takes the head off what a CGI application has printed (RFC 3875, 6). Returns the status, which is
 * 200 where none is said, or -EPROTO.
 */
int fastcgi_finish(struct status_body *body);

#endif
