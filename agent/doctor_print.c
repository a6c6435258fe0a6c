/* SPDX-License-Identifier: MIT */
/*
 * The doctor's words, for people and as JSON. No colours: what is said here goes into tickets and
 * mails. For people a value has a unit that fits its size; the document has the base units.
 */
#include "agent/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/render.h"
#include "agent/version.h"

/* Findings with long reasons, and the state document. */
#define DOCUMENT_SIZE (4 * RENDER_SIZE)
#define S_PER_DAY (24 * 3600)
#define LABEL_WIDTH 13
#define LINE_WIDTH 100

/* A list of items on lines of at most LINE_WIDTH, behind a label. */
struct list {
	const char *label;
	int column; /* 0: nothing printed yet */
};

static void list_item(struct list *list, const char *item)
{
	int length = (int)strlen(item);
	if (list->column == 0) {
		list->column = printf("  %-*s%s", LABEL_WIDTH - 2, list->label, item);
	} else if (list->column + length + 3 > LINE_WIDTH) {
		printf(",\n%*s%s", LABEL_WIDTH, "", item);
		list->column = LABEL_WIDTH + length;
	} else {
		list->column += printf(", %s", item);
	}
}

static void list_end(struct list *list)
{
	if (list->column)
		putchar('\n');
	list->column = 0;
}

/* Value / scale, as a whole number or with one decimal place. */
static void print_scaled(char *text, size_t size, int64_t value, int64_t scale, const char *unit)
{
	if (value % scale == 0)
		snprintf(text, size, "%" PRId64 "%s", value / scale, unit);
	else
		snprintf(text, size, "%.1f%s", (double)value / (double)scale, unit);
}

static void print_bytes(char *text, size_t size, int64_t value, const char *after)
{
	static const char *const units[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
	int64_t scale = 1;
	size_t unit = 0;
	char words[16];
	/* Division: the product of the largest scale and 1024 would still fit, a value's might not. */
	while (unit + 1 < sizeof(units) / sizeof(units[0]) && value / scale >= 1024) {
		scale *= 1024;
		unit++;
	}
	snprintf(words, sizeof(words), "%s%s", units[unit], after);
	print_scaled(text, size, value, scale, words);
}

/* A rate arrives in thousandths of the unit per second. */
static void value_text(const struct metric *metric, int64_t value, bool rate, char *text,
		       size_t size)
{
	const char *after = rate ? "/s" : "";
	int64_t scale = rate ? 1000 : 1;

	switch (metric->unit) {
	case UNIT_COUNT:
		print_scaled(text, size, value, scale, after);
		return;
	case UNIT_BYTES:
		print_bytes(text, size, value / scale, after);
		return;
	case UNIT_MS:
		print_scaled(text, size, value, scale, rate ? " ms/s" : " ms");
		return;
	case UNIT_US:
		print_scaled(text, size, value, scale * 1000, rate ? " ms/s" : " ms");
		return;
	case UNIT_S:
		if (!rate && value >= 2 * S_PER_DAY)
			snprintf(text, size, "%" PRId64 " days", value / S_PER_DAY);
		else
			print_scaled(text, size, value, scale, rate ? " s/s" : " s");
		return;
	case UNIT_HZ:
		print_scaled(text, size, value, scale * 1000000, " MHz");
		return;
	case UNIT_MILLI:
		print_scaled(text, size, value, scale * 1000, after);
		return;
	case UNIT_MILLI_CELSIUS:
		print_scaled(text, size, value, scale * 1000, " C");
		return;
	case UNIT_PPM:
		print_scaled(text, size, value, scale * 10000, " %");
		return;
	case UNIT_BOOL:
		snprintf(text, size, "%s", value ? "yes" : "no");
		return;
	case UNIT_WORD:
		snprintf(text, size, "%s", metric->words[value]);
		return;
	case UNIT_TEXT:
		break; /* travels as text */
	}
}

static void found_item(struct list *list, const struct metric *metric, bool rate, const char *text)
{
	char name[80], item[80 + STATE_TEXT_SIZE + 2];
	doctor_name(metric, rate, name, sizeof(name));
	snprintf(item, sizeof(item), "%s: %s", name, text);
	list_item(list, item);
}

static void list_slot(struct list *list, const struct agent *agent, unsigned slot)
{
	const struct state *state = agent->plant.state;
	const struct metric *metric = state_metric(state, slot);
	int64_t now_ns = env_now_ns(&agent->env), value;
	char buffer[STATE_TEXT_SIZE];
	const char *text, *reason;

	if (metric->name && metric->unit == UNIT_TEXT) {
		if (state_text(state, slot, now_ns, &text, &reason) == 0)
			found_item(list, metric, false, text);
	} else if (metric->name && state_value(state, slot, now_ns, &value, &reason) == 0) {
		value_text(metric, value, false, buffer, sizeof(buffer));
		found_item(list, metric, false, buffer);
	}
	if (metric->rate_name && state_rate_milli(state, slot, now_ns, &value, &reason) == 0) {
		value_text(metric, value, true, buffer, sizeof(buffer));
		found_item(list, metric, true, buffer);
	}
}

static void print_found(const struct agent *agent, const struct instance *instance)
{
	struct list list = {.label = "found"};
	for (unsigned i = 0; i < instance->source.count; i++)
		list_slot(&list, agent, instance->source.first + i);
	list_end(&list);
}

/* Breaks at blanks; a word that is too long stays whole, so that it can be copied. */
static void print_words(const char *text)
{
	int column = 0;
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		int length = (int)strcspn(text, " ");
		if (column && column + 1 + length > LINE_WIDTH) {
			putchar('\n');
			column = 0;
		}
		if (column == 0)
			column = printf("%*s%.*s", LABEL_WIDTH, "", length, text);
		else
			column += printf(" %.*s", length, text);
		text += length;
	}
	putchar('\n');
}

