/* SPDX-License-Identifier: MIT */
/*
 * A notifier gets reports and knows nothing of where they come from. Like a collector it may hand in
 * samples of its own (balancers seen, messages waiting).
 */
#ifndef HOSTINGPI_NOTIFIER_H
#define HOSTINGPI_NOTIFIER_H

#include "agent/json.h"
#include "agent/module.h"
#include "agent/report.h"

enum {
	NOTIFIER_BUSY = 1, /* not taken: offer it again at the next tick */
};

struct notifier {
	struct module module;
	unsigned wants; /* mask of 1u << enum report_kind */

	/*
	 * Takes a report: 0 taken (what it points to may be gone after the call), NOTIFIER_BUSY, or
	 * negative errno: it will never be taken and is dropped (and counted). Never blocks.
	 */
	int (*publish)(void *self, const struct report *report);
	/*
	 * Says goodbye (publish "offline", restore the weight). Returns true when done; otherwise it
	 * is asked again every 20 ms, for at most 3 s in all. What env->leaving says comes first: over a
	 * hand-over nothing is taken back. NULL: nothing to say.
	 */
	bool (*stop)(void *self);
	/*
	 * Writes the members of an object for `status --json` and --doctor: what it is connected to,
	 * chosen ports, the last error. NULL: nothing.
	 */
	void (*status)(const void *self, struct json *json);
	/* Who asked it lately: fills at most room, returns how many. NULL: nobody asks it. */
	size_t (*balancers)(const void *self, struct balancer *ret_balancers, size_t room);
};

/* The one table of notifiers, null-terminated. Defined outside agent/. */
extern const struct notifier *const notifiers[];

#endif
