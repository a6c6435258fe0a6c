/* SPDX-License-Identifier: MIT */
/*
 * What was learned outlives a restart in run_dir (a tmpfs) and a reboot in the state directory that
 * systemd names. The latter is on the card: it is written when the agent stops, never while it runs,
 * and at most once a day.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_self.h"
#include "agent/keep.h"

#define STORE_EVERY_MS (INT64_C(24) * 3600 * 1000)

/* systemd.exec(5): absolute paths, separated by colons; we have one. */
static void find_state_dir(struct agent *agent)
{
	const char *path = getenv("STATE_DIRECTORY");
	if (path && path[0] == '/' && strlen(path) < sizeof(agent->state_dir) && !strchr(path, ':'))
		snprintf(agent->state_dir, sizeof(agent->state_dir), "%s", path);
}

void agent_learned_restore(struct agent *agent)
{
	int64_t wall_ms = env_wall_ms(&agent->env);
	find_state_dir(agent);
	bool stored = agent->state_dir[0] && keep_get_learned(agent->state_dir, &agent->stored);
	bool kept = keep_get_learned(agent->env.run_dir, &agent->kept);
	if (kept || stored)
		learned_give(kept ? &agent->kept : &agent->stored, wall_ms, &agent->judge);
}

/* When it has changed by a twentieth: a few writes to a tmpfs a day. */
void agent_learned_keep(struct agent *agent)
{
	struct learned learned;
	learned_take(&agent->judge, env_wall_ms(&agent->env), &learned);
	if (!learned_differs(&learned, &agent->kept))
		return;
	agent->kept = learned;
	keep_learned(agent->env.run_dir, &learned);
}

void agent_learned_store(struct agent *agent)
{
	struct learned learned;
	learned_take(&agent->judge, env_wall_ms(&agent->env), &learned);
	int64_t age_ms = learned.wall_ms - agent->stored.wall_ms;
	if (agent->judge.verdict.storage_failing) /* opening a file on it might never end */
		return;
	if (!agent->state_dir[0] || !learned_differs(&learned, &agent->stored) ||
	    (age_ms >= 0 && age_ms < STORE_EVERY_MS))
		return;
	keep_learned(agent->state_dir, &learned);
}
