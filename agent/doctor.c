/* SPDX-License-Identifier: MIT */
/*
 * The short doctor: what each collector found and which readings it lacks, with the reason (every
 * reason names its remedy), and what the judge thinks of this machine's swap. The notifiers are only
 * listed: connecting is the daemon's business.
 */
#include <stdio.h>
#include <string.h>

#include "agent/once.h"
#include "agent/render.h"
#include "agent/version.h"

struct finding {
	const char *module;
	char what[64];
	const char *text;
};

/* 96: more than there are metrics. */
struct findings {
	size_t count;
	struct finding rows[96];
};

static void add(struct findings *findings, const char *module, const char *what, const char *text)
{
	if (findings->count == sizeof(findings->rows) / sizeof(findings->rows[0]))
		return;
	struct finding *row = &findings->rows[findings->count++];
	row->module = module;
	row->text = text;
	snprintf(row->what, sizeof(row->what), "%s", what);
}

/* Readings that are unknown, except rates that only lack a second reading. */
static void check_instance(struct agent *agent, const struct instance *instance,
			   struct findings *findings)
{
	int64_t now_ns = env_now_ns(&agent->env);
	for (unsigned i = 0; i < instance->source.count; i++) {
		unsigned slot = instance->source.first + i;
		const struct metric *metric = state_metric(agent->plant.state, slot);
		const char *reason;
		int64_t value;
		char what[64];
		if (state_value(agent->plant.state, slot, now_ns, &value, &reason) == 0)
			continue;
		const char *name = metric->name ? metric->name : metric->rate_name;
		if (!name || metric->idle_unknown)
			continue;
		snprintf(what, sizeof(what), "%s.%s", metric->group, name);
		add(findings, instance->module->name, what, reason);
	}
}

static void check_swap(struct agent *agent, struct findings *findings)
{
	struct readings readings;
	state_readings(agent->plant.state, env_now_ns(&agent->env), &readings);
	if (!readings_has(&readings, ROLE_SWAP_KIND))
		return;
	int64_t kind = readings.value[ROLE_SWAP_KIND];
	bool disk = kind == SWAP_DISK || kind == SWAP_MIXED;
	if (disk && readings_has(&readings, ROLE_SWAPPINESS) &&
	    readings.value[ROLE_SWAPPINESS] > 10)
		add(findings, "memory", "vm.swappiness",
		    "swap is on disk and swappiness is above 10: the kernel swaps early; "
		    "set vm.swappiness = 1 in /etc/sysctl.d");
}

/* The readings that lack for one and the same reason on one line each, the reason once below. */
static void print_findings(const struct findings *findings, const struct module *module)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];
		bool last = i + 1 == findings->count || row[1].module != row->module ||
			    strcmp(row[1].text, row->text) != 0;
		if (row->module != module->name)
			continue;
		printf("  %s\n", row->what);
		if (last)
			printf("      %s\n", row->text);
	}
}

/* What a module says in words about what it works with. */
static void print_found(const struct agent *agent, const struct instance *instance)
{
	int64_t now_ns = env_now_ns(&agent->env);
	for (unsigned i = 0; i < instance->source.count; i++) {
		unsigned slot = instance->source.first + i;
		const struct metric *metric = state_metric(agent->plant.state, slot);
		const char *text, *reason;
		if (metric->name && metric->unit == UNIT_TEXT &&
		    state_text(agent->plant.state, slot, now_ns, &text, &reason) == 0)
			printf("  %s.%s: %s\n", metric->group, metric->name, text);
	}
}

static void print_people(const struct agent *agent, const struct findings *findings)
{
	printf("hostingpid %s on %s (id from %s)\n", hostingpi_version, agent->identity.id,
	       agent->identity.origin);
	printf("model %s, kernel %s, configuration %s\n\n",
	       agent->identity.model[0] ? agent->identity.model : "unknown",
	       agent->identity.kernel[0] ? agent->identity.kernel : "unknown",
	       agent->options.conf_path);
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		size_t lacking = 0;
		for (size_t j = 0; j < findings->count; j++)
			lacking += findings->rows[j].module == instance->module->name;
		if (instance->notifier)
			printf("%-12s notifier, not tried here (hostingpictl status shows it)\n",
			       instance->module->name);
		else if (lacking == 0)
			printf("%-12s ok\n", instance->module->name);
		else
			printf("%-12s %zu of %u readings missing\n", instance->module->name,
			       lacking, instance->source.count);
		print_found(agent, instance);
		print_findings(findings, instance->module);
	}
	printf("\n%s\n",
	       findings->count ? "Some things above need attention." : "Nothing needs attention.");
}

static void print_json(const struct agent *agent, const struct findings *findings)
{
	static char text[4 * RENDER_SIZE];
	struct json json;
	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	json_text(&json, "id", agent->identity.id);
	json_text(&json, "id_from", agent->identity.origin);
	json_text(&json, "version", hostingpi_version);
	json_array(&json, "findings");
	for (size_t i = 0; i < findings->count; i++) {
		json_object(&json, NULL);
		json_text(&json, "module", findings->rows[i].module);
		json_text(&json, "what", findings->rows[i].what);
		json_text(&json, "text", findings->rows[i].text);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	if (json_finish(&json) > 0)
		puts(text);
}

int doctor_run(struct agent *agent)
{
	static struct findings findings;
	int r = once_sample(agent);
	if (r != 0)
		return r;
	for (size_t i = 0; i < agent->plant.count; i++)
		if (!agent->plant.instances[i].notifier)
			check_instance(agent, &agent->plant.instances[i], &findings);
	check_swap(agent, &findings);
	if (agent->options.json)
		print_json(agent, &findings);
	else
		print_people(agent, &findings);
	return findings.count ? 1 : 0;
}
