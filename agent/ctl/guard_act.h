/* SPDX-License-Identifier: MIT */
/* What the guard does about its job when the time has come: look, suspend, resume, end; and says about it. */
#ifndef HOSTINGPI_CTL_GUARD_ACT_H
#define HOSTINGPI_CTL_GUARD_ACT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/ctl/guard_freeze.h"
#include "agent/ctl/guard_judge.h"
#include "agent/ctl/guard_run.h"
#include "agent/ctl/guard_state.h"
#include "agent/ctl/guard_watcher.h"

/* What was said last; a change is worth a line. */
struct told {
	enum guard_source source;
	enum control_state state;
	bool denied, unreadable, headroom, hint;
};

struct guard {
	const struct guard_order *order;
	struct guard_judge judge;
	struct guard_state file;
	struct guard_view view;
	struct freeze freeze;
	struct watcher watcher;
	struct told told;
	sigset_t caught, before;
	int signal_fd;
	int64_t look_ms, sweep_ms; /* the next ones */
	int64_t begun_ms, halted_ms, kill_ms;
	int64_t paused_ms; /* altogether */
	int pauses;
	bool suspended, ending, ended;
	int status; /* of the job, once it has ended */
};

/* Monotonic. */
int64_t guard_now_ms(void);

/* Whether to say more than failures. */
bool guard_is_loud(const struct guard *guard);

/* Until the job may start: true; false: it was given up. Signals do what they do to any program. */
bool guard_wait(struct guard *guard);

/* What is due at guard->look_ms. */
void guard_tick(struct guard *guard);

void guard_resume(struct guard *guard, const char *why);

/* How often the job was suspended, if it was. */
void guard_summarise(const struct guard *guard);

#endif
