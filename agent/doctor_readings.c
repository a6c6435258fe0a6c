/* SPDX-License-Identifier: MIT */
/*
 * A reading lacks, or says that something is wrong with this machine. The reason that is given for what lacks
 * names its remedy; what calls for somebody stands in one table, by its role and not by who reads it.
 */
#include "agent/doctor_readings.h"

#include <stdio.h>
#include <string.h>

#include "agent/doctor_words.h"

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
void doctor_collector_check(const struct agent *agent, const struct instance *instance,
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

/* Whether a sign of this kind was told. */
static bool told(const struct findings *findings, enum metric_role role)
{
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++)
		if (alarms[i].role == role && said(findings, alarms[i].text))
			return true;
	return false;
}

void doctor_decision_check(const struct agent *agent, struct findings *findings)
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
