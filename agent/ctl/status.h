/* SPDX-License-Identifier: MIT */
/* The status document as people read it. */
#ifndef HOSTINGPI_CTL_STATUS_H
#define HOSTINGPI_CTL_STATUS_H

#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/text.h"

/* Headroom as a share of all memory, weight as a share of 100 %; NAN if it is not known. */
double status_headroom_share(const cJSON *document);
double status_weight_share(const cJSON *document);

/* Writes one row per subject; an empty line, then what is not known and why; both of them. */
void status_print_rows(FILE *out, const struct style *style, const cJSON *document);
void status_print_unknown(FILE *out, const struct style *style, const cJSON *document);
void status_print(FILE *out, const struct style *style, const cJSON *document);

/* The heart of it in one line, with the time of the sample. */
void status_print_line(FILE *out, const struct style *style, const cJSON *document);

#endif