static bool same(const struct finding *a, const struct finding *b)
{
	return a->missing == b->missing && strcmp(a->module, b->module) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

/* Those with one and the same text together, each text once. */
static void print_findings(const struct findings *findings, const char *module)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];
		struct list list = {.label = row->missing ? "missing" : "attention"};
		size_t first = 0;
		while (!same(&findings->rows[first], row))
			first++;
		if (first < i || strcmp(row->module, module) != 0)
			continue;
		for (size_t j = i; j < findings->count; j++)
			if (same(&findings->rows[j], row))
				list_item(&list, findings->rows[j].what);
		list_end(&list);
		print_words(row->text);
	}
}

static void count_findings(const struct findings *findings, const char *module, size_t *ret_missing,
			   size_t *ret_wrong)
{
	*ret_missing = *ret_wrong = 0;
	for (size_t i = 0; i < findings->count; i++) {
		if (strcmp(findings->rows[i].module, module) != 0)
			continue;
		if (findings->rows[i].missing)
			++*ret_missing;
		else
			++*ret_wrong;
	}
}

/* Those in the documents; the others only play their role for the judge. */
static unsigned count_readings(const struct instance *instance)
{
	unsigned count = 0;
	for (unsigned i = 0; i < instance->source.count; i++)
		count +=
			instance->module->metrics[i].name || instance->module->metrics[i].rate_name;
	return count;
}

static void print_collector(const struct agent *agent, const struct instance *instance,
			    const struct findings *findings)
{
	const char *name = instance->module->name, *reason;
	size_t missing, wrong;

	count_findings(findings, name, &missing, &wrong);
	printf("%-*s", LABEL_WIDTH, name);
	if (doctor_not_applicable(agent, instance, &reason)) {
		puts(reason);
		return;
	}
	if (wrong)
		printf("needs attention%s", missing ? ", " : "");
	if (missing)
		printf("%zu of %u readings missing", missing, count_readings(instance));
	puts(wrong || missing ? "" : "ok");
	print_found(agent, instance);
	print_findings(findings, name);
}

