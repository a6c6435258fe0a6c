/* SPDX-License-Identifier: MIT */
/*
 * The text of a scenario: comments, "key = value" and "at SECONDS KIND AMOUNT [over S] [for S]
 * [keep S] [on all|1,3]". The first comment is what the scenario is about. All errors are told.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/scenario.h"

/* In this order in a table so that the documentation can show it as it is. */
struct key {
	const char *name;
	size_t offset;
	double standard, min, max;
};

#define KEY(text, field, ...)                                                                      \
	{                                                                                          \
		(text), offsetof(struct scenario, field), __VA_ARGS__                              \
	}

/* A Pi 3 with Raspberry Pi OS, Apache prefork and PHP: sizes from the recordings and from practice. */
static const struct key keys[] = {
	KEY("seconds", seconds, 300, 10, 86400),
	KEY("pis", pis, 1, 1, RESULT_PIS),
	KEY("balancers", balancers, 1, 1, 8),
	KEY("poll", poll_s, 0.5, 0.1, 10),
	KEY("big share", big_share, 0, 0, 0.99),
	KEY("good within", good_s, 5, 0.1, 60),
	KEY("queue timeout", queue_s, 3, 0.1, 60),
	KEY("vary", vary, 0.15, 0, 0.5),
	KEY("rate", rate, 8, 0, 10000),
	KEY("wave", wave, 0, 0, 1),
	KEY("cliff", cliff_rate, 0, 0, 10000),
	KEY("cap", cap, 0, 0, 1000),
	KEY("ram", memory.total, 948 * MB, 100 * MB, 16000 * MB),
	KEY("kernel", memory.kernel, 60 * MB, 1 * MB, 1000 * MB),
	KEY("slab", memory.slab, 15 * MB, 0, 1000 * MB),
	KEY("min free", memory.min_free, 16 * MB, 1 * MB, 100 * MB),
	KEY("swappiness", memory.swappiness, 60, 0, 200),
	KEY("swap", swap_kind, SWAP_DISK, SWAP_NONE, SWAP_ZRAM),
	KEY("swap speed", memory.swap_s, 10 * MB, 0.1 * MB, 1000 * MB),
	KEY("swap size", memory.swap_total, 512 * MB, 1 * MB, 16000 * MB),
	KEY("disk speed", memory.disk_s, 15 * MB, 0.1 * MB, 1000 * MB),
	KEY("file", memory.file, 350 * MB, 0, 16000 * MB),
	KEY("active", memory.active, 100 * MB, 0, 16000 * MB),
	KEY("hot", memory.hot, 40 * MB, 0, 16000 * MB),
	KEY("reread", memory.reread_s, 10 * MB, 0, 1000 * MB),
	KEY("base", base, 130 * MB, 0, 16000 * MB),
	KEY("cores", cores, 4, 1, 64),
	KEY("cpu", cpu_s, 0.15, 0.001, 60),
	KEY("wait", wait_s, 0.15, 0, 60),
	KEY("max workers", max_workers, 150, 1, 250),
	KEY("start workers", start_workers, 5, 1, 250),
	KEY("max spare", max_spare, 10, 1, 250),
	KEY("idle", idle_s, 10, 0, 3600),
	KEY("reap", reap_s, 1, 0, 250),
	KEY("worker", worker, 20 * MB, 1 * MB, 1000 * MB),
	KEY("worker spread", worker_sigma, 0.25, 0, 1),
	KEY("worker born", born, 5 * MB, 0.1 * MB, 100 * MB),
	KEY("worker growth", grow_s, 0.4, 0.05, 600),
	KEY("requests per child", requests_per_child, 0, 0, 1e6),
	KEY("page in", page_in_s, 0.3 * MB, 0, 100 * MB),
	KEY("hide workers", hide_workers, 0, 0, 1),
	KEY("hide busy", hide_busy, 0, 0, 1),
	KEY("hide psi", hide_psi, 0, 0, 1),
	KEY("mixed", mixed, 0, 0, 1),
};

