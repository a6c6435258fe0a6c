/* SPDX-License-Identifier: MIT */
/*
 * One timer drives everything: read what is due, judge, decide, tell. Its period adapts to danger;
 * samples are published at the configured interval all the same. What a module saw between two ticks
 * and cannot wait comes in through env_wake() and runs the same pass.
 */
#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/again.h"
#include "agent/keep.h"
#include "agent/log.h"
#include "agent/phase.h"
#include "agent/version.h"

/* The second arena of the heap reserves 64 MiB of address space; all of it counts as locked. */
#define LOCK_LEAST_BYTES ((rlim_t)128 << 20)

static void agent_tick(void *context);

struct snapshot agent_snapshot(const struct agent *agent)
{
	return (struct snapshot){
		.ts_ms = env_wall_ms(&agent->env),
		.now_ns = env_now_ns(&agent->env),
		.seq = agent->seq,
		.interval_ms = agent->settings->agent.interval_ns / NS_PER_MS,
		.state = agent->plant.state,
	};
}

void agent_event(struct agent *agent, const struct event *event)
{
	static const enum log_level levels[] = {
		[SEVERITY_INFO] = LOG_LEVEL_NOTICE,
		[SEVERITY_WARNING] = LOG_LEVEL_WARNING,
		[SEVERITY_CRITICAL] = LOG_LEVEL_ERROR,
	};
	struct event stamped = *event;
	stamped.id = ++agent->event_id;
	stamped.ts_ms = env_wall_ms(&agent->env);
	/* First out, then into the log: the log may be on the card that fails. */
	struct report report = {.kind = REPORT_EVENT, .event = &stamped};
	dispatch_report(&agent->plant.dispatch, &report);
	diary_put(agent->diary, &stamped);
	log_message(levels[stamped.severity], "%s: %s", stamped.kind, stamped.text);
}

static void take_event(void *context, const struct event *event)
{
	agent_event(context, event);
}

static void tell_transition(struct agent *agent, enum control_state before)
{
	const struct decision *decision = &agent->judge.decision;
	static const enum severity severities[CONTROL_STATES] = {
		[CONTROL_NORMAL] = SEVERITY_INFO,  [CONTROL_SHED] = SEVERITY_WARNING,
		[CONTROL_RECOVER] = SEVERITY_INFO, [CONTROL_HARD] = SEVERITY_CRITICAL,
		[CONTROL_HOLD] = SEVERITY_INFO,	   [CONTROL_BLIND] = SEVERITY_WARNING,
	};
	struct event event = {.severity = severities[decision->state]};
	bool first = !agent->told_start;
	agent->told_start = true;
	snprintf(event.kind, sizeof(event.kind), first ? "start" : "state");
	snprintf(event.text, sizeof(event.text), "%s -> %s: %s; weight %d%%, maxconn %d",
		 first ? "start" : control_state_words[before],
		 control_state_words[decision->state], decision->reason, decision->weight_pct,
		 decision->maxconn);
	event_put(&event, "weight", decision->weight_pct);
	event_put(&event, "maxconn", decision->maxconn);
	if (decision->headroom_known)
		event_put(&event, "headroom_bytes", decision->headroom_bytes);
	if (decision->time_to_swap_known)
		event_put(&event, "time_to_swap_ms", decision->time_to_swap_ms);
	agent_event(agent, &event);
	sdnotify_send(&agent->notify, "STATUS=%s: %s, weight %d%%, maxconn %d",
		      control_state_words[decision->state], decision->reason, decision->weight_pct,
		      decision->maxconn);
}

static void tell_health(struct agent *agent, enum health_word before)
{
	static const enum severity severities[] = {
		[HEALTH_UNKNOWN] = SEVERITY_INFO,  [HEALTH_GOOD] = SEVERITY_INFO,
		[HEALTH_WORN] = SEVERITY_WARNING,  [HEALTH_FAILING] = SEVERITY_CRITICAL,
		[HEALTH_DEAD] = SEVERITY_CRITICAL,
	};
	const struct health *health = &agent->judge.health;
	struct event event = {.severity = severities[health->word], .kind = "sd-health"};
	snprintf(event.text, sizeof(event.text), "%s -> %s: %s", health_words[before],
		 health_words[health->word], health->reason);
	agent_event(agent, &event);
}