/* Settings that somebody made; of addresses and times only that they are made. */
static void print_settings(const struct instance *instance, const void *conf)
{
	const struct module *module = instance->module;
	struct list list = {.label = "set"};
	void *defaults = calloc(1, module->conf_size + 1);
	struct conf_section sections[] = {{module->name, module->conf, defaults}, {0}};

	if (!defaults || !module->conf) {
		free(defaults);
		return;
	}
	conf_defaults(sections);
	for (const struct conf_item *item = module->conf; item->key; item++) {
		const char *value = (const char *)conf + item->offset;
		char text[256];
		if (!doctor_is_set(item, conf, defaults))
			continue;
		if (item->type == CONF_TEXT || item->type == CONF_NAME || item->type == CONF_PATH)
			snprintf(text, sizeof(text), "%s = %s", item->key, value);
		else if (item->type == CONF_WORD)
			snprintf(text, sizeof(text), "%s = %s", item->key,
				 item->words[*(const int *)(const void *)value]);
		else
			snprintf(text, sizeof(text), "%s", item->key);
		list_item(&list, text);
	}
	list_end(&list);
	free(defaults);
}

static void print_notifier(const struct instance *instance, const void *conf,
			   const struct findings *findings)
{
	const char *name = instance->module->name;
	size_t missing, wrong;

	count_findings(findings, name, &missing, &wrong);
	printf("%-*s%snot tried here: hostingpictl status shows what it is connected to\n",
	       LABEL_WIDTH, name, wrong ? "needs attention, " : "");
	print_settings(instance, conf);
	print_findings(findings, name);
}

static void print_decision(const struct agent *agent)
{
	const struct decision *decision = &agent->judge.decision;
	struct list list = {.label = "found"};
	char text[64];

	printf("%-*s%s: %s\n", LABEL_WIDTH, "decision", control_state_words[decision->state],
	       decision->reason);
	snprintf(text, sizeof(text), "weight: %d %%", decision->weight_pct);
	list_item(&list, text);
	snprintf(text, sizeof(text), "maxconn: %d", decision->maxconn);
	list_item(&list, text);
	/* What the core made of the readings, without what was just said and its own figures. */
	for (unsigned i = 0; i < agent->derived.count; i++) {
		unsigned slot = agent->derived.first + i;
		const char *group = state_metric(agent->plant.state, slot)->group;
		if (strcmp(group, "lb") != 0 && strcmp(group, "self") != 0)
			list_slot(&list, agent, slot);
	}
	list_end(&list);
}

void doctor_print_people(const struct agent *agent, const struct findings *findings)
{
	const struct identity *identity = &agent->identity;
	printf("hostingpid %s on %s (id from %s)\n", hostingpi_version, identity->id,
	       identity->origin);
	printf("model %s, kernel %s, configuration %s\n\n",
	       identity->model[0] ? identity->model : "unknown",
	       identity->kernel[0] ? identity->kernel : "unknown", agent->options.conf_path);
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		if (instance->notifier)
			print_notifier(instance, agent->settings->confs[i], findings);
		else
			print_collector(agent, instance, findings);
	}
	print_decision(agent);
	print_findings(findings, "decision");

	if (doctor_clock(agent) != DOCTOR_CLOCK_UNKNOWN)
		printf("%-*s%s\n", LABEL_WIDTH, "clock",
		       doctor_clock(agent) == DOCTOR_CLOCK_KEPT ? "ok: synchronised"
								: "needs attention");
	print_findings(findings, "clock");
	if (findings->dropped)
		printf("\n... and %zu findings more\n", findings->dropped);
	size_t wrong = 0;
	for (size_t i = 0; i < findings->count; i++)
		wrong += !findings->rows[i].missing;
	printf("\n%s%s\n", wrong ? "Some things above need attention." : "Nothing needs attention.",
	       wrong < findings->count ? " Some readings are missing." : "");
}

int doctor_print_json(const struct agent *agent, const struct findings *findings)
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
	json_array(&json, "findings");
	for (size_t i = 0; i < findings->count; i++) {
		json_object(&json, NULL);
		json_text(&json, "module", findings->rows[i].module);
		json_text(&json, "what", findings->rows[i].what);
		json_bool(&json, "missing", findings->rows[i].missing);
		json_text(&json, "text", findings->rows[i].text);
		json_object_end(&json);
	}
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
