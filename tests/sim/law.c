/* SPDX-License-Identifier: MIT */
/*
 * Laws that are no law, and ours: the code of agent/ as the daemon runs it, at the pace that it asks
 * for itself.
 */
#include "tests/sim/law.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "agent/units.h"
#include "tests/sim/world.h"

const struct law laws[] = {
	{"none", "weight 100, no cap", false, NULL},
	{"static", "no agent; the operator's maxconn in the balancer", true, NULL},
	{"threshold", "weight 0 below 15 % MemAvailable, 100 again above 25 %", false,
	 law_threshold},
	{"feedback", "loadbalancer.org: 100 - mean of CPU % and RAM %", false, law_feedback},
	{"free-share", "mwinkens/haproxy-agent: weight by free RAM and load", false,
	 law_free_share},
	{"weight-only", "ours, but the balancer ignores maxconn", false, law_ours_weight},
	{"aimd", "maxconn by additive increase and halving, weight 100", true, law_aimd},
	{"reference", "the headroom budget in its plainest form", true, law_reference},
	{"ours", "the law of the daemon", true, law_ours},
	{RESULT_ORACLE, "knows the future", true, law_oracle},
	{NULL, NULL, false, NULL},
};

const struct law *law_find(const char *name)
{
	for (const struct law *law = laws; law->name; law++)
		if (strcmp(law->name, name) == 0)
			return law;
	return NULL;
}

void law_ours(struct world *world, struct pi *pi)
{
	struct readings readings;
	observe_readings(world, pi, &readings);
	const struct judge_input input = {
		.now_ns = readings.stamp_ns[ROLE_MEM_FREE],
		.wall_ms = readings.stamp_ns[ROLE_MEM_FREE] / NS_PER_MS,
		.entropy = (uint32_t)rng_next(&world->entropy),
	};
	struct judge *judge = &pi->law.judge;
	judge_readings(judge, world->settings, &readings, &input);
	const struct decision *decision = &judge->decision;
	pi->told = (struct told){
		.weight_pct = decision->weight_pct,
		.maxconn = decision->maxconn_known ? decision->maxconn : 0,
		.down = decision->fail && world->scenario.mixed > 0,
		.state = control_state_words[decision->state],
	};
	int64_t next_ns =
		controller_next_ns(decision, &judge->verdict, world->settings->agent.interval_ns);
	pi->law.due_s = world->t_s + fmin((double)next_ns / 1e9, 1);
}

void law_ours_weight(struct world *world, struct pi *pi)
{
	law_ours(world, pi);
	pi->told.maxconn = 0;
}
