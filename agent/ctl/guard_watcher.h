/* SPDX-License-Identifier: MIT */
/*
 * The watcher: a process between the guard and its job. It is the job's parent, tells the guard what becomes
 * of it, and when the guard is killed it resumes everything that the guard has suspended.
 */
#ifndef HOSTINGPI_CTL_GUARD_WATCHER_H
#define HOSTINGPI_CTL_GUARD_WATCHER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/ctl/guard_freeze.h"

/* What becomes of the job. */
enum guard_news_kind {
	GUARD_STOPPED, /* value: the signal */
	GUARD_CONTINUED,
	GUARD_ENDED, /* value: as of waitpid() */
};

struct guard_news {
	enum guard_news_kind kind;
	int value;
};

struct watcher {
	int fd;	   /* news come here; -1: the watcher is dead */
	pid_t pid; /* of the watcher; 0: it is dead */
	struct guard_process job;
	int error; /* of fork() or execvp(): the command could not be run */
};

/*
 * Starts the watcher and the job. argv ends with NULL; job_mask are the signals that the job finds blocked.
 * All signals that the caller wants to live through are blocked already. Returns 0 or negative errno.
 */
int watcher_start(struct watcher *watcher, struct freeze *freeze, char **argv,
		  const sigset_t *job_mask);

/*
 * The next news of the job, without waiting: 1, or 0 if there are none. Works on when the watcher was killed;
 * watcher->pid is 0 then. -ECHILD: what became of the job cannot be known any more.
 */
int watcher_next(struct watcher *watcher, struct guard_news *ret_news);

/* Everything that the job has started descends from this process. */
pid_t watcher_root(const struct watcher *watcher);

void watcher_end(struct watcher *watcher);

#endif
