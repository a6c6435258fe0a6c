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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/once.h"

/* Readings that call for somebody from this value on. */
static const struct {
	enum metric_role role;
	int64_t least;
	const char *text, *remedy;
} alarms[] = {
	{ROLE_UNDERVOLTAGE, 1,
	 "the supply is too weak: use the one made for this board, and a short cable", ""},
	{ROLE_THROTTLED, 1, "the processor is slowed down: give it air, or a better supply", ""},
	{ROLE_STORAGE_FAILING, 1,
	 "storage does not answer or was lost: look at dmesg, save what can be saved",
	 "sudo dmesg --level=err,warn | tail -50"},
	{ROLE_STORAGE_ERRORS, 1,
	 "the kernel says that requests to the disk failed: look at dmesg, have another disk ready",
	 "sudo dmesg --level=err,warn | tail -50"},
	/* Four fifths: what is left is months, not years. */
	{ROLE_STORAGE_WEAR, 800000, "most of the disk's rated life is used up: replace it soon",
	 ""},
	{ROLE_FS_ERRORS, 1,
	 "the root file system remembers errors: boot once with fsck.mode=force fsck.repair=yes in "
	 "cmdline.txt",
	 ""},
	{ROLE_OUT_OF_MEMORY, 1, "the kernel just killed a program for want of memory",
	 "sudo dmesg | grep -i -A1 'killed process'"},
	{ROLE_KERNEL_FAILING, 1, "the kernel is in trouble: look at dmesg, and restart",
	 "sudo dmesg --level=emerg,alert,crit,err | tail -50"},
};

const char *const doctor_level_words[] = {
	[DOCTOR_ATTENTION] = "attention", [DOCTOR_ADVICE] = "advice", [DOCTOR_GOOD] = "good",
	[DOCTOR_ABSENT] = "absent",	  [DOCTOR_LEVELS] = NULL,
};

struct finding *doctor_add(struct findings *findings, enum doctor_level level, const char *module,
			   const char *what, const char *text)
{
	if (findings->count == FINDINGS) {
		findings->dropped++;
		return NULL;
	}
	struct finding *row = &findings->rows[findings->count++];
	*row = (struct finding){.level = level, .module = module, .text = text};
	snprintf(row->what, sizeof(row->what), "%s", what);
	return row;
}

void doctor_say(struct finding *row, const char *format, ...)
{
	char text[2 * MODULE_SENTENCE_SIZE];
	va_list args;

	if (!row)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_copy(row->own, sizeof(row->own), text);
	row->text = row->own;
}

void doctor_remedy(struct finding *row, const char *format, ...)
{
	va_list args;

	if (!row)
		return;
	va_start(args, format);
	vsnprintf(row->remedy, sizeof(row->remedy), format, args);
	va_end(args);
}

size_t doctor_count(const struct findings *findings, enum doctor_level level)
{
	size_t count = 0;
	for (size_t i = 0; i < findings->count; i++)
		count += findings->rows[i].level == level;
	return count;
}

void doctor_name(const struct metric *metric, bool rate, char *ret_name, size_t size)
{
	const char *name = rate ? metric->rate_name : metric->name;
	if (name)
		snprintf(ret_name, size, "%s.%s", metric->group, name);
	else
		snprintf(ret_name, size, "%s: %s", metric->group, metric->help);
}

static bool applies(const char *reason)
{
	return strncmp(reason, NOT_APPLICABLE, sizeof(NOT_APPLICABLE) - 1) != 0;
}

bool doctor_not_applicable(const struct agent *agent, const struct instance *instance,
			   const char **ret_reason)
{
	int64_t now_ns = env_now_ns(&agent->env), value;
	const char *reason, *first = NULL;
	for (unsigned i = 0; i < instance->source.count; i++) {
		if (state_value(agent->plant.state, instance->source.first + i, now_ns, &value,
				&reason) == 0 ||
		    applies(reason) || (first && strcmp(first, reason) != 0))
			return false;
		first = reason;
	}
	if (first)
		*ret_reason = first;
	return first != NULL;
}

static bool swaps_to_disk(const struct agent *agent)
{
	struct readings readings;
	state_readings(agent->plant.state, env_now_ns(&agent->env), &readings);
	int64_t kind = readings.value[ROLE_SWAP_KIND];
	return readings_has(&readings, ROLE_SWAP_KIND) && (kind == SWAP_DISK || kind == SWAP_MIXED);
}

static bool said(const struct findings *findings, const char *text)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->rows[i].text, text) == 0)
			return true;
	return false;
}