/* Whether anybody must hear of it: headroom and time to swap move all the time and go with samples. */
static bool decision_differs(const struct decision *a, const struct decision *b)
{
	return a->state != b->state || a->weight_pct != b->weight_pct || a->maxconn != b->maxconn ||
	       a->nominal != b->nominal || a->balancers != b->balancers || a->drain != b->drain ||
	       a->undrain != b->undrain || a->fail != b->fail ||
	       /* Both clocks are read a moment apart, and the wall clock is set now and then. */
	       llabs(a->hold_until_ms - b->hold_until_ms) > 2000 ||
	       a->maxconn_known != b->maxconn_known || a->nominal_known != b->nominal_known ||
	       strcmp(a->reason, b->reason) != 0;
}

/* A reserve larger than this machine can ever have free would be the hard level for ever. */
static void check_reserve(struct agent *agent)
{
	const struct verdict *verdict = &agent->judge.verdict;
	if (!verdict->known)
		return;
	if (verdict->reserve_bytes > verdict->total_bytes / 10 * 9)
		complaint_raise(&agent->reserve,
				"[control] reserve is %lld MB, this machine has %lld MB in all: "
				"the weight will stay low",
				(long long)(verdict->reserve_bytes / 1000000),
				(long long)(verdict->total_bytes / 1000000));
	else
		complaint_clear(&agent->reserve, "[control] reserve");
}

static void decide(struct agent *agent)
{
	agent_hold_expire(agent);
	enum control_state before = agent->judge.controller.state;
	enum health_word health_before = agent->judge.health.word;
	const struct judge_input input = {
		.request = agent->request,
		.request_reason = agent->request_reason,
		.now_ns = env_now_ns(&agent->env),
		.wall_ms = env_wall_ms(&agent->env),
		.entropy = env_entropy(&agent->env),
	};
	bool undraining = agent->judge.decision.undrain != 0;
	agent->request = REQUEST_NONE;
	bool changed = judge_step(&agent->judge, agent->settings, agent->plant.state, &input);
	agent->judge.decision.hold_until_ms = agent_hold_until_ms(agent);

	/* Balancers first, then the story. */
	if (changed || decision_differs(&agent->judge.decision, &agent->published)) {
		agent->published = agent->judge.decision;
		struct report report = {.kind = REPORT_DECISION,
					.decision = &agent->judge.decision};
		dispatch_report(&agent->plant.dispatch, &report);
	}
	if (changed || !agent->told_start)
		tell_transition(agent, before);
	if (agent->judge.health_news)
		tell_health(agent, health_before);
	if (undraining && !agent->judge.decision.undrain && !agent->judge.decision.drain)
		keep_undrain_over(&agent->env);
	if (agent->tick) {
		agent_learned_keep(agent);
		agent_keep_decision(agent);
	}
	check_reserve(agent);
}

static void publish_sample(struct agent *agent)
{
	int64_t now_ns = env_now_ns(&agent->env);
	/* Half a tick early is on time, else a jittering tick would skip every other sample. */
	if (now_ns + 50 * NS_PER_MS < agent->sample_due_ns)
		return;
	int64_t interval_ns = agent->settings->agent.interval_ns;
	agent->sample_due_ns += interval_ns;
	if (agent->sample_due_ns < now_ns) /* a pause: the phase stays */
		agent->sample_due_ns +=
			((now_ns - agent->sample_due_ns) / interval_ns + 1) * interval_ns;

	static struct batch batch;
	batch_reset(&batch);
	derived_read(&agent->judge.verdict, &agent->judge.decision, &agent->judge.health,
		     agent->late_us, &batch);
	state_update(agent->plant.state, agent->derived, &batch, now_ns);
	agent->late_us = 0;
	agent->seq++;

	struct snapshot snapshot = agent_snapshot(agent);
	struct report report = {.kind = REPORT_SAMPLE, .snapshot = &snapshot};
	dispatch_report(&agent->plant.dispatch, &report);
}

void agent_sample(struct agent *agent)
{
	plant_read(&agent->plant, env_now_ns(&agent->env), take_event, agent);
	decide(agent);
	publish_sample(agent);
	history_take(agent->history, agent->plant.state, env_now_ns(&agent->env));
	dispatch_retry(&agent->plant.dispatch);
}

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

void agent_phase(struct agent *agent)
{
	agent->sample_due_ns = env_now_ns(&agent->env) +
			       phase_wait_ns(agent->env.id, agent->settings->agent.interval_ns,
					     env_wall_ms(&agent->env));
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
