/* SPDX-License-Identifier: MIT */
/*
 * An operator's hold stands in a file, so that it outlives the agent, and with it the time at which it
 * ends by itself: on the monotonic clock, because that of a Pi without network may be set at any time. Its
 * end is a "ready" like an operator's. If it came while the agent was away, the hold begins and ends at
 * once: balancers that were told "drain" must hear "ready".
 */
#include "agent/agent_self.h"

#include <stdio.h>

#include "agent/keep.h"

void agent_hold_request(struct agent *agent, const struct control_command *command)
{
	bool drain = command->verb == VERB_DRAIN;

	agent->request = drain ? REQUEST_DRAIN : REQUEST_READY;
	snprintf(agent->request_reason, sizeof(agent->request_reason), "%s", command->reason);
	agent->hold_until_ns = 0;
	if (drain && command->for_s > 0)
		agent->hold_until_ns = env_now_ns(&agent->env) + command->for_s * NS_PER_S;
	if (drain)
		keep_hold(&agent->env, agent->request_reason, agent->hold_until_ns);
	else
		keep_undrain(&agent->env);
	env_wake(&agent->env);
}

void agent_hold_restore(struct agent *agent)
{
	if (keep_has_hold(&agent->env, agent->request_reason, sizeof(agent->request_reason),
			  &agent->hold_until_ns))
		agent->request = REQUEST_DRAIN;
}

void agent_hold_expire(struct agent *agent)
{
	const char *reason = agent->judge.controller.hold_reason;
	struct event event = {.kind = "hold-over", .severity = SEVERITY_INFO};

	if (agent->hold_until_ns == 0 || agent->request != REQUEST_NONE ||
	    env_now_ns(&agent->env) < agent->hold_until_ns)
		return;
	agent->hold_until_ns = 0;
	agent->request = REQUEST_READY;
	keep_undrain(&agent->env);
	snprintf(event.text, sizeof(event.text), "drain%s%s%s ended by itself: its time is over",
		 reason[0] ? " (" : "", reason, reason[0] ? ")" : "");
	agent_event(agent, &event);
}

int64_t agent_hold_until_ms(const struct agent *agent)
{
	if (agent->hold_until_ns == 0)
		return 0;
	return env_wall_ms(&agent->env) +
	       (agent->hold_until_ns - env_now_ns(&agent->env)) / NS_PER_MS;
}
