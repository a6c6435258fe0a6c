/* SPDX-License-Identifier: MIT */
/* The agent's state file (RUN_DIR/state), as the guard reads it. */
#ifndef HOSTINGPI_CTL_GUARD_STATE_H
#define HOSTINGPI_CTL_GUARD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "agent/ctl/guard_judge.h"

struct guard_state {
	const char *path;
	bool seen; /* what follows is valid */
	ino_t inode;
	struct timespec written; /* by the wall clock, which may jump: only compared for equality */
	int64_t changed_ms;	 /* when that was found to be another one, monotonic */
};

/* path must outlive it. */
void guard_state_init(struct guard_state *file, const char *path);

/* Reads the file. Never blocks, whatever is in its place. now_ms is monotonic, wall_ms Unix time. */
void guard_state_look(struct guard_state *file, int64_t now_ms, int64_t wall_ms,
		      struct guard_view *ret_view);

/*
 * Understands what the file says; the source becomes GUARD_FRESH, GUARD_DRY_RUN, or GUARD_UNUSABLE. Exported
 * for tests and fuzzing.
 */
void guard_state_parse(const char *text, size_t length, struct guard_view *ret_view);

#endif
