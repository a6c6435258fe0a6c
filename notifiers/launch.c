/* SPDX-License-Identifier: MIT */
/*
 * A program has to be read from the disk. While that fails, or the kernel itself does, it would hang there or
 * die half-way, and each read may be the one that the disk does not survive.
 */
#include "notifiers/launch.h"

#include <string.h>

#include "agent/health.h"
#include "agent/state.h"

static bool is_sign(enum metric_role role)
{
	return role == ROLE_STORAGE_FAILING || role == ROLE_SWAP_FAILING ||
	       role == ROLE_KERNEL_FAILING;
}

/* Once: the core does not add any later. */
static void find(struct launch *launch, const struct state *state)
{
	launch->found = true;
	launch->health = -1;
	for (unsigned slot = 0; slot < state_count(state); slot++) {
		const struct metric *metric = state_metric(state, slot);

		if (is_sign(metric->role) && launch->count < LAUNCH_SIGNS)
			launch->signs[launch->count++] = slot;
		else if (metric->name && strcmp(metric->group, "sd") == 0 &&
			 strcmp(metric->name, "health") == 0)
			launch->health = (int)slot;
	}
}

static int64_t value_of(const struct snapshot *snapshot, unsigned slot)
{
	const char *reason;
	int64_t value;

	if (state_value(snapshot->state, slot, snapshot->now_ns, &value, &reason) != 0)
		return 0;
	return value;
}

const char *launch_forbidden(struct launch *launch, const struct snapshot *snapshot)
{
	if (!launch->found)
		find(launch, snapshot->state);
	for (unsigned i = 0; i < launch->count; i++) {
		unsigned slot = launch->signs[i];

		if (!value_of(snapshot, slot))
			continue;
		return state_metric(snapshot->state, slot)->role == ROLE_KERNEL_FAILING
			       ? "the kernel is failing"
			       : "storage is failing";
	}
	if (launch->health >= 0 && value_of(snapshot, (unsigned)launch->health) >= HEALTH_FAILING)
		return "storage is failing";
	return NULL;
}
