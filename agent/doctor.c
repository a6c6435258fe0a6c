/* SPDX-License-Identifier: MIT */
/*
 * The doctor looks at one short run of the collectors: which readings lack (every reason names its remedy),
 * and which say that something is wrong with this machine; at the files that the settings name; asks an
 * agent that runs here; and lets the modules ask others. What needs somebody is one thing, what could be
 * better another, and what this machine cannot have no finding at all: a page of these hides the one line
 * that matters.
 */
#include "agent/doctor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/doctor_finding.h"
#include "agent/doctor_json.h"
#include "agent/doctor_machine.h"
#include "agent/doctor_print.h"
#include "agent/doctor_probe.h"
#include "agent/doctor_readings.h"
#include "agent/doctor_running.h"
#include "agent/doctor_web.h"
#include "agent/log.h"
#include "agent/once.h"

struct inspection {
	struct findings *findings;
	const char *module;
};

static void note(void *context, const char *key, const char *sentence)
{
	struct inspection *inspection = context;
	/* What the agent's user may read and this one not is as it should be. */
	bool denied = geteuid() != 0 && strstr(sentence, strerrordesc_np(EACCES));

	struct finding *row =
		doctor_add(inspection->findings, denied ? DOCTOR_ADVICE : DOCTOR_ATTENTION,
			   inspection->module, key, "");

	doctor_say(row, "%s", sentence);
	/* Of a further section it says so itself ("credential_file of [x]"). */
	if (row)
		row->setting = !strchr(key, '[');
}

static void note_elsewhere(void *context, const char *key, const char *sentence)
{
	struct inspection *inspection = context;

	doctor_add(inspection->findings, DOCTOR_GOOD, inspection->module, key, sentence);
}

/* No more than advice: who has changed the unit knows better, and another agent than the unit's sees it. */
static void note_hidden(void *context, const char *key, const char *sentence)
{
	struct inspection *inspection = context;
	struct finding *row =
		doctor_add(inspection->findings, DOCTOR_ADVICE, inspection->module, key, sentence);

	if (row)
		row->setting = !strchr(key, '[');
}

static void check_hidden(const struct instance *instance, const void *conf,
			 struct findings *findings)
{
	struct inspection inspection = {findings, instance->module->name};

	settings_hidden(instance->module, conf, note_hidden, &inspection);
}

static void check_notifier(const struct instance *instance, const void *conf,
			   struct findings *findings)
{
	struct inspection inspection = {findings, instance->module->name};

	if (instance->module->inspect)
		instance->module->inspect(conf, note, &inspection);
	settings_elsewhere(instance->module, conf, note_elsewhere, &inspection);
}

int doctor_run(struct agent *agent)
{
	static struct findings findings;
	static struct doctor_running running;
	int r = once_sample(agent);
	if (r != 0)
		return r;
	doctor_running_ask(agent, &running);
	/* Another root is another machine, whose files and neighbours are not here; unless it runs here. */
	bool here = agent->env.real_root || running.word != DOCTOR_NONE;
	doctor_running_check(agent, &running, &findings);
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		if (!instance->notifier)
			doctor_collector_check(agent, instance, &running, &findings);
		else if (here)
			check_notifier(instance, agent->settings->confs[i], &findings);
		if (here)
			check_hidden(instance, agent->settings->confs[i], &findings);
	}
	doctor_decision_check(agent, &findings);
	doctor_machine_check(agent, &running, &findings);
	doctor_web_check(agent, &findings);
	if (here)
		doctor_probe(agent, running.word != DOCTOR_NONE, &findings);

	if (!agent->options.json)
		doctor_print_people(agent, &running, &findings);
	else
		r = doctor_print_json(agent, &running, &findings);
	doctor_running_free(&running);
	if (r < 0) {
		log_error("the findings do not fit into one document");
		return 1;
	}
	return doctor_count(&findings, DOCTOR_ATTENTION) ? 1 : 0;
}