static void check_known(const struct agent *agent, const struct instance *instance,
			const struct metric *metric, int64_t value, struct findings *findings)
{
	char what[80];
	/* With zram much swapping is right; what goes to a card is not. */
	if (metric->role == ROLE_SWAPPINESS && value > 10 && swaps_to_disk(agent)) {
		snprintf(what, sizeof(what), "vm.swappiness = %lld", (long long)value);
		struct finding *row = doctor_add(
			findings, DOCTOR_ATTENTION, instance->module->name, what,
			"swap is on disk and swappiness is above 10: the kernel swaps early; "
			"set vm.swappiness=1 in /etc/sysctl.d");
		doctor_remedy(row,
			      "echo vm.swappiness=1 | sudo tee /etc/sysctl.d/60-swappiness.conf "
			      "&& sudo sysctl --system");
	}
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		if (metric->role != alarms[i].role || value < alarms[i].least)
			continue;
		/* One that is not published repeats what another one says, for the judge. */
		if (!metric->name && !metric->rate_name && said(findings, alarms[i].text))
			continue;
		doctor_name(metric, !metric->name && metric->rate_name, what, sizeof(what));
		doctor_remedy(doctor_add(findings, DOCTOR_ATTENTION, instance->module->name, what,
					 alarms[i].text),
			      "%s", alarms[i].remedy);
	}
}

/* What only a board made for it measures: the group of the processor and its supply. */
static bool needs_a_pi(const struct agent *agent, const struct metric *metric)
{
	return strcmp(metric->group, "soc") == 0 && !strstr(agent->identity.model, "Raspberry Pi");
}

/* Rates are not looked at: they lack only a second reading. */
static void check_collector(struct agent *agent, const struct instance *instance,
			    const struct doctor_running *running, struct findings *findings)
{
	int64_t now_ns = env_now_ns(&agent->env);
	for (unsigned i = 0; i < instance->source.count; i++) {
		unsigned slot = instance->source.first + i;
		const struct metric *metric = state_metric(agent->plant.state, slot);
		const char *reason;
		char what[80];
		int64_t value;
		if (state_value(agent->plant.state, slot, now_ns, &value, &reason) == 0) {
			check_known(agent, instance, metric, value, findings);
			continue;
		}
		if ((!metric->name && !metric->rate_name) || metric->idle_unknown ||
		    !applies(reason) || doctor_running_has(running, metric))
			continue;
		doctor_name(metric, !metric->name, what, sizeof(what));
		struct finding *row =
			doctor_add(findings,
				   needs_a_pi(agent, metric) ? DOCTOR_ABSENT : DOCTOR_ADVICE,
				   instance->module->name, what, reason);
		if (row)
			row->missing = true;
		if (metric->role == ROLE_PSI_SOME || metric->role == ROLE_PSI_FULL)
			doctor_remedy(row, "sudo sed -i '1s/$/ psi=1/' /boot/firmware/cmdline.txt "
					   "&& sudo reboot");
	}
}

bool doctor_is_set(const struct conf_item *item, const void *conf, const void *defaults)
{
	return memcmp((const char *)conf + item->offset, (const char *)defaults + item->offset,
		      item->size) != 0;
}

static void ignore(void *context, const char *key, const char *sentence)
{
	(void)context;
	(void)key;
	(void)sentence;
}

const char *doctor_off(const struct instance *instance, const void *conf)
{
	return instance->module->inspect ? instance->module->inspect(conf, ignore, NULL) : NULL;
}

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

static void check_notifier(const struct instance *instance, const void *conf,
			   struct findings *findings)
{
	struct inspection inspection = {findings, instance->module->name};

	if (instance->module->inspect)
		instance->module->inspect(conf, note, &inspection);
	settings_elsewhere(instance->module, conf, note_elsewhere, &inspection);
}

/* Whether a sign of this kind was told. */
static bool told(const struct findings *findings, enum metric_role role)
{
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++)
		if (alarms[i].role == role && said(findings, alarms[i].text))
			return true;
	return false;
}

static void check_decision(struct agent *agent, struct findings *findings)
{
	const struct health *health = &agent->judge.health;
	char what[80];

	/* A word that comes of what was told already says nothing new. */
	if (health->word > HEALTH_WORN ||
	    (health->word == HEALTH_WORN && !told(findings, ROLE_FS_ERRORS) &&
	     !told(findings, ROLE_STORAGE_WEAR))) {
		snprintf(what, sizeof(what), "the disk is %s", health_words[health->word]);
		doctor_add(findings, DOCTOR_ATTENTION, "decision", what, health->reason);
	}
	if (agent->judge.decision.state == CONTROL_BLIND)
		doctor_add(findings, DOCTOR_ATTENTION, "decision", "cannot judge",
			   agent->judge.verdict.why ? agent->judge.verdict.why
						    : "no readings of memory");
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
			check_collector(agent, instance, &running, &findings);
		else if (here)
			check_notifier(instance, agent->settings->confs[i], &findings);
	}
	check_decision(agent, &findings);
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
