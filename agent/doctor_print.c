/* SPDX-License-Identifier: MIT */
/*
 * The doctor's words for people: first what needs somebody, each with what to do, then what could be better, and
 * only then what was looked at. Colours on a terminal only, because this goes into tickets and mails. Values
 * have a unit that fits their size.
 */
#include "agent/doctor_print.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/doctor_machine.h"
#include "agent/doctor_readings.h"
#include "agent/doctor_words.h"
#include "agent/version.h"

#define LABEL_WIDTH 13
#define INDENT 4
/* Over ssh most look at it in a window of that width. */
#define LINE_WIDTH 80

#define RED "31;1"
#define YELLOW "33;1"
#define GREEN "32;1"
#define BOLD "1"

static void print_coloured(const char *colour, const char *text)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (isatty(STDOUT_FILENO) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0))
		printf("\033[%sm%s\033[0m", colour, text);
	else
		fputs(text, stdout);
}

/* A list of items on lines of at most LINE_WIDTH, behind a label. */
struct list {
	const char *label;
	int column; /* 0: nothing printed yet */
};

static void list_item(struct list *list, const char *item)
{
	int length = (int)strlen(item);
	if (list->column == 0) {
		list->column = printf("%-*s%s", LABEL_WIDTH, list->label, item);
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
		doctor_value(metric, value, false, buffer, sizeof(buffer));
		found_item(list, metric, false, buffer);
	}
	if (metric->rate_name && state_rate_milli(state, slot, now_ns, &value, &reason) == 0) {
		doctor_value(metric, value, true, buffer, sizeof(buffer));
		found_item(list, metric, true, buffer);
	}
}

static void print_collector(const struct agent *agent, const struct instance *instance)
{
	struct list list = {.label = instance->module->name};
	const char *reason;

	if (doctor_not_applicable(agent, instance, &reason)) {
		list_item(&list, reason);
		list_end(&list);
		return;
	}
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
			column = printf("%*s%.*s", INDENT, "", length, text);
		else
			column += printf(" %.*s", length, text);
		text += length;
	}
	putchar('\n');
}

static bool same(const struct finding *a, const struct finding *b)
{
	return a->level == b->level && a->missing == b->missing &&
	       strcmp(a->module, b->module) == 0 && strcmp(a->text, b->text) == 0;
}

/* One, with those that have the same text: each text once. */
static void print_together(const struct findings *findings, size_t index)
{
	const struct finding *row = &findings->rows[index];
	int column = 0;

	for (size_t i = index; i < findings->count; i++) {
		if (!same(&findings->rows[i], row))
			continue;
		char what[sizeof(row->what) + 32] = "";
		if (row->setting)
			snprintf(what, sizeof(what), "[%.24s] ", row->module);
		strcat(what, findings->rows[i].what);
		if (column && column + (int)strlen(what) + 3 > LINE_WIDTH) {
			puts(",");
			column = 0;
		}
		column += printf("%s%s", column ? ", " : "  ", what);
	}
	putchar('\n');
	print_words(row->text);
	if (row->remedy[0])
		printf("%*s$ %s\n", INDENT, "", row->remedy);
	putchar('\n');
}

static void print_level(const struct findings *findings, enum doctor_level level, const char *title,
			const char *colour)
{
	if (doctor_count(findings, level) == 0)
		return;
	print_coloured(colour, title);
	puts("\n");
	for (size_t i = 0; i < findings->count; i++) {
		size_t first = 0;
		while (!same(&findings->rows[first], &findings->rows[i]))
			first++;
		if (first == i && findings->rows[i].level == level)
			print_together(findings, i);
	}
}

/* Whether a setting was given another value than its default. Module settings only. */
static bool is_set(const struct conf_item *item, const void *conf, const void *defaults)
{
	return memcmp((const char *)conf + item->offset, (const char *)defaults + item->offset,
		      item->size) != 0;
}

/* Settings that somebody made; of addresses and times only that they are made. */
static void list_settings(struct list *list, const struct instance *instance, const void *conf)
{
	const struct module *module = instance->module;
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
		if (!is_set(item, conf, defaults))
			continue;
		if (item->type == CONF_TEXT || item->type == CONF_NAME || item->type == CONF_PATH ||
		    item->type == CONF_FILE)
			snprintf(text, sizeof(text), "%s = %s", item->key, value);
		else if (item->type == CONF_WORD)
			snprintf(text, sizeof(text), "%s = %s", item->key,
				 item->words[*(const int *)(const void *)value]);
		else
			snprintf(text, sizeof(text), "%s is set", item->key);
		list_item(list, text);
	}
	free(defaults);
}

static void ignore(void *context, const char *key, const char *sentence)
{
	(void)context;
	(void)key;
	(void)sentence;
}

