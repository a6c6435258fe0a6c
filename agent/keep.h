/* SPDX-License-Identifier: MIT */
/*
 * What survives a restart of the agent but not a reboot: small files in run_dir, which is a tmpfs. A
 * file that cannot be written is worth a warning, never a failure.
 */
#ifndef HOSTINGPI_KEEP_H
#define HOSTINGPI_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"

/* An operator's hold; reason is printable ASCII, maybe empty. Ends what keep_undrain() began. */
void keep_hold(const struct env *env, const char *reason);
/* The operator said "ready": the hold ends, and balancers must be told for a while. */
void keep_undrain(const struct env *env);
/* That while is over. */
void keep_undrain_over(const struct env *env);

/*
 * True if a hold is on. A hold that is there but cannot be read is one, too, with a reason that says
 * so: a Pi that was taken out of traffic must not come back by accident.
 */
bool keep_has_hold(const struct env *env, char *ret_reason, size_t size);
bool keep_has_undrain(const struct env *env);

/* The learned nominal capacity and the worker size that it was learned for. */
void keep_nominal(const struct env *env, int64_t nominal_milli, int64_t worker_bytes);
/* 0 if none is there or if it was learned for another worker size. */
int64_t keep_get_nominal(const struct env *env, int64_t worker_bytes);

#endif
