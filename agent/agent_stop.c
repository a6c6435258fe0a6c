/* SPDX-License-Identifier: MIT */
/*
 * The ways out. A stop says goodbye: load balancers get their weight back, because they keep the last one for
 * ever when an agent vanishes. A hand-over says nothing, because the next agent goes on at once with the
 * same sockets and the same decision: first those leave who have something to finish (a post, the broker)
 * while callers still get their answers, then nobody is accepted any more, and who comes now waits in the
 * queue of the socket for the next agent.
 */
#include "agent/agent_self.h"

#include <signal.h>
#include <string.h>

#include "agent/log.h"

/*
 * Notifiers may take this long to say goodbye, asked this often: a load balancer that polls at HAProxy's
 * default of 2 s must get its chance.
 */
#define STOP_NS (3 * NS_PER_S)
#define STOP_ASK_NS (20 * NS_PER_MS)
/* For who has its answer to take it away, once nobody is accepted any more. */
#define LAST_NS (300 * NS_PER_MS)

void agent_on_stop_timer(void *context)
{
	struct agent *agent = context;
	bool over = plant_stop(&agent->plant) || env_now_ns(&agent->env) >= agent->stop_deadline_ns;

	if (over && agent->env.leaving == LEAVING_SOON) {
		agent->env.leaving = LEAVING_NOW;
		agent->stop_deadline_ns = env_now_ns(&agent->env) + LAST_NS;
		over = plant_stop(&agent->plant);
	}
	if (over)
		loop_stop(agent->loop);
	else
		timer_arm(agent->stop, STOP_ASK_NS);
}

static void begin_stop(struct agent *agent, const char *why)
{
	bool handover = env_now_ns(&agent->env) < agent->handover_until_ns;

	agent->stopping = true;
	agent->env.leaving = handover ? LEAVING_SOON : LEAVING_NOT;
	if (agent->inherit.page && !handover)
		agent->inherit.page[0] = '\0';
	log_notice("%s (%s)", handover ? "handing over to the next agent" : "stopping", why);
	sdnotify_send(&agent->notify, "STOPPING=1");
	agent->stop_deadline_ns = env_now_ns(&agent->env) + STOP_NS;
	agent_on_stop_timer(agent);
}

void agent_on_signal(void *context, int signal_number)
{
	struct agent *agent = context;

	if (signal_number == SIGHUP) {
		if (!agent->stopping)
			agent_reload(agent);
		return;
	}
	if (agent->stopping)
		loop_stop(agent->loop); /* asked twice: at once */
	else
		begin_stop(agent, strsignal(signal_number));
}
