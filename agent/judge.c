/* SPDX-License-Identifier: MIT */
/* No logic of its own: it hands the output of one to the next. */
#include "agent/judge.h"

#include "agent/learned.h"

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
		.balancers = readings_has(readings, ROLE_BALANCERS)
				     ? readings->value[ROLE_BALANCERS]
				     : 0,
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
