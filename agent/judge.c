/* SPDX-License-Identifier: MIT */
/* No logic of its own: it hands the output of one to the next. */
#include "agent/judge.h"

#include "agent/learned.h"

/* Who asks at all asks within this time: the same number as in agent-check, which counts them. */
#define BALANCERS_NS (10 * NS_PER_S)

static int64_t count_balancers(const struct judge *judge, const struct readings *readings,
			       int64_t now_ns)
{
	int64_t count =
		readings_has(readings, ROLE_BALANCERS) ? readings->value[ROLE_BALANCERS] : 0;

	if (now_ns < judge->balancers_until_ns && count < judge->balancers_least)
		return judge->balancers_least;
	return count;
}

void judge_keep_balancers(struct judge *judge, int64_t balancers, int64_t now_ns)
{
	judge->balancers_least = balancers;
	judge->balancers_until_ns = now_ns + BALANCERS_NS;
}

bool judge_readings(struct judge *judge, const struct settings *settings,
		    const struct readings *readings, const struct judge_input *input)
{
	bool changed;

	if (readings_has(readings, ROLE_MEM_TOTAL))
		learned_check(judge, readings->value[ROLE_MEM_TOTAL]);
	pressure_judge(&judge->pressure, &settings->pressure, readings, input->now_ns,
		       &judge->verdict);

	judge->health_news = health_step(&judge->health, readings, input->now_ns);

	const struct control_input control = {
		.verdict = &judge->verdict,
		.request = input->request,
		.request_reason = input->request_reason,
		.balancers = count_balancers(judge, readings, input->now_ns),
		.now_ns = input->now_ns,
		.wall_ms = input->wall_ms,
		.entropy = input->entropy,
	};
	controller_step(&judge->controller, &settings->controller, &control, &judge->decision,
			&changed);
	return changed;
}

bool judge_step(struct judge *judge, const struct settings *settings, const struct state *state,
		const struct judge_input *input)
{
	struct readings readings;

	state_readings(state, input->now_ns, &readings);
	return judge_readings(judge, settings, &readings, input);
}
