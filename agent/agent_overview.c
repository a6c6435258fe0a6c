/* SPDX-License-Identifier: MIT */
/*
 * What notifiers may look at whenever somebody asks them. Also the course of the readings and the last
 * events, which are kept for that.
 */
#include "agent/agent_self.h"

#include <errno.h>
#include <stdlib.h>

static int overview_status(const struct overview *overview, char *buffer, size_t size)
{
	return agent_status(overview->context, buffer, size);
}

static size_t overview_balancers(const struct overview *overview, struct balancer *ret_balancers,
				 size_t room)
{
	const struct agent *agent = overview->context;

	return plant_balancers(&agent->plant, ret_balancers, room);
}

static struct snapshot overview_snapshot(const struct overview *overview)
{
	return agent_snapshot(overview->context);
}

int agent_overview(struct agent *agent)
{
	agent->history = history_new(agent->plant.state);
	/* On its own: pages of it that no event has reached yet cost nothing. */
	agent->diary = calloc(1, sizeof(*agent->diary));
	if (!agent->history || !agent->diary)
		return -ENOMEM;
	agent->overview = (struct overview){
		.history = agent->history,
		.diary = agent->diary,
		.decision = &agent->judge.decision,
		.status = overview_status,
		.balancers = overview_balancers,
		.snapshot = overview_snapshot,
		.context = agent,
	};
	return 0;
}

void agent_overview_free(struct agent *agent)
{
	history_free(agent->history);
	free(agent->diary);
}
