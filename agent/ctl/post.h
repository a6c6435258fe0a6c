/* SPDX-License-Identifier: MIT */
/* `hostingpictl post`: an operator's message. */
#ifndef HOSTINGPI_CTL_POST_H
#define HOSTINGPI_CTL_POST_H

#include <stdbool.h>

#include "agent/ctl/client.h"

/* Beside those of enum ctl_exit: what became of a message that was waited for, as of hostingpi-post. */
enum post_exit {
	POST_EXIT_REJECTED = 65,
	POST_EXIT_WAITS = 75, /* not yet: it stays in the queue */
	POST_EXIT_REFUSED =
		77, /* credentials or account: it stays in the queue until somebody mends that */
};

struct post_order {
	const char *text;
	bool wait;
	long timeout_s;
	bool json;
};

/*
 * Queues the text and, if asked for, waits for what becomes of it. Returns the exit code; where it is
 * not CTL_FINE, client->error says why, unless it is empty.
 */
int post_run(struct client *client, const struct post_order *order);

/*
 * What the status says of a message: the exit code, or -1 for "not yet". ret_text says it in words. For
 * tests as well.
 */
int post_judge(const cJSON *status, const char *id, char *ret_text, size_t size);

#endif
