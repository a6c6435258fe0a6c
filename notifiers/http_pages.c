/* SPDX-License-Identifier: MIT */
/*
 * The one visible table of documents for people. Who prefers plain text to HTML, such as curl, gets a summary
 * at "/" whatever stands here.
 */
#include "notifiers/http_page.h"
#include "notifiers/page.h"

_Static_assert(PAGE_SIZE_MOST <= HTTP_PAGE_SIZE, "the page at its worst has a place");

const struct http_page http_pages[] = {
	{
		.path = "/",
		.content_type = PAGE_TYPE,
		.policy = PAGE_POLICY,
		.write = page_write,
	},
	{.path = NULL},
};
