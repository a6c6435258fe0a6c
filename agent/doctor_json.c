/* SPDX-License-Identifier: MIT */
/* What the doctor found as one document, with what it looked at. */
#include "agent/doctor_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "agent/render.h"
#include "agent/version.h"

/* Findings with long reasons, and the state document. */
#define DOCUMENT_SIZE (6 * RENDER_SIZE)

static void put_finding(struct json *json, const struct finding *row)
{
	json_object(json, NULL);
	json_text(json, "level", doctor_level_words[row->level]);
	json_text(json, "module", row->module);
	json_text(json, "what", row->what);
	json_bool(json, "missing", row->missing);
	json_text(json, "text", row->text);
	json_text(json, "remedy", row->remedy[0] ? row->remedy : NULL);
	json_object_end(json);
}

static void put_running(struct json *json, const struct doctor_running *running)
{
	static const char *const words[] = {[DOCTOR_NONE] = "none",
					    [DOCTOR_DENIED] = "denied",
					    [DOCTOR_SILENT] = "silent",
					    [DOCTOR_RUNS] = "running"};
	const cJSON *balancer,
		*balancers = cJSON_GetObjectItemCaseSensitive(running->document, "balancers");

	json_object(json, "agent");
	json_text(json, "word", words[running->word]);
	if (running->word == DOCTOR_RUNS) {
		json_text(json, "version", running->version);
		json_int(json, "started", running->started_ms);
		json_bool(json, "dry_run", running->dry_run);
		json_text(json, "configuration", running->conf_path);
		json_text(json, "config_digest", running->digest);
		json_array(json, "balancers");
		cJSON_ArrayForEach(balancer, balancers)
		{
			const cJSON *name = cJSON_GetObjectItemCaseSensitive(balancer, "name");
			const cJSON *address =
				cJSON_GetObjectItemCaseSensitive(balancer, "address");
			json_object(json, NULL);
			json_text(json, "name", cJSON_GetStringValue(name));
			json_text(json, "address", cJSON_GetStringValue(address));
			json_object_end(json);
		}
		json_array_end(json);
	}
	json_object_end(json);
}

int doctor_print_json(const struct agent *agent, const struct doctor_running *running,
		      const struct findings *findings)
{
	static char text[DOCUMENT_SIZE];
	const struct identity *identity = &agent->identity;
	struct snapshot snapshot = agent_snapshot(agent);
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	json_text(&json, "id", identity->id);
	json_text(&json, "id_from", identity->origin);
	json_text(&json, "version", hostingpi_version);
	json_text(&json, "model", identity->model[0] ? identity->model : NULL);
	json_text(&json, "kernel", identity->kernel[0] ? identity->kernel : NULL);
	json_text(&json, "configuration", agent->options.conf_path);
	json_text(&json, "config_digest", agent->settings->digest);
	put_running(&json, running);
	json_int(&json, "attention", (int64_t)doctor_count(findings, DOCTOR_ATTENTION));
	json_array(&json, "findings");
	for (size_t i = 0; i < findings->count; i++)
		put_finding(&json, &findings->rows[i]);
	json_array_end(&json);
	json_int(&json, "findings_dropped", (int64_t)findings->dropped);
	render_decision(&json, "decision", &agent->judge.decision);
	render_snapshot(&json, "state", &snapshot);
	json_object_end(&json);
	if (json_finish(&json) < 0)
		return -ENOSPC;
	puts(text);
	return 0;
}
