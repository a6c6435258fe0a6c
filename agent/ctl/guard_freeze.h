/* SPDX-License-Identifier: MIT */
/*
 * Suspends everything that a command has started, and resumes what was suspended. What that is stands in
 * memory that is shared with children, so that another process can resume it when this one is dead.
 */
#ifndef HOSTINGPI_CTL_GUARD_FREEZE_H
#define HOSTINGPI_CTL_GUARD_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/ctl/guard_tree.h"

struct freeze_list;

struct freeze {
	struct freeze_list *list; /* shared */
	struct tree tree;	  /* as it was seen last */
	pid_t denied;		  /* could not be suspended: it runs as another user; 0: none */
	bool overflow;		  /* so could some, of too many */
};

/* Returns 0 or negative errno. */
int freeze_open(struct freeze *freeze);
void freeze_close(struct freeze *freeze);

/*
 * Suspends all descendants of root, except those that somebody else has stopped. Called again, it catches
 * who came or was woken since. Returns how many processes are suspended, or negative errno: /proc cannot be
 * read, and nothing has changed.
 */
int freeze_all(struct freeze *freeze, pid_t root);

/* How many are suspended. */
int freeze_count(const struct freeze *freeze);

/* Memory that only the suspended processes have, in bytes. */
long long freeze_memory(const struct freeze *freeze);

/* Resumes what was suspended, and nothing else. Returns how many were. */
int freeze_thaw(struct freeze *freeze);

/* Sends a signal to all descendants of root, suspended or not. Returns how many there are, or negative errno. */
int freeze_signal_all(struct freeze *freeze, pid_t root, int number);

#endif
