/* SPDX-License-Identifier: MIT */
/*
 * The documents of the contract. What is unknown is left out of its group and listed with the reason
 * in "unknown", so that a reader can never take it for a number.
 */
#include "agent/render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/state.h"
#include "agent/units.h"

static void render_value(struct json *json, const char *key, const struct metric *metric,
			 int64_t value)
{
	switch (metric->unit) {
	case UNIT_COUNT:
	case UNIT_BYTES:
	case UNIT_MS:
	case UNIT_US:
	case UNIT_S:
	case UNIT_HZ:
		json_int(json, key, value);
		return;
	case UNIT_MILLI:
	case UNIT_MILLI_CELSIUS:
		json_decimal(json, key, value, 3);
		return;
	case UNIT_PPM:
		json_decimal(json, key, value, 6);
		return;
	case UNIT_BOOL:
		json_bool(json, key, value != 0);
		return;
	case UNIT_WORD:
		json_text(json, key, metric->words[value]);
		return;
	case UNIT_TEXT:
		break; /* travels as text */
	}
}

static void render_rate(struct json *json, const char *key, const struct metric *metric,
			int64_t rate_milli)
{
	switch (metric->unit) {
	case UNIT_BYTES:
		json_int(json, key, rate_milli / 1000);
		return;
	case UNIT_US: /* milliseconds per second */
		json_decimal(json, key, rate_milli / 1000, 3);
		return;
	case UNIT_PPM: /* a ratio */
		json_decimal(json, key, rate_milli / 1000, 6);
		return;
	case UNIT_COUNT:
	case UNIT_MS:
	case UNIT_S:
	case UNIT_HZ:
	case UNIT_MILLI:
	case UNIT_MILLI_CELSIUS:
	case UNIT_BOOL:
	case UNIT_WORD:
	case UNIT_TEXT:
		break;
	}
	json_decimal(json, key, rate_milli, 3);
}

void render_reading(struct json *json, const char *key, const struct metric *metric, bool rate,
		    int64_t value)
{
	if (rate)
		render_rate(json, key, metric, value);
	else
		render_value(json, key, metric, value);
}

const char *render_unit(const struct metric *metric, bool rate)
{
	switch (metric->unit) {
	case UNIT_BYTES:
		return rate ? "bytes/s" : "bytes";
	case UNIT_MS:
		return rate ? "ms/s" : "ms";
	case UNIT_US:
		return rate ? "ms/s" : "us";
	case UNIT_S:
		return rate ? "s/s" : "s";
	case UNIT_HZ:
		return "Hz";
	case UNIT_MILLI_CELSIUS:
		return "C";
	case UNIT_PPM:
		return "ratio";
	case UNIT_COUNT:
	case UNIT_MILLI:
	case UNIT_BOOL:
	case UNIT_WORD:
	case UNIT_TEXT:
		break;
	}
	return rate ? "1/s" : "";
}

/* Returns why the value (or, with rate, the rate) is unknown; NULL if it was written. */
static const char *render_slot(struct json *json, const struct snapshot *snapshot, unsigned slot,
			       bool rate, bool write)
{
	const struct metric *metric = state_metric(snapshot->state, slot);
	struct state_reading reading;
	const char *reason;

	if (state_reading(snapshot->state, slot, rate, snapshot->now_ns, &reading, &reason) != 0)
		return reason;
	if (!write)
		return NULL;
	if (rate)
		render_rate(json, metric->rate_name, metric, reading.value);
	else if (reading.text)
		json_text(json, metric->name, reading.text);
	else
		render_value(json, metric->name, metric, reading.value);
	return NULL;
}

static void render_groups(struct json *json, const struct snapshot *snapshot)
{
	const char *group = NULL;

	for (unsigned i = 0; i < state_count(snapshot->state); i++) {
		unsigned slot = state_ordered(snapshot->state, i);
		const struct metric *metric = state_metric(snapshot->state, slot);
		if (!metric->name && !metric->rate_name)
			continue;
		if (!group || strcmp(group, metric->group) != 0) {
			if (group)
				json_object_end(json);
			group = metric->group;
			json_object(json, group);
		}
		if (metric->name)
			render_slot(json, snapshot, slot, false, true);
		if (metric->rate_name)
			render_slot(json, snapshot, slot, true, true);
	}
	if (group)
		json_object_end(json);
}

static void render_reason(struct json *json, const struct metric *metric, const char *name,
			  const char *reason)
{
	char key[64];
	snprintf(key, sizeof(key), "%s.%s", metric->group, name);
	json_text(json, key, reason);
}

