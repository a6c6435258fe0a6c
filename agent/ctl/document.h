/* SPDX-License-Identifier: MIT */
/*
 * Looks into the daemon's documents. They are foreign input: what is missing, has another type or is
 * not a finite number is simply not there.
 */
#ifndef HOSTINGPI_CTL_DOCUMENT_H
#define HOSTINGPI_CTL_DOCUMENT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* path: names with dots between them, "state.mem.total_bytes". NULL if it is not there. */
const cJSON *document_find(const cJSON *document, const char *path);
bool document_number(const cJSON *document, const char *path, double *ret_number);
/* NULL if it is not there or not a text. */
const char *document_text(const cJSON *document, const char *path);
/* True only if it is there and true. */
bool document_flag(const cJSON *document, const char *path);

#endif
