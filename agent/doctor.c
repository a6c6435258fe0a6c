/* SPDX-License-Identifier: MIT */
/*
 * The doctor looks at one short run of the collectors: which readings lack (every reason names its
 * remedy), which say that something is wrong with this machine, and what stands in the way of the
 * notifiers. It connects to nobody: that is the daemon's business, and `hostingpictl status` tells how
 * it went. What does not apply to this machine is no finding.
 */
#include "agent/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/once.h"

/* Readings that call for somebody from this value on. */
static const struct {
	enum metric_role role;
	int64_t least;
	const char *text;
} alarms[] = {
	{ROLE_UNDERVOLTAGE, 1,
	 "the supply is too weak: use the one made for this board, and a short cable"},
	{ROLE_THROTTLED, 1, "the processor is slowed down: give it air, or a better supply"},
	{ROLE_STORAGE_FAILING, 1,
	 "storage does not answer or was lost: look at dmesg, save what can be saved"},
	{ROLE_STORAGE_ERRORS, 1,
	 "the kernel says that requests to the disk failed: look at dmesg, have another disk ready"},
	/* Four fifths: what is left is months, not years. */
	{ROLE_STORAGE_WEAR, 800000, "most of the disk's rated life is used up: replace it soon"},
	{ROLE_FS_ERRORS, 1,
	 "the root file system remembers errors: boot once with fsck.mode=force fsck.repair=yes"},
	{ROLE_OUT_OF_MEMORY, 1, "the kernel just killed a program for want of memory"},
	{ROLE_KERNEL_FAILING, 1, "the kernel is in trouble: look at dmesg, and restart"},
};

static struct finding *add(struct findings *findings, const char *module, const char *text)
{
	if (findings->count == FINDINGS) {
		findings->dropped++;
		return NULL;
	}
	struct finding *row = &findings->rows[findings->count++];
	*row = (struct finding){.module = module, .text = text};
	return row;
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
	/* With zram much swapping is right; what goes to a card is not. */
	if (metric->role == ROLE_SWAPPINESS && value > 10 && swaps_to_disk(agent)) {
		struct finding *row =
			add(findings, instance->module->name,
			    "swap is on disk and swappiness is above 10: the kernel swaps early; "
			    "set vm.swappiness=1 in /etc/sysctl.d");
		if (row)
			snprintf(row->what, sizeof(row->what), "vm.swappiness = %lld",
				 (long long)value);
	}
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		if (metric->role != alarms[i].role || value < alarms[i].least)
			continue;
		/* One that is not published repeats what another one says, for the judge. */
		if (!metric->name && !metric->rate_name && said(findings, alarms[i].text))
			continue;
		struct finding *row = add(findings, instance->module->name, alarms[i].text);
		if (row)
			doctor_name(metric, !metric->name && metric->rate_name, row->what,
				    sizeof(row->what));
	}
}

/* Rates are not looked at: they lack only a second reading. */
static void check_collector(struct agent *agent, const struct instance *instance,
			    struct findings *findings)
{
	int64_t now_ns = env_now_ns(&agent->env);
	for (unsigned i = 0; i < instance->source.count; i++) {
		unsigned slot = instance->source.first + i;
		const struct metric *metric = state_metric(agent->plant.state, slot);
		const char *reason;
		int64_t value;
		if (state_value(agent->plant.state, slot, now_ns, &value, &reason) == 0) {
			check_known(agent, instance, metric, value, findings);
			continue;
		}
		if ((!metric->name && !metric->rate_name) || metric->idle_unknown ||
		    !applies(reason))
			continue;
		struct finding *row = add(findings, instance->module->name, reason);
		if (row) {
			row->missing = true;
			doctor_name(metric, !metric->name, row->what, sizeof(row->what));
		}
	}
}

bool doctor_is_set(const struct conf_item *item, const void *conf, const void *defaults)
{
	return memcmp((const char *)conf + item->offset, (const char *)defaults + item->offset,
		      item->size) != 0;
}

struct examination {
	struct findings *findings;
	const char *module;
};

static void take_finding(void *context, const char *what, const char *text)
{
	const struct examination *examination = context;
	struct finding *row = add(examination->findings, examination->module, NULL);
	if (!row)
		return;
	text_copy(row->what, sizeof(row->what), what);
	text_copy(row->copy, sizeof(row->copy), text);
	row->text = row->copy;
}

/* Files that a notifier is told to use; on another root they are not this machine's. */
static void check_notifier(const struct agent *agent, const struct instance *instance,
			   const void *conf, struct findings *findings)
{
	struct examination examination = {findings, instance->module->name};
	if (!agent->env.real_root)
		return;
	if (instance->notifier->examine)
		instance->notifier->examine(conf, take_finding, &examination);
	for (const struct conf_item *item = instance->module->conf; item && item->key; item++) {
		const char *path = (const char *)conf + item->offset;
		if (item->type != CONF_PATH || !path[0] || access(path, R_OK) == 0)
			continue;
		struct finding *row = add(findings, instance->module->name,
					  errno == ENOENT ? "the file is not there: make it"
							  : "the file cannot be read here");
		if (row)
			snprintf(row->what, sizeof(row->what), "%s", item->key);
	}
}

static void check_health(struct agent *agent, struct findings *findings)
{
	const struct health *health = &agent->judge.health;
	if (health->word == HEALTH_UNKNOWN || health->word == HEALTH_GOOD)
		return;
	struct finding *row = add(findings, "decision", health->reason);
	if (row)
		snprintf(row->what, sizeof(row->what), "the disk is %s",
			 health_words[health->word]);
}

static void check_decision(struct agent *agent, struct findings *findings)
{
	check_health(agent, findings);
	if (agent->judge.decision.state != CONTROL_BLIND)
		return;
	struct finding *row =
		add(findings, "decision",
		    agent->judge.verdict.why ? agent->judge.verdict.why : "no readings of memory");
	if (row)
		snprintf(row->what, sizeof(row->what), "cannot judge");
}

enum doctor_clock doctor_clock(const struct agent *agent)
{
	struct timex timex = {.modes = 0};
	/* Of another root's machine nothing is known. */
	if (!agent->env.real_root || adjtimex(&timex) < 0)
		return DOCTOR_CLOCK_UNKNOWN;
	return timex.status & STA_UNSYNC ? DOCTOR_CLOCK_FREE : DOCTOR_CLOCK_KEPT;
}

/* Events, TLS and posts carry the time of day; a Pi without battery begins with a wrong one. */
static void check_clock(const struct agent *agent, struct findings *findings)
{
	if (doctor_clock(agent) != DOCTOR_CLOCK_FREE)
		return;
	struct finding *row = add(findings, "clock",
				  "no time server keeps it right: enable systemd-timesyncd or "
				  "chrony, and let it reach a server");
	if (row)
		snprintf(row->what, sizeof(row->what), "not synchronised");
}

int doctor_run(struct agent *agent)
{
	static struct findings findings;
	int r = once_sample(agent);
	if (r != 0)
		return r;
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		if (instance->notifier)
			check_notifier(agent, instance, agent->settings->confs[i], &findings);
		else
			check_collector(agent, instance, &findings);
	}
	check_decision(agent, &findings);
	check_clock(agent, &findings);

	if (!agent->options.json) {
		doctor_print_people(agent, &findings);
	} else if (doctor_print_json(agent, &findings) < 0) {
		log_error("the findings do not fit into one document");
		return 1;
	}
	return findings.count ? 1 : 0;
}
