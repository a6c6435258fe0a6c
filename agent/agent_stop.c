/* SPDX-License-Identifier: MIT */
/*
 * The ways out. A stop says goodbye: load balancers get their weight back, because they keep the last one for
 * ever when an agent vanishes. A hand-over says nothing, because the next agent goes on at once with the
 * same sockets and the same decision: first those leave who have something to finish (a post, the broker)
 * while callers still get their answers, then nobody is accepted any more, and who comes now waits in the
 * queue of the socket for the next agent.
 *
 * The decision is left in the page after every pass and not only here: it is there after a crash, too.
 * Only a stop wipes it out.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "agent/handover.h"
#include "agent/log.h"

/*
 * Notifiers may take this long to say goodbye, asked this often: a load balancer that polls at HAProxy's
 * default of 2 s must get its chance.
 */
#define STOP_NS (3 * NS_PER_S)
#define STOP_ASK_NS (20 * NS_PER_MS)
/* For who has its answer to take it away, once nobody is accepted any more. */
#define LAST_NS (300 * NS_PER_MS)
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
