/* SPDX-License-Identifier: MIT */
/*
 * Writes HTML into a buffer of the caller. What comes from elsewhere (a model's name, the text of an
 * event, what a balancer calls itself) goes through html_text() and can neither open a tag nor end an
 * attribute; what does not fit is told by html_finish(), never cut silently.
 */
#ifndef HOSTINGPI_PAGE_HTML_H
#define HOSTINGPI_PAGE_HTML_H

#include <stdbool.h>
#include <stddef.h>

struct html {
	char *buffer;
	size_t size;
	size_t used;
	bool full; /* something did not fit */
};

void html_start(struct html *html, char *buffer, size_t size);
/* The length (there is no NUL), or -ENOSPC if it did not fit. */
int html_finish(const struct html *html);

/* Markup of ours, as it is. */
void html_put(struct html *html, const char *markup);
/* The same with numbers and words of ours. */
void html_format(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number; a plot has thousands. */
void html_int(struct html *html, int value);
/*
 * Foreign text: escaped, for elements and for attributes in double quotes. Bytes that are not UTF-8,
 * control characters and what turns the direction of writing become U+FFFD.
 */
void html_text(struct html *html, const char *text);

/* Where it stands, and back to there: for a row that turned out not to fit. */
size_t html_mark(const struct html *html);
void html_back(struct html *html, size_t mark);

#endif
