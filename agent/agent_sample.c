/* SPDX-License-Identifier: MIT */
/*
 * One pass: read what is due, judge, decide, tell. The faster the danger, the more passes there are; samples
 * are published at the configured interval all the same.
 */
#include "agent/agent_self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keep.h"
#include "agent/log.h"
#include "agent/phase.h"

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
	bool set = agent_clock_follow(agent);
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
	if (changed || set || decision_differs(&agent->judge.decision, &agent->published)) {
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

void agent_phase(struct agent *agent)
{
	agent->sample_due_ns = env_now_ns(&agent->env) +
			       phase_wait_ns(agent->env.id, agent->settings->agent.interval_ns,
					     env_wall_ms(&agent->env));
}
