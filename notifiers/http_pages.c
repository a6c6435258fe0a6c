/* SPDX-License-Identifier: MIT */
/* The one visible table of documents for people. Without one for "/" the summary in plain text is served there. */
#include "notifiers/http_page.h"

const struct http_page http_pages[] = {
	{.path = NULL},
};
