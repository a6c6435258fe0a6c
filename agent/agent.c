/* SPDX-License-Identifier: MIT */
/*
 * The daemon's life on the loop. One timer drives everything; its period adapts to danger. What a module saw
 * between two ticks and cannot wait comes in through env_wake() and runs the same pass (agent_sample.c).
 */
#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/again.h"
#include "agent/keep.h"
#include "agent/log.h"
#include "agent/version.h"

/* The arena of a thread reserves 64 MiB of address space; all of it counts as locked. */
#define LOCK_LEAST_BYTES (((rlim_t)64 << 20) * (1 + THREAD_ARENAS))

static int64_t pace(const struct agent *agent)
{
	return controller_next_ns(&agent->judge.decision, &agent->judge.verdict,
				  agent->settings->agent.interval_ns);
}

static void arm_tick(struct agent *agent)
{
	int64_t now_ns = env_now_ns(&agent->env), pace_ns = pace(agent);
	agent->tick_due_ns += pace_ns;
	/* After a pause (suspend, SIGSTOP) do not catch up: go on from now. */
	if (agent->tick_due_ns < now_ns || agent->tick_due_ns > now_ns + pace_ns)
		agent->tick_due_ns = now_ns + pace_ns;
	/* A faster pace leaves the ticks somewhere between the samples: lead them back. */
	if (agent->sample_due_ns > now_ns && agent->sample_due_ns < agent->tick_due_ns)
		agent->tick_due_ns = agent->sample_due_ns;
	timer_arm(agent->tick, agent->tick_due_ns - now_ns);
}

static void agent_tick(void *context)
{
	struct agent *agent = context;
	int64_t late_us = (env_now_ns(&agent->env) - agent->tick_due_ns) / NS_PER_US;
	if (late_us > agent->late_us)
		agent->late_us = late_us;
	agent_sample(agent);
	arm_tick(agent);
}

void agent_on_wake(void *context)
{
	struct agent *agent = context;
	agent_sample(agent);
	if (!agent->tick)
		return; /* --once */
	/* What was seen may ask for a faster pace than the tick that is still to come. */
	int64_t pace_ns = pace(agent), now_ns = env_now_ns(&agent->env);
	if (agent->tick_due_ns > now_ns + pace_ns) {
		agent->tick_due_ns = now_ns + pace_ns;
		timer_arm(agent->tick, pace_ns);
	}
}

static void on_watchdog(void *context)
{
	struct agent *agent = context;
	sdnotify_send(&agent->notify, "WATCHDOG=1");
	timer_arm(agent->watchdog, agent->notify.watchdog_ns);
}

/*
 * Locks what is touched, not what is mapped: plain locking would make whole thread stacks resident.
 * Without the right to (RLIMIT_MEMLOCK) the agent still works, only less surely.
 */
static void lock_memory(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	/* What libsensors and the configuration left behind does not have to be locked. */
	malloc_trim(0);
	/* With a finite limit a later allocation would fail instead: then rather not lock. */
	bool finite = geteuid() != 0 && limit.rlim_max != RLIM_INFINITY &&
		      limit.rlim_max < LOCK_LEAST_BYTES;
	if (finite || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_info("memory is not locked (%s); LimitMEMLOCK=infinity in the unit allows it",
			 finite ? "RLIMIT_MEMLOCK is too small" : strerror(errno));

	/* The loop's deepest path needs about 20 KiB; touch them before memory is short. */
	volatile char stack[32 * 1024];
	for (size_t i = 0; i < sizeof(stack); i += 4096)
		stack[i] = 0;
}

static bool start(struct agent *agent)
{
	agent->tick = env_timer(&agent->env, agent_tick, agent);
	agent->watchdog = env_timer(&agent->env, on_watchdog, agent);
	agent->stop = env_timer(&agent->env, agent_on_stop_timer, agent);
	agent->control = control_new(&agent->env, &agent_control_ops, agent);
	if (!agent->control && errno == EADDRINUSE)
		return false;
	agent_learned_restore(agent);
	agent_resume_decision(agent);
	if (keep_has_undrain(&agent->env))
		controller_resume_undrain(&agent->judge.controller);
	agent_hold_restore(agent);
	keep_get_history(&agent->env, agent->history);
	keep_get_events(&agent->env, agent->diary);
	if (plant_open(&agent->plant, agent->settings, true) < 0)
		return false;
	inherit_settle(&agent->inherit);

	agent_about(agent);
	return true;
}

int agent_run(struct agent *agent)
{
	signal(SIGPIPE, SIG_IGN);
	sdnotify_open(&agent->notify);
	inherit_open(&agent->inherit, &agent->notify);
	agent->env.inherit = &agent->inherit;
	if (!start(agent))
		return 1;
	lock_memory();
	log_notice("hostingpid %s on %s (id from %s)%s", hostingpi_version, agent->identity.id,
		   agent->identity.origin,
		   agent->options.dry_run ? ", dry run: balancers are told to stay" : "");

	/* The first sample at once, all others in the phase that belongs to the id. */
	agent->tick_due_ns = env_now_ns(&agent->env);
	agent->sample_due_ns = agent->tick_due_ns;
	agent_sample(agent);
	agent_phase(agent);
	arm_tick(agent);
	sdnotify_send(&agent->notify, "READY=1");
	agent->started = true;
	again_forget();
	if (agent->notify.watchdog_ns)
		on_watchdog(agent);
	loop_run(agent->loop);
	/* Onto the card when there is time for it. */
	if (agent->env.leaving == LEAVING_NOT)
		agent_learned_store(agent);
	if (!agent->judge.verdict.storage_failing) { /* run_dir may be on it */
		keep_history(&agent->env, agent->history);
		keep_events(&agent->env, agent->diary);
	}
	return agent->exit_code;
}
