/* SPDX-License-Identifier: MIT */
/* The status document as people read it. */
#ifndef HOSTINGPI_CTL_STATUS_H
#define HOSTINGPI_CTL_STATUS_H

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/text.h"

/* One of the decision's states, for people. */
struct status_state {
	const char *word, *text;
	const char *plain_reason; /* a reason that only repeats the word */
	enum tone tone;
	const char *sign, *ascii_sign; /* so that it is not told by colour alone */
};

/* NULL if it is none that we know. */
const struct status_state *status_state_find(const char *word);
/* The decision's reason if it says more than its state does; else NULL. */
const char *status_reason(const cJSON *document);

/*
 * Everything, in a window of that many columns (0: there is none, and nothing is cut): a row per subject,
 * then what is not known and why.
 */
void status_print(FILE *out, const struct style *style, const cJSON *document, size_t columns);

/* The heart of it in one line, with the time of the sample. */
void status_print_line(FILE *out, const struct style *style, const cJSON *document);

#endif