static const char *const kinds[EVENT_KINDS] = {
	[EVENT_RATE] = "rate",	       [EVENT_GROW] = "grow",	[EVENT_JOB] = "job",
	[EVENT_READ] = "read",	       [EVENT_WRITE] = "write", [EVENT_SLOW] = "slow",
	[EVENT_THROTTLE] = "throttle", [EVENT_SWELL] = "swell",
};

static const struct {
	const char *text;
	double factor;
} units[] = {
	{"", 1},      {"s", 1},	     {"ms", 1e-3},	  {"/s", 1},
	{"%", 0.01},  {"kB", 1e3},   {"MB", MB},	  {"GB", 1e9},
	{"MB/s", MB}, {"kB/s", 1e3}, {"MB/h", MB / 3600}, {"MB/min", MB / 60},
};

static const char *const words[] = {"none", "disk", "zram"}; /* enum swap_kind */

struct parser {
	const char *path;
	unsigned line;
	int errors;
	struct scenario *scenario;
	bool given[sizeof(keys) / sizeof(keys[0])];
	unsigned event_lines[SCENARIO_EVENTS];
};

static void fail(struct parser *parser, const char *what, const char *text)
{
	fprintf(stderr, "%s:%u: %s: %s\n", parser->path, parser->line, what, text);
	parser->errors++;
}

/* "12", "x6", "20MB/s", "50%", "yes"; NaN where it is none of these. */
static double quantity(const char *text)
{
	char *end;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return (double)i;
	if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0)
		return text[0] == 'y';
	if (*text == 'x')
		text++;
	double value = strtod(text, &end);
	if (end == text)
		return NAN;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].text) == 0)
			return value * units[i].factor;
	return NAN;
}

static void parse_key(struct parser *parser, char *text)
{
	char *value = strchr(text, '=');
	*value++ = '\0';
	while (*value == ' ' || *value == '\t')
		value++;
	for (char *end = text + strlen(text); end > text && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, text) != 0)
			continue;
		double number = quantity(value);
		if (!(number >= keys[i].min && number <= keys[i].max))
			return fail(parser, "not a value, or out of range", value);
		if (parser->given[i])
			return fail(parser, "given twice", text);
		parser->given[i] = true;
		memcpy((char *)parser->scenario + keys[i].offset, &number, sizeof(number));
		return;
	}
	fail(parser, "unknown key", text);
}

static unsigned parse_on(struct parser *parser, char *text)
{
	unsigned on = 0;
	if (strcmp(text, "all") == 0)
		return ~0u;
	for (char *part; (part = strsep(&text, ","));) {
		long pi = strtol(part, NULL, 10);
		if (pi < 1 || pi > RESULT_PIS)
			fail(parser, "no Pi has this number", part);
		else
			on |= 1u << (pi - 1);
	}
	return on;
}

static void parse_option(struct parser *parser, struct scenario_event *event, const char *word,
			 char *text)
{
	double *where = strcmp(word, "over") == 0   ? &event->over_s
			: strcmp(word, "for") == 0  ? &event->for_s
			: strcmp(word, "hold") == 0 ? &event->for_s
			: strcmp(word, "keep") == 0 ? &event->keep_s
						    : NULL;
	if (!text)
		return fail(parser, "a value must follow", word);
	if (strcmp(word, "on") == 0) {
		event->on = parse_on(parser, text);
		return;
	}
	if (!where)
		return fail(parser, "expected over, for, hold, keep or on", word);
	*where = quantity(text);
	if (!(*where >= 0 && *where < 1e6))
		fail(parser, "not a number of seconds", text);
}

/* "20MB/s" where something grows by the second, "200MB" where it does not. */
static bool fits(enum event_kind kind, const char *amount)
{
	bool per_time = strchr(amount, '/') != NULL;
	switch (kind) {
	case EVENT_GROW:
	case EVENT_READ:
	case EVENT_WRITE:
	case EVENT_SWELL:
		return per_time;
	default:
		return !per_time;
	}
}

