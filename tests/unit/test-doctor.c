/* SPDX-License-Identifier: MIT */
/* The doctor's words about readings of every unit, lists that wrap, and what does not apply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "agent/doctor_finding.h"
#include "agent/doctor_print.h"
#include "agent/doctor_readings.h"
#include "agent/doctor_running.h"
#include "agent/units.h"

/* Two modules of its own, no other: the tables are this program's. */
static const char *const words[] = {"low", "high", NULL};

static const struct metric metrics[] = {
	{.group = "a", .name = "count", .unit = UNIT_COUNT, .help = "h"},
	{.group = "a", .name = "bytes", .unit = UNIT_BYTES, .help = "h"},
	{.group = "a", .name = "ms", .unit = UNIT_MS, .help = "h"},
	{.group = "a", .name = "us", .unit = UNIT_US, .help = "h"},
	{.group = "a", .name = "s", .unit = UNIT_S, .help = "h"},
	{.group = "a", .name = "hz", .unit = UNIT_HZ, .help = "h"},
	{.group = "a", .name = "milli", .unit = UNIT_MILLI, .help = "h"},
	{.group = "a", .name = "lag_ms", .unit = UNIT_MILLI, .help = "h"},
	{.group = "a", .name = "celsius", .unit = UNIT_MILLI_CELSIUS, .help = "h"},
	{.group = "a", .name = "ppm", .unit = UNIT_PPM, .help = "h"},
	{.group = "a", .name = "bool", .unit = UNIT_BOOL, .help = "h"},
	{.group = "a", .name = "word", .unit = UNIT_WORD, .words = words, .help = "h"},
	{.group = "a", .name = "text", .unit = UNIT_TEXT, .help = "h"},
	{.group = "a", .unit = UNIT_COUNT, .help = "not published"},
	{.group = "a",
	 .rate_name = "bytes_s",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_BYTES,
	 .help = "h"},
	{.group = "a", .rate_name = "hits_s", .kind = METRIC_COUNTER, .help = "h"},
	{.group = "a", .rate_name = "ratio", .kind = METRIC_COUNTER, .unit = UNIT_PPM, .help = "h"},
};

enum {
	COUNT = sizeof(metrics) / sizeof(metrics[0]),
	TEXT = 12,
	FIRST_RATE = 14,
};

struct sink_conf {
	char host[64];
	int64_t port;
	int64_t keepalive;
};

static const struct conf_item sink_items[] = {
	CONF_ROW(struct sink_conf, host, CONF_TEXT, "", .help = "h"),
	CONF_ROW(struct sink_conf, port, CONF_INT, "1883", .min = 0, .max = 65535, .help = "h"),
	CONF_ROW(struct sink_conf, keepalive, CONF_DURATION, "60s", .help = "h"),
	{0},
};

static const struct collector source = {
	.module = {.name = "source", .metrics = metrics, .metric_count = COUNT},
};

static const struct notifier sink = {
	.module = {.name = "sink", .conf = sink_items, .conf_size = sizeof(struct sink_conf)},
};

const struct collector *const collectors[] = {&source, NULL};
const struct notifier *const notifiers[] = {&sink, NULL};

static int64_t fake_now_ns(const struct env *env)
{
	(void)env;
	return 2 * NS_PER_S;
}

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return 0;
}

