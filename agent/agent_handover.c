/* SPDX-License-Identifier: MIT */
/*
 * The decision is left in the page after every pass and not only when the agent leaves: it is there after a
 * crash, too. Only a stop wipes it out.
 */
#include "agent/agent_self.h"

#include <errno.h>
#include <time.h>

#include "agent/handover.h"
#include "agent/log.h"

/* From the request to the signal: systemd sends it as soon as ExecStop= has ended. */
#define HANDOVER_NS (30 * NS_PER_S)

_Static_assert(HANDOVER_SIZE <= INHERIT_PAGE_SIZE, "the page holds the text");

static struct handover_time get_time(const struct agent *agent)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct handover_time){
		.now_ns = env_now_ns(&agent->env),
		.boot_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / NS_PER_MS,
	};
}

void agent_keep_decision(struct agent *agent)
{
	const struct handover_time time = get_time(agent);

	if (agent->inherit.page && (!agent->stopping || agent->env.leaving != LEAVING_NOT))
		handover_format(&agent->judge, &time, agent->inherit.page);
}

void agent_resume_decision(struct agent *agent)
{
	const struct handover_time time = get_time(agent);
	char *page = agent->inherit.page;

	if (!page)
		return;
	page[HANDOVER_SIZE - 1] = '\0';
	int r = handover_parse(page, &time, &agent->judge);
	if (r == 0)
		log_info("going on where the agent before ended: %s",
			 control_state_words[agent->judge.controller.state]);
	else if (r != -ENODATA)
		log_info("what the agent before left is not used: %s",
			 r == -ESTALE ? "it is too old" : "it makes no sense");
	/* If going on from there is what kills us, the next one begins anew. */
	page[0] = '\0';
}

int agent_hand_over(struct agent *agent)
{
	if (!agent->inherit.page)
		return -EOPNOTSUPP;
	inherit_settle(&agent->inherit);
	agent->handover_until_ns = env_now_ns(&agent->env) + HANDOVER_NS;
	return 0;
}