static void render_unknown(struct json *json, const struct snapshot *snapshot)
{
	json_object(json, "unknown");
	for (unsigned i = 0; i < state_count(snapshot->state); i++) {
		unsigned slot = state_ordered(snapshot->state, i);
		const struct metric *metric = state_metric(snapshot->state, slot);
		const char *reason;
		if (metric->name &&
		    (reason = render_slot(json, snapshot, slot, false, false)) != NULL)
			render_reason(json, metric, metric->name, reason);
		if (metric->rate_name &&
		    (reason = render_slot(json, snapshot, slot, true, false)) != NULL)
			render_reason(json, metric, metric->rate_name, reason);
	}
	json_object_end(json);
}

void render_snapshot(struct json *json, const char *key, const struct snapshot *snapshot)
{
	json_object(json, key);
	json_int(json, "ts", snapshot->ts_ms);
	json_int(json, "seq", (int64_t)snapshot->seq);
	json_int(json, "interval_ms", snapshot->interval_ms);
	render_groups(json, snapshot);
	render_unknown(json, snapshot);
	json_object_end(json);
}

void render_decision_members(struct json *json, const struct decision *decision)
{
	json_int(json, "weight", decision->weight_pct);
	json_int(json, "maxconn", decision->maxconn);
	json_text(json, "state", control_state_words[decision->state]);
	json_text(json, "reason", decision->reason);
	json_int(json, "since", decision->since_ms);
	json_int(json, "capacity", decision->capacity);
	json_int(json, "nominal", decision->nominal);
	json_int(json, "need", decision->need);
	json_int(json, "balancers", decision->balancers);
	json_bool(json, "drain", decision->drain);
	if (decision->hold_until_ms)
		json_int(json, "hold_until", decision->hold_until_ms);
	if (decision->headroom_known)
		json_int(json, "headroom_bytes", decision->headroom_bytes);
	if (decision->time_to_swap_known)
		json_decimal(json, "time_to_swap_s", decision->time_to_swap_ms, 3);
}

void render_decision(struct json *json, const char *key, const struct decision *decision)
{
	json_object(json, key);
	render_decision_members(json, decision);
	json_object_end(json);
}

void render_event(struct json *json, const char *key, const struct event *event)
{
	json_object(json, key);
	json_int(json, "ts", event->ts_ms);
	json_int(json, "id", (int64_t)event->id);
	json_text(json, "kind", event->kind);
	json_text(json, "severity", severity_words[event->severity]);
	json_text(json, "text", event->text);
	for (size_t i = 0; i < EVENT_VALUES && event->values[i].name; i++)
		json_int(json, event->values[i].name, event->values[i].value);
	json_object_end(json);
}

void render_balancers(struct json *json, const char *key, const struct balancer *balancers,
		      size_t count, int64_t now_ns)
{
	json_array(json, key);
	for (size_t i = 0; i < count; i++) {
		const struct balancer *balancer = &balancers[i];

		json_object(json, NULL);
		json_text(json, "by", balancer->by);
		json_text(json, "name", balancer->name[0] ? balancer->name : NULL);
		json_text(json, "address", balancer->address);
		json_decimal(json, "seen_s", (now_ns - balancer->seen_ns) / NS_PER_MS, 3);
		if (balancer->interval_ns > 0)
			json_int(json, "interval_ms", balancer->interval_ns / NS_PER_MS);
		if (balancer->told)
			json_text(json, "told", balancer->told);
		json_object_end(json);
	}
	json_array_end(json);
}

void render_about(struct json *json, const char *key, const struct about *about)
{
	json_object(json, key);
	json_text(json, "id", about->id);
	json_text(json, "model", about->model);
	json_text(json, "serial_hash", about->serial_hash);
	json_text(json, "firmware", about->firmware);
	json_text(json, "kernel", about->kernel);
	json_text(json, "version", about->version);
	json_text(json, "libraries", about->libraries);
	json_int(json, "started", about->started_ms);
	json_text(json, "config_digest", about->config_digest);
	json_object_end(json);
}

int render_report(char *buffer, size_t size, const struct report *report)
{
	struct json json;
	json_start(&json, buffer, size);
	switch (report->kind) {
	case REPORT_ABOUT:
		render_about(&json, NULL, report->about);
		break;
	case REPORT_SAMPLE:
		render_snapshot(&json, NULL, report->snapshot);
		break;
	case REPORT_DECISION:
		render_decision(&json, NULL, report->decision);
		break;
	case REPORT_EVENT:
		render_event(&json, NULL, report->event);
		break;
	case REPORT_MESSAGE: /* goes to those who post it as it is */
	case REPORT_KINDS:
		break;
	}
	return json_finish(&json);
}
