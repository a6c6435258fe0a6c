/* SPDX-License-Identifier: MIT */
/* The document behind `hostingpictl status --json`. */
#include "agent/agent_self.h"

#include "agent/render.h"
#include "agent/version.h"

static void render_notifiers(const struct agent *agent, struct json *json)
{
	json_object(json, "notifiers");
	for (size_t i = 0; i < agent->plant.dispatch.sink_count; i++) {
		const struct dispatch_sink *sink = &agent->plant.dispatch.sinks[i];
		json_object(json, sink->notifier->module.name);
		json_int(json, "queue_waiting", (int64_t)sink->count);
		json_int(json, "queue_dropped", (int64_t)sink->dropped);
		if (sink->open && sink->notifier->status)
			sink->notifier->status(sink->self, json);
		json_object_end(json);
	}
	json_object_end(json);
}

int agent_status(const struct agent *agent, char *buffer, size_t size)
{
	struct snapshot snapshot = agent_snapshot(agent);
	struct balancer balancers[OVERVIEW_BALANCERS];
	size_t count = plant_balancers(&agent->plant, balancers, OVERVIEW_BALANCERS);
	struct json json;

	json_start(&json, buffer, size);
	json_object(&json, NULL);
	json_text(&json, "id", agent->identity.id);
	json_text(&json, "id_from", agent->identity.origin);
	json_text(&json, "version", hostingpi_version);
	json_int(&json, "ts", snapshot.ts_ms);
	json_int(&json, "seq", (int64_t)snapshot.seq);
	json_int(&json, "started", agent->env.started_ms);
	json_bool(&json, "dry_run", agent->env.dry_run);
	render_snapshot(&json, "state", &snapshot);
	render_decision(&json, "decision", &agent->judge.decision);
	render_notifiers(agent, &json);
	render_balancers(&json, "balancers", balancers, count, snapshot.now_ns);
	json_object(&json, "config");
	json_text(&json, "path", agent->options.conf_path);
	json_text(&json, "digest", agent->settings->digest);
	json_object_end(&json);
	json_object_end(&json);
	return json_finish(&json);
}
