/* SPDX-License-Identifier: MIT */
/* The daemon's own sampling pass, run a few times without notifiers. */
#include "agent/once.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/log.h"
#include "agent/render.h"

/* Two readings a second apart, and one more for what arrives between two passes. */
#define ONCE_PASSES 3
#define ONCE_GAP_NS (600 * NS_PER_MS)

struct passes {
	struct agent *agent;
	struct timer *timer;
	int left;
};

static void on_pass(void *context)
{
	struct passes *passes = context;
	passes->agent->sample_due_ns = 0;
	agent_sample(passes->agent);
	if (--passes->left == 0)
		loop_stop(passes->agent->loop);
	else
		timer_arm(passes->timer, ONCE_GAP_NS);
}

int once_sample(struct agent *agent)
{
	struct passes passes = {.agent = agent, .left = ONCE_PASSES};
	agent->env.passing = true;
	passes.timer = env_timer(&agent->env, on_pass, &passes);
	if (!passes.timer || plant_open(&agent->plant, agent->settings, false) < 0) {
		log_error("cannot open the collectors");
		timer_end(passes.timer);
		return 1;
	}
	timer_arm(passes.timer, 0);
	loop_run(agent->loop);
	timer_end(passes.timer);
	return 0;
}

static int print_json(struct agent *agent)
{
	char text[RENDER_SIZE];
	struct snapshot snapshot = agent_snapshot(agent);
	struct report report = {.kind = REPORT_SAMPLE, .snapshot = &snapshot};
	if (render_report(text, sizeof(text), &report) < 0) {
		log_error("the state document does not fit into %d bytes", RENDER_SIZE);
		return 1;
	}
	puts(text);
	return 0;
}

static void print_name(const struct metric *metric, const char *name)
{
	int width = printf("%s.%s", metric->group, name);
	printf("%*s ", width < 30 ? 30 - width : 0, "");
}

static void print_value(const struct metric *metric, const char *name, int64_t value, bool rate)
{
	print_name(metric, name);
	if (rate && metric->unit == UNIT_PPM)
		printf("%.4f\n", (double)value / 1e9);
	else if (rate && metric->unit == UNIT_US)
		printf("%.3f\n", (double)value / 1e6);
	else if (rate)
		printf("%.3f\n", (double)value / 1e3);
	else if (metric->unit == UNIT_MILLI || metric->unit == UNIT_MILLI_CELSIUS)
		printf("%.3f\n", (double)value / 1e3);
	else if (metric->unit == UNIT_PPM)
		printf("%.4f\n", (double)value / 1e6);
	else if (metric->unit == UNIT_WORD)
		printf("%s\n", metric->words[value]);
	else if (metric->unit == UNIT_BOOL)
		printf("%s\n", value ? "yes" : "no");
	else
		printf("%" PRId64 "\n", value);
}

static void print_unknown(const struct metric *metric, const char *name, const char *reason)
{
	print_name(metric, name);
	printf("unknown: %s\n", reason);
}

static void print_slot(const struct snapshot *snapshot, unsigned slot)
{
	const struct metric *metric = state_metric(snapshot->state, slot);
	const char *reason, *text;
	int64_t value;

	if (metric->name && metric->unit == UNIT_TEXT) {
		if (state_text(snapshot->state, slot, snapshot->now_ns, &text, &reason) == 0) {
			print_name(metric, metric->name);
			puts(text);
		} else {
			print_unknown(metric, metric->name, reason);
		}
	} else if (metric->name) {
		if (state_value(snapshot->state, slot, snapshot->now_ns, &value, &reason) == 0)
			print_value(metric, metric->name, value, false);
		else
			print_unknown(metric, metric->name, reason);
	}
	if (!metric->rate_name)
		return;
	if (state_rate_milli(snapshot->state, slot, snapshot->now_ns, &value, &reason) == 0)
		print_value(metric, metric->rate_name, value, true);
	else
		print_unknown(metric, metric->rate_name, reason);
}

int once_run(struct agent *agent)
{
	int r = once_sample(agent);
	if (r != 0)
		return r;
	if (agent->options.json)
		return print_json(agent);

	struct snapshot snapshot = agent_snapshot(agent);
	for (unsigned i = 0; i < state_count(snapshot.state); i++)
		print_slot(&snapshot, state_ordered(snapshot.state, i));
	return 0;
}
