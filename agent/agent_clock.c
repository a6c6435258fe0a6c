/* SPDX-License-Identifier: MIT */
/*
 * A Pi has no clock that runs without power. After a boot it begins where it was switched off, and the network
 * sets it soon, when the agent is at work already. Told by the calendar, "since" would be wrong by the time
 * that the Pi was off, for weeks on a calm machine; so the two moments that the core keeps in that form move with the
 * clock; modules keep theirs on the monotonic one. Events do not: they have been told with the time that they had.
 *
 * Both clocks are slewed alike, so that their difference changes only when one is set.
 */
#include "agent/agent_self.h"
#include "agent/log.h"

/* Who looks at a clock does not see less; and two looks may lie that far apart on a machine that swaps. */
#define STEP_LEAST_MS 10000

static int64_t offset_ms(const struct agent *agent)
{
	return env_wall_ms(&agent->env) - env_now_ns(&agent->env) / NS_PER_MS;
}

void agent_clock_open(struct agent *agent)
{
	agent->env.started_ms = env_wall_ms(&agent->env);
	agent->clock_offset_ms = offset_ms(agent);
}

bool agent_clock_follow(struct agent *agent)
{
	int64_t step_ms = offset_ms(agent) - agent->clock_offset_ms;

	if (step_ms > -STEP_LEAST_MS && step_ms < STEP_LEAST_MS)
		return false;
	agent->clock_offset_ms += step_ms;
	agent->env.started_ms += step_ms;
	agent->judge.controller.since_ms += step_ms;
	log_notice("the clock was set %s by %lld s", step_ms > 0 ? "forward" : "back",
		   (long long)(step_ms > 0 ? step_ms : -step_ms) / 1000);
	agent_about(agent);
	return true;
}