struct world {
	struct agent agent;
	struct settings settings;
	struct sink_conf conf;
	void *confs[2];
	struct findings findings;
	struct doctor_running running;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->agent.env.now_ns = fake_now_ns;
	world->agent.env.wall_ms = fake_wall_ms;
	world->agent.options.conf_path = "/etc/x.conf";
	world->agent.settings = &world->settings;
	world->settings.confs = world->confs;
	world->confs[1] = &world->conf;
	strcpy(world->agent.identity.id, "pi");
	world->agent.identity.origin = "test";
	strcpy(world->agent.judge.decision.reason, "ok");
	const struct conf_section sections[] = {{"sink", sink_items, &world->conf}, {0}};
	conf_defaults(sections);
	assert_int_equal(plant_init(&world->agent.plant, &world->agent.env, 0), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	plant_free(&world->agent.plant);
	free(world);
	return 0;
}

static const struct instance *source_of(const struct world *world)
{
	return &world->agent.plant.instances[0];
}

/* Hands in one value for all, and for the counters a second one a second later. */
static void hand_in(struct world *world, int64_t value, int64_t growth)
{
	for (int pass = 0; pass < 2; pass++) {
		struct batch batch;
		batch_reset(&batch);
		for (unsigned i = 0; i < COUNT; i++) {
			if (i == TEXT)
				batch_text(&batch, i, "some words");
			else if (metrics[i].unit == UNIT_WORD || metrics[i].unit == UNIT_BOOL)
				batch_value(&batch, i, 1);
			else
				batch_value(&batch, i,
					    value + (i >= FIRST_RATE ? pass * growth : 0));
		}
		state_update(world->agent.plant.state, source_of(world)->source, &batch,
			     (pass + 1) * NS_PER_S);
	}
}

static void hand_in_reasons(struct world *world, const char *first, const char *others)
{
	struct batch batch;
	batch_reset(&batch);
	for (unsigned i = 0; i < COUNT; i++)
		batch_unknown(&batch, i, i == 0 ? first : others);
	state_update(world->agent.plant.state, source_of(world)->source, &batch, 2 * NS_PER_S);
}

static struct finding *find(struct world *world, const char *module, enum doctor_level level,
			    const char *what, const char *text)
{
	struct finding *row = doctor_add(&world->findings, level, module, what, text);

	assert_non_null(row);
	return row;
}

/* What is printed on standard output. */
static const char *said(const struct world *world)
{
	static char text[8192];
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	assert_true(kept >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
	doctor_print_people(&world->agent, &world->running, &world->findings);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	rewind(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	assert_true(length < sizeof(text) - 1);
	return text;
}

static void assert_says(const struct world *world, const char *part)
{
	const char *text = said(world);
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void every_unit_has_its_words(void **state)
{
	struct world *world = *state;

	hand_in(world, 1536, 512);
	assert_says(world,
		    "source       a.count: 1536, a.bytes: 1.5 KiB, a.ms: 1536 ms, a.us: 1.5 ms,\n"
		    "             a.s: 1536 s, a.hz: 0.0 MHz, a.milli: 1.5, a.lag_ms: 1.5 ms,\n"
		    "             a.celsius: 1.5 C, a.ppm: 0.2 %, a.bool: yes, a.word: high,\n"
		    "             a.text: some words, a.bytes_s: 512 bytes/s, a.hits_s: 512/s,\n"
		    "             a.ratio: 0.1 %\n");
	assert_says(world, "Nothing needs attention.\n");
}

static void large_and_negative_values(void **state)
{
	struct world *world = *state;

	hand_in(world, INT64_MAX, 0);
	assert_says(world, "a.count: 9223372036854775807, a.bytes: 8388608.0 TiB,");
	hand_in(world, INT64_MIN, 0);
	assert_says(world, "a.count: -9223372036854775808, a.bytes: -9223372036854775808 bytes,\n");
	hand_in(world, -40500, 0);
	assert_says(world, "a.celsius: -40.5 C, ");
	hand_in(world, 3 * 1024 * 1024, 0);
	assert_says(world, "a.bytes: 3 MiB, ");
	assert_says(world, "a.s: 36 days,");
}

static void what_does_not_apply(void **state)
{
	struct world *world = *state;
	const char *reason = NULL;

	assert_false(doctor_not_applicable(&world->agent, source_of(world), &reason));
	hand_in_reasons(world, NOT_APPLICABLE "no such thing", NOT_APPLICABLE "no such thing");
	assert_true(doctor_not_applicable(&world->agent, source_of(world), &reason));
	assert_string_equal(reason, "not applicable: no such thing");
	assert_says(
		world,
		"\nsource       not applicable: no such thing\nsink         with its defaults\n");

	hand_in_reasons(world, NOT_APPLICABLE "another thing", NOT_APPLICABLE "no such thing");
	assert_false(doctor_not_applicable(&world->agent, source_of(world), &reason));
	hand_in_reasons(world, "broken", NOT_APPLICABLE "no such thing");
	assert_false(doctor_not_applicable(&world->agent, source_of(world), &reason));
	hand_in(world, 1, 1);
	assert_false(doctor_not_applicable(&world->agent, source_of(world), &reason));
	/* A module without readings has none that do not apply. */
	assert_false(
		doctor_not_applicable(&world->agent, &world->agent.plant.instances[1], &reason));
}

static void findings_with_one_text_share_it(void **state)
{
	struct world *world = *state;

	hand_in_reasons(world, "x", "x");
	find(world, "source", DOCTOR_ADVICE, "a.count", "mend it");
	doctor_remedy(find(world, "source", DOCTOR_ATTENTION, "a.ms", "mend it"), "mend --%s",
		      "now");
	find(world, "source", DOCTOR_ADVICE, "a.bytes", "something else");
	find(world, "source", DOCTOR_ADVICE, "a.us", "mend it");
	find(world, "source", DOCTOR_ABSENT, "a.s", "not in this house");
	find(world, "sink", DOCTOR_GOOD, "broker", "answers");
	/* What needs somebody comes first, whatever was found first. */
	assert_says(world, "Needs attention\n\n"
			   "  a.ms\n"
			   "    mend it\n"
			   "    $ mend --now\n\n"
			   "Could be better\n\n"
			   "  a.count, a.us\n"
			   "    mend it\n\n"
			   "  a.bytes\n"
			   "    something else\n\n"
			   "Found\n");
	assert_says(world, "\nsink         broker: answers\n");
	assert_says(world, "\nnot here     a.s\n");
	assert_null(strstr(said(world), "not in this house"));
	assert_says(world, "\n1 thing needs attention: see above.\n");

	char longest[300];
	memset(longest, 'w', sizeof(longest));
	memcpy(longest + 60, " and ", 5);
	longest[sizeof(longest) - 1] = '\0';
	find(world, "sink", DOCTOR_ATTENTION, "host", longest);
	snprintf(longest + 65, sizeof(longest) - 65, "then");
	assert_says(world, "w and then\n");
	assert_says(world, "\n2 things need attention: see above.\n");
	world->findings.dropped = 3;
	assert_says(world, "... and 3 findings more\n");
	assert_null(strstr(said(world), "\033")); /* not on a terminal: no colours */
}

/* What does not fit is counted, and those who would write to it are told nothing. */
static void there_is_an_end_to_it(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < FINDINGS; i++)
		find(world, "source", DOCTOR_ADVICE, "x", "y");
	doctor_say(doctor_add(&world->findings, DOCTOR_ADVICE, "source", "x", "y"), "%d", 1);
	doctor_remedy(NULL, "nothing");
	assert_int_equal(world->findings.count, FINDINGS);
	assert_int_equal(world->findings.dropped, 1);
	assert_int_equal(doctor_count(&world->findings, DOCTOR_ADVICE), FINDINGS);
	assert_int_equal(doctor_count(&world->findings, DOCTOR_ATTENTION), 0);
}

static void settings_that_were_made(void **state)
{
	struct world *world = *state;

	hand_in(world, 1, 1);
	assert_says(world, "\nsink         with its defaults\n");
	strcpy(world->conf.host, "broker");
	world->conf.keepalive = NS_PER_S;
	assert_says(world, "\nsink         host = broker, keepalive is set\n");
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WORLD(every_unit_has_its_words), WORLD(large_and_negative_values),
		WORLD(what_does_not_apply),	 WORLD(findings_with_one_text_share_it),
		WORLD(settings_that_were_made),	 WORLD(there_is_an_end_to_it),
	};
	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
