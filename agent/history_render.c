/* SPDX-License-Identifier: MIT */
/*
 * The longest course is 360 times three numbers: 16 KiB if each has 13 digits, of which the answer of the
 * control socket holds twice as much. Times are of the wall clock now, also where it was set meanwhile.
 */
#include "agent/history_render.h"

#include <stdio.h>

#include "agent/render.h"
#include "agent/units.h"

/* "group.field": the longest name of all readings has 27 characters. */
#define NAME_SIZE 64

static void render_name(struct json *json, const char *key, const struct metric *metric, bool rate)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s.%s", metric->group,
		 rate ? metric->rate_name : metric->name);
	json_text(json, key, name);
	json_text(json, "unit", render_unit(metric, rate));
	json_text(json, "help", metric->help);
}

int history_render_list(const struct history *history, char *buffer, size_t size)
{
	struct json json;

	json_start(&json, buffer, size);
	json_object(&json, NULL);
	json_array(&json, "series");
	for (size_t i = 0; i < history_count(history); i++) {
		bool rate;
		const struct metric *metric = history_metric(history, i, &rate);

		json_object(&json, NULL);
		render_name(&json, "name", metric, rate);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object(&json, "spans");
	for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
		json_object(&json, history_span_words[span]);
		json_int(&json, "step_s", history_step_ns(span) / NS_PER_S);
		json_int(&json, "steps", (int64_t)history_steps(span));
		json_object_end(&json);
	}
	json_object_end(&json);
	json_object_end(&json);
	return json_finish(&json);
}

enum part { LEAST, MEAN, MOST };

static void render_part(struct json *json, const struct history *history, size_t series,
			enum history_span span, int64_t now_ns, enum part part)
{
	static const char *const keys[] = {[LEAST] = "least", [MEAN] = "mean", [MOST] = "most"};
	bool rate;
	const struct metric *metric = history_metric(history, series, &rate);

	json_array(json, keys[part]);
	for (size_t ago = history_steps(span); ago-- > 0;) {
		struct history_point point;

		if (history_get(history, series, span, ago, now_ns, &point))
			render_reading(json, NULL, metric, rate,
				       part == LEAST  ? point.least
				       : part == MEAN ? point.mean
						      : point.most);
		else
			json_text(json, NULL, NULL);
	}
	json_array_end(json);
}

int history_render(const struct history *history, size_t series, enum history_span span,
		   const struct history_moment *now, char *buffer, size_t size)
{
	int64_t step_ns = history_step_ns(span);
	bool rate;
	const struct metric *metric = history_metric(history, series, &rate);
	struct json json;

	json_start(&json, buffer, size);
	json_object(&json, NULL);
	render_name(&json, "series", metric, rate);
	json_text(&json, "span", history_span_words[span]);
	json_int(&json, "step_s", step_ns / NS_PER_S);
	json_int(&json, "steps", (int64_t)history_steps(span));
	/* When the last of them, which is still running, has begun. */
	json_int(&json, "ts", now->wall_ms - now->now_ns % step_ns / NS_PER_MS);
	for (enum part part = LEAST; part <= MOST; part++)
		render_part(&json, history, series, span, now->now_ns, part);
	json_object_end(&json);
	return json_finish(&json);
}
