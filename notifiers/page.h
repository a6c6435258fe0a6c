/* SPDX-License-Identifier: MIT */
/*
 * The status page for people: one HTML document that asks for nothing else, readable without
 * JavaScript. Pure: what is shown is the overview's, time is that of its snapshot.
 */
#ifndef HOSTINGPI_PAGE_H
#define HOSTINGPI_PAGE_H

#include <stddef.h>

#include "agent/report.h"

#define PAGE_TYPE "text/html; charset=utf-8"

/* What the page's one style sheet and one script are in SHA-256; test-page knows when they are not. */
#define PAGE_STYLE_HASH "sha256-3pHt4n9IJL4WR2X53eoAjzZNGhxjyLd2wkXOAT+bnio="
#define PAGE_SCRIPT_HASH "sha256-T6HP+hCoGF9j7U9+5MpTIPeJPQd4/H9wM7ClOG0MVIw="

/*
 * Content-Security-Policy for it: nothing is loaded; its icon is in itself; its script may ask where it
 * came from.
 */
#define PAGE_POLICY                                                                                \
	"default-src 'none'; style-src '" PAGE_STYLE_HASH "'; script-src '" PAGE_SCRIPT_HASH       \
	"'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "              \
	"frame-ancestors 'none'"

/* 88 KiB: a page with everything at its worst; see page_lists.c for what keeps it below that. */
#define PAGE_SIZE_MOST 90112

/*
 * Writes the document, without NUL. Returns its length, or -ENOSPC if it does not fit; into
 * PAGE_SIZE_MOST it does, whatever balancers call themselves. Somebody called tzset() before.
 */
int page_write(const struct overview *overview, const struct about *about, char *buffer,
	       size_t size);

#endif
