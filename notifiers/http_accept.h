/* SPDX-License-Identifier: MIT */
/* Which of two formats a caller would rather have, by its Accept field. Pure. */
#ifndef HOSTINGPI_HTTP_ACCEPT_H
#define HOSTINGPI_HTTP_ACCEPT_H

#include <stdbool.h>

/*
 * True if the media type (and version, unless it is NULL) is named and not liked less than the other one. Wildcards
 * name nothing: who takes anything gets what this program likes best.
 */
bool http_accept_prefers(const char *accept, const char *type, const char *version,
			 const char *other);

#endif
