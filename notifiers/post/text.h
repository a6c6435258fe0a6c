/* SPDX-License-Identifier: MIT */
/* How long a text is by the rules of the service that takes it, and cutting it down to that. Pure. */
#ifndef HOSTINGPI_POST_TEXT_H
#define HOSTINGPI_POST_TEXT_H

#include <stddef.h>

/* How a service counts. */
struct text_rules {
	size_t limit;	     /* the longest text that it takes */
	size_t url_length;   /* what every address counts, however long it is */
	size_t light, heavy; /* a character of the scripts that count single, and any other one */
	size_t emoji;	     /* any sequence of emoji that shows as one */
	int bare_domains;    /* whether "example.org" without a scheme counts as an address */
};

/* X: twitter-text, configuration 3. */
extern const struct text_rules text_rules_x;
/* Mastodon's defaults: characters as people see them. An instance may allow another limit. */
extern const struct text_rules text_rules_mastodon;

enum {
	TEXT_CUT = 1, /* it was too long; ret_text ends with an ellipsis */
};

/*
 * The length of a text in UTF-8, normalised (NFC) as the services do. Returns 0, or -EILSEQ if it is
 * not UTF-8, -ENOMEM.
 */
int text_length(const struct text_rules *rules, const char *text, size_t *ret_length);

/*
 * Writes the text, normalised, to ret_text; one that is too long is cut after a word (in the middle of
 * a word if that is longer than half of all) and gets an ellipsis, never in the middle of what people see as one character.
 * Returns 0, TEXT_CUT, -EILSEQ, -ENOMEM, or -ENOSPC if size bytes are too few.
 */
int text_fit(const struct text_rules *rules, const char *text, char *ret_text, size_t size);

#endif