static void parse_event(struct parser *parser, char *text)
{
	struct scenario *scenario = parser->scenario;
	struct scenario_event event = {.kind = EVENT_KINDS, .on = ~0u};
	snprintf(event.text, sizeof(event.text), "%s", text + strcspn(text, " \t") + 1);
	char *place = NULL;
	strtok_r(text, " \t", &place);
	char *at = strtok_r(NULL, " \t", &place), *kind = strtok_r(NULL, " \t", &place);
	char *amount = strtok_r(NULL, " \t", &place);
	if (!amount)
		return fail(parser, "expected", "at SECONDS KIND AMOUNT ...");
	event.at_s = quantity(at);
	event.amount = quantity(amount);
	for (int i = 0; i < EVENT_KINDS; i++)
		if (strcmp(kind, kinds[i]) == 0)
			event.kind = (enum event_kind)i;
	if (event.kind == EVENT_KINDS)
		return fail(parser, "unknown kind of event", kind);
	if (!(event.at_s >= 0 && event.amount >= 0))
		return fail(parser, "not a number", event.at_s >= 0 ? amount : at);
	if (!fits(event.kind, amount))
		return fail(parser, "a rate for a size, or a size for a rate", amount);
	for (char *word; (word = strtok_r(NULL, " \t", &place));)
		parse_option(parser, &event, word, strtok_r(NULL, " \t", &place));
	if (event.for_s <= 0)
		return fail(parser, "how long? \"for\" or \"hold\" is missing", event.text);
	if (scenario->event_count == SCENARIO_EVENTS)
		return fail(parser, "too many events", event.text);
	parser->event_lines[scenario->event_count] = parser->line;
	scenario->events[scenario->event_count++] = event;
}

/* What would do nothing, once all keys are known. */
static void check_events(struct parser *parser)
{
	const struct scenario *scenario = parser->scenario;
	for (int i = 0; i < scenario->event_count; i++) {
		const struct scenario_event *event = &scenario->events[i];
		parser->line = parser->event_lines[i];
		if (event->at_s >= scenario->seconds)
			fail(parser, "this is after the end, see \"seconds\"", event->text);
		if (event->on != ~0u && event->on >> (int)scenario->pis)
			fail(parser, "there are not so many, see \"pis\"", event->text);
	}
}

static void parse_line(struct parser *parser, char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	for (char *end = text + strlen(text); end > text && strchr(" \t\r\n", end[-1]);)
		*--end = '\0';
	if (*text == '#') {
		if (!parser->scenario->about[0] && strlen(text) > 2)
			snprintf(parser->scenario->about, sizeof(parser->scenario->about), "%.150s",
				 text + 2);
		return;
	}
	char *comment = strchr(text, '#');
	if (comment)
		for (*comment = '\0'; comment > text && strchr(" \t", comment[-1]);)
			*--comment = '\0';
	if (!*text)
		return;
	if (strncmp(text, "at ", 3) == 0)
		parse_event(parser, text);
	else if (strchr(text, '='))
		parse_key(parser, text);
	else
		fail(parser, "neither \"key = value\" nor \"at ...\"", text);
}

static void take_name(struct scenario *scenario, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	snprintf(scenario->name, sizeof(scenario->name), "%.*s", (int)strcspn(name, "."), name);
}

int scenario_load(const char *path, struct scenario *ret_scenario)
{
	struct scenario scenario = {0};
	struct parser parser = {.path = path, .scenario = &scenario};
	FILE *file = fopen(path, "re");
	if (!file) {
		int error = errno;
		fprintf(stderr, "%s: %s\n", path, strerror(error));
		return -error;
	}
	take_name(&scenario, path);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		memcpy((char *)&scenario + keys[i].offset, &keys[i].standard, sizeof(double));
	char *text = NULL;
	size_t size = 0;
	while (getline(&text, &size, file) >= 0) {
		parser.line++;
		parse_line(&parser, text);
	}
	free(text);
	fclose(file);
	check_events(&parser);
	scenario.memory.swap = (enum swap_kind)scenario.swap_kind;
	if (!parser.errors && !scenario.about[0])
		fail(&parser, "the first comment must say what it is about", scenario.name);
	if (parser.errors)
		return -EINVAL;
	*ret_scenario = scenario;
	return 0;
}
