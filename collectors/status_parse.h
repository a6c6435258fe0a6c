/* SPDX-License-Identifier: MIT */
/*
 * The bodies of the two status pages that are understood, told apart by their content and never by
 * where they were found. Pure.
 */
#ifndef HOSTINGPI_STATUS_PARSE_H
#define HOSTINGPI_STATUS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum status_kind {
	STATUS_NGINX,  /* stub_status */
	STATUS_APACHE, /* server-status?auto */
	STATUS_KINDS,
};

/* The names of enum status_kind, as in [requests] source. */
extern const char *const status_kind_names[STATUS_KINDS];

/* What a page says, without the poll that fetched it. */
struct status_reading {
	enum status_kind kind;
	bool requests_known;
	int64_t requests; /* since the server's start, earlier polls of ours included */
	int64_t busy;	  /* workers or connections that serve a request of somebody else */
	bool idle_known;
	int64_t idle;
};

/*
 * Parses a body of length bytes that ends with a NUL byte (not counted). Returns 0; -EPROTO if it is
 * no page that is understood; -EBADMSG if it is one, but its numbers are not usable or plausible. *ret_why is
 * set on failure only, to a static text.
 */
int status_parse(const char *body, size_t length, struct status_reading *ret_reading,
		 const char **ret_why);

#endif
