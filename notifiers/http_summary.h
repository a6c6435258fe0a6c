/* SPDX-License-Identifier: MIT */
/* Everything about this Pi as plain text, for people without a browser. Pure. */
#ifndef HOSTINGPI_HTTP_SUMMARY_H
#define HOSTINGPI_HTTP_SUMMARY_H

#include "agent/report.h"

/* Writes the document; as in struct http_page. */
int http_summary_write(const struct overview *overview, const struct about *about, char *buffer,
		       size_t size);

#endif
