/* SPDX-License-Identifier: MIT */
/*
 * The bodies of the status pages that are understood, told apart by their content and never by where
 * they were found. Pure. (Caddy's is read line by line as it comes in: status_caddy.h.)
 */
#ifndef HOSTINGPI_STATUS_PARSE_H
#define HOSTINGPI_STATUS_PARSE_H

#include <stddef.h>

#include "collectors/status_reading.h"

/*
 * Parses a body of length bytes that ends with a NUL byte (not counted). What it says of the poll
 * that fetched it is left out. Returns 0; -EPROTO if it is no page that is understood; -EBADMSG if
 * it is one, but its numbers are not usable or plausible. *ret_why is set on failure only, to a
 * static text.
 */
int status_parse(const char *body, size_t length, struct status_reading *ret_reading,
		 const char **ret_why);

#endif
