/* SPDX-License-Identifier: MIT */
/*
 * What survives a restart of the agent but not a reboot: small files in run_dir, which is a tmpfs.
 * What was learned survives a reboot, too, in the state directory. A file that cannot be written is
 * worth a warning, never a failure.
 */
#ifndef HOSTINGPI_KEEP_H
#define HOSTINGPI_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/diary.h"
#include "agent/env.h"
#include "agent/history.h"
#include "agent/learned.h"

/*
 * An operator's hold; reason is printable ASCII, maybe empty; until_ns is when it ends by itself (monotonic),
 * 0: it does not. Ends what keep_undrain() began.
 */
void keep_hold(const struct env *env, const char *reason, int64_t until_ns);
/* The operator said "ready": the hold ends, and balancers must be told for a while. */
void keep_undrain(const struct env *env);
/* That while is over. */
void keep_undrain_over(const struct env *env);

/*
 * True if a hold is on. A hold that is there but cannot be read is one, too, with a reason that says
 * so: a Pi that was taken out of traffic must not come back by accident. *ret_until_ns is 0 as well when
 * the time is of another boot, or makes no sense.
 */
bool keep_has_hold(const struct env *env, char *ret_reason, size_t size, int64_t *ret_until_ns);
bool keep_has_undrain(const struct env *env);

/* The course of the readings; what another boot, or another version, has left counts for nothing. */
void keep_history(const struct env *env, const struct history *history);
void keep_get_history(const struct env *env, struct history *history);

/* The last events, in the same way. */
void keep_events(const struct env *env, const struct diary *diary);
void keep_get_events(const struct env *env, struct diary *diary);

/* What was learned; directory is an absolute path. */
void keep_learned(const char *directory, const struct learned *learned);
/* False if there is nothing, or nothing that makes sense. */
bool keep_get_learned(const char *directory, struct learned *ret_learned);

#endif
