/* SPDX-License-Identifier: MIT */
/* Why a place showed no usable status page, in words that say what to do. Pure. */
#ifndef HOSTINGPI_STATUS_FAILURE_H
#define HOSTINGPI_STATUS_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/status_page.h"
#include "collectors/status_reading.h"

/* The longest text is 110 bytes. */
#define FAILURE_TEXT_SIZE 128

struct failure {
	struct page_result result;
	const char *body;	 /* PAGE_BODY: what is wrong with it; static */
	bool recognised;	 /* PAGE_BODY: it is a status page all the same */
	enum status_kind sought; /* who is looked for at the place */
	int64_t timeout_ns;	 /* that was granted */
};

/* True if nothing else can be had from the same endpoint. */
bool failure_of_endpoint(const struct failure *failure);

/*
 * Looks at a body: true and a reading if it is a page of one of kinds (a mask); otherwise fills in what
 * is wrong with it.
 */
bool failure_judge(const struct status_body *body, unsigned kinds,
		   struct status_reading *ret_reading, struct failure *ret_failure);

/* How much an operator learns from it; of several failures the highest is shown. At least 1. */
unsigned failure_rank(const struct failure *failure);

/* Writes a few words into text of FAILURE_TEXT_SIZE. Returns text. */
const char *failure_text(const struct failure *failure, char *text);

#endif