/* Why its settings switch a module off; NULL: they do not. */
static const char *why_off(const struct instance *instance, const void *conf)
{
	return instance->module->inspect ? instance->module->inspect(conf, ignore, NULL) : NULL;
}

static void print_notifier(const struct instance *instance, const void *conf,
			   const struct findings *findings)
{
	struct list list = {.label = instance->module->name};
	const char *off = why_off(instance, conf);
	char text[sizeof(findings->rows[0].own) + 96];

	if (off)
		list_item(&list, off);
	list_settings(&list, instance, conf);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];
		if (row->level != DOCTOR_GOOD || strcmp(row->module, instance->module->name) != 0)
			continue;
		snprintf(text, sizeof(text), "%s: %s", row->what, row->text);
		list_item(&list, text);
	}
	if (list.column == 0)
		list_item(&list, "with its defaults");
	list_end(&list);
}

static void print_decision(const struct agent *agent)
{
	const struct decision *decision = &agent->judge.decision;
	struct list list = {.label = "decision"};
	char text[DECISION_REASON_SIZE + 32];

	snprintf(text, sizeof(text), "%s: %s", control_state_words[decision->state],
		 decision->reason);
	list_item(&list, text);
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

/* Who asked it lately, by name or address. */
static void print_balancers(const struct doctor_running *running)
{
	const cJSON *balancer,
		*balancers = cJSON_GetObjectItemCaseSensitive(running->document, "balancers");
	struct list list = {.label = "balancers"};

	cJSON_ArrayForEach(balancer, balancers)
	{
		const char *name =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(balancer, "name"));
		const char *address =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(balancer, "address"));
		char text[192];
		snprintf(text, sizeof(text), "%s%s%s", name ? name : "", name ? " at " : "",
			 address ? address : "?");
		list_item(&list, text);
	}
	if (list.column == 0)
		list_item(&list, "none has asked lately");
	list_end(&list);
}

static void print_running(const struct doctor_running *running)
{
	static const char *const words[] = {
		[DOCTOR_NONE] = "none is running",
		[DOCTOR_DENIED] = "one is running that this user may not ask",
		[DOCTOR_SILENT] = "one is running that does not answer"};
	time_t started = running->started_ms / 1000;
	struct tm tm;
	char since[64] = "?";

	printf("%-*s", LABEL_WIDTH, "agent");
	if (running->word != DOCTOR_RUNS) {
		puts(words[running->word]);
		return;
	}
	if (localtime_r(&started, &tm))
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M", &tm);
	printf("%s runs since %s%s\n", running->version, since,
	       running->dry_run ? ", dry run" : "");
	print_balancers(running);
}

static void print_absent(const struct findings *findings)
{
	struct list list = {.label = "not here"};

	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].level == DOCTOR_ABSENT)
			list_item(&list, findings->rows[i].what);
	list_end(&list);
}

static void print_verdict(const struct findings *findings)
{
	size_t attention = doctor_count(findings, DOCTOR_ATTENTION);
	char text[64];

	if (findings->dropped)
		printf("\n... and %zu findings more\n", findings->dropped);
	putchar('\n');
	if (attention == 0)
		snprintf(text, sizeof(text), "Nothing needs attention.");
	else
		snprintf(text, sizeof(text), "%zu thing%s attention: see above.", attention,
			 attention == 1 ? " needs" : "s need");
	print_coloured(attention ? RED : GREEN, text);
	putchar('\n');
}

void doctor_print_people(const struct agent *agent, const struct doctor_running *running,
			 const struct findings *findings)
{
	const struct identity *identity = &agent->identity;

	printf("hostingpid %s on %s (id from %s)\n", hostingpi_version, identity->id,
	       identity->origin);
	printf("model %s, kernel %s\n", identity->model[0] ? identity->model : "unknown",
	       identity->kernel[0] ? identity->kernel : "unknown");
	printf("configuration %s%s\n\n", agent->options.conf_path,
	       access(agent->options.conf_path, F_OK) == 0 ? "" : " (not there: defaults)");
	print_level(findings, DOCTOR_ATTENTION, "Needs attention", RED);
	print_level(findings, DOCTOR_ADVICE, "Could be better", YELLOW);
	print_coloured(BOLD, "Found");
	puts("\n");
	if (agent->env.real_root || running->word != DOCTOR_NONE)
		print_running(running);
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		if (instance->notifier)
			print_notifier(instance, agent->settings->confs[i], findings);
		else
			print_collector(agent, instance);
	}
	print_decision(agent);
	if (doctor_clock(agent) == DOCTOR_CLOCK_KEPT)
		printf("%-*s%s\n", LABEL_WIDTH, "clock", "synchronised");
	print_absent(findings);
	print_verdict(findings);
}
