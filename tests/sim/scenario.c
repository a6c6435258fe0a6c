/* SPDX-License-Identifier: MIT */
/*
 * Every event is a pure function of time, so that the model asks for the level at t and the oracle for
 * the level of tomorrow, both from the same lines.
 */
#include "tests/sim/scenario.h"

#include <math.h>

#include "tests/sim/rng.h"

#define FREE_S 2.0 /* how long a process takes to give everything back */

static double clamp01(double value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* 0 to 1 over over_s, 1 for for_s, back to 0 over back_s. */
static double shape(double t_s, double over_s, double for_s, double back_s)
{
	if (t_s < 0)
		return 0;
	if (t_s < over_s)
		return t_s / over_s;
	if (t_s <= over_s + for_s)
		return 1;
	return back_s > 0 ? clamp01(1 - (t_s - over_s - for_s) / back_s) : 0;
}

static double level(const struct scenario_event *event, double t_s)
{
	double since_s = t_s - event->at_s;
	switch (event->kind) {
	case EVENT_GROW: {
		double bytes = event->amount * fmin(fmax(since_s, 0), event->for_s);
		if (event->keep_s <= 0)
			return bytes;
		double late_s = since_s - event->for_s - event->keep_s;
		return bytes * (1 - clamp01(late_s / FREE_S));
	}
	case EVENT_JOB:
		return event->amount * shape(since_s, event->over_s, event->for_s, FREE_S);
	case EVENT_SWELL:
		return event->amount * fmin(fmax(since_s, 0), event->for_s);
	case EVENT_RATE:
	case EVENT_READ:
	case EVENT_WRITE:
	case EVENT_SLOW:
	case EVENT_THROTTLE:
		return event->amount * shape(since_s, event->over_s, event->for_s, event->over_s);
	case EVENT_KINDS:
		break;
	}
	return 0;
}

double scenario_sum(const struct scenario *scenario, enum event_kind kind, int pi, double t_s)
{
	double sum = 0;
	for (int i = 0; i < scenario->event_count; i++)
		if (scenario->events[i].kind == kind && (scenario->events[i].on >> pi & 1))
			sum += level(&scenario->events[i], t_s);
	return sum;
}

double scenario_factor(const struct scenario *scenario, enum event_kind kind, int pi, double t_s)
{
	double factor = 1;
	for (int i = 0; i < scenario->event_count; i++) {
		const struct scenario_event *event = &scenario->events[i];
		if (event->kind != kind || !(event->on >> pi & 1))
			continue;
		double share = shape(t_s - event->at_s, event->over_s, event->for_s, event->over_s);
		factor *= 1 + (event->amount - 1) * share;
	}
	return factor;
}

double scenario_nonweb(const struct scenario *scenario, int pi, double t_s)
{
	return scenario->base + scenario_sum(scenario, EVENT_GROW, pi, t_s) +
	       scenario_sum(scenario, EVENT_JOB, pi, t_s);
}

double scenario_rate(const struct scenario *scenario, double t_s)
{
	double phase = 2 * 3.14159265358979323846 * t_s / scenario->seconds;
	double rate = scenario->rate * (1 - scenario->wave * cos(phase));
	return rate * scenario_factor(scenario, EVENT_RATE, 0, t_s);
}

void scenario_span(const struct scenario_event *event, double *ret_from, double *ret_to)
{
	double end = event->at_s + event->over_s + event->for_s;
	if (event->kind == EVENT_GROW)
		end = event->keep_s > 0 ? end + event->keep_s + FREE_S : -1;
	else if (event->kind == EVENT_JOB)
		end += FREE_S;
	else if (event->kind == EVENT_SWELL)
		end = -1;
	else
		end += event->over_s;
	*ret_from = event->at_s;
	*ret_to = end;
}

bool scenario_disturbance(const struct scenario *scenario, double *ret_from, double *ret_to)
{
	double first = scenario->seconds, last = 0;
	for (int i = 0; i < scenario->event_count; i++) {
		double from, to;
		scenario_span(&scenario->events[i], &from, &to);
		if (to < from)
			return false;
		first = fmin(first, from);
		last = fmax(last, to);
	}
	if (scenario->event_count == 0 || last >= scenario->seconds)
		return false;
	*ret_from = first;
	*ret_to = last;
	return true;
}

bool scenario_non_web(const struct scenario *scenario)
{
	for (int i = 0; i < scenario->event_count; i++)
		if (scenario->events[i].kind == EVENT_GROW || scenario->events[i].kind == EVENT_JOB)
			return true;
	return false;
}

double scenario_static_cap(const struct scenario *scenario)
{
	if (scenario->cap > 0)
		return scenario->cap;
	const struct memory_conf *memory = &scenario->memory;
	double room = 0.8 * memory->total - memory->kernel - memory->slab - scenario->base;
	return fmax(1, fmin(floor(room / scenario->worker), scenario->max_workers));
}

/*
 * What no operator knows exactly: sizes, speeds, moments. The same draws for every law, because they
 * come from the seed alone.
 */
void scenario_vary(const struct scenario *scenario, uint64_t seed, struct scenario *ret_scenario)
{
	struct rng rng = rng_new(seed, 1);
	*ret_scenario = *scenario;
	double *const sizes[] = {
		&ret_scenario->base,	      &ret_scenario->memory.file, &ret_scenario->memory.hot,
		&ret_scenario->worker,	      &ret_scenario->cpu_s,	  &ret_scenario->wait_s,
		&ret_scenario->memory.kernel,
	};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		*sizes[i] *= 1 + scenario->vary * rng_between(&rng, -1, 1);
	ret_scenario->memory.active = fmax(ret_scenario->memory.active * ret_scenario->memory.file /
						   fmax(1, scenario->memory.file),
					   ret_scenario->memory.hot);
	/* How early this machine swaps: the range covers what the recordings show around the fit. */
	ret_scenario->memory.pass = rng_between(&rng, 0.38, 0.52);
	for (int i = 0; i < ret_scenario->event_count; i++) {
		struct scenario_event *event = &ret_scenario->events[i];
		double factor = 1 + scenario->vary * rng_between(&rng, -1, 1);
		event->at_s += rng_between(&rng, 0, 3);
		if (event->kind == EVENT_RATE || event->kind == EVENT_SLOW)
			event->amount = 1 + (event->amount - 1) * factor;
		else if (event->kind != EVENT_THROTTLE)
			event->amount *= factor;
	}
}
