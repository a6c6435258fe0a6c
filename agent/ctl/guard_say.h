/* SPDX-License-Identifier: MIT */
/* What the guard says, on standard error. */
#ifndef HOSTINGPI_CTL_GUARD_SAY_H
#define HOSTINGPI_CTL_GUARD_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "agent/ctl/guard_judge.h"

/*
 * One line. Foreign text in it is made harmless. Never waits: a line that cannot be written at once (a full
 * pipe, a terminal that was halted) is lost.
 */
__attribute__((format(printf, 1, 2))) void guard_say(const char *format, ...);

/* Why the job may run, or may not: "shed (memory), headroom 45.0 MiB of 100.0 MiB". Returns text. */
const char *guard_describe(const struct guard_view *view, const struct guard_rules *rules,
			   char *text, size_t size);

#endif
