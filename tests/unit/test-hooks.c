/* SPDX-License-Identifier: MIT */
/* An operator's program: when it runs, what it gets, and that nothing it does matters. It is a shell here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/health.h"
#include "agent/state.h"
#include "agent/units.h"
#include "notifiers/child.h"
#include "notifiers/notifiers.h"

/* The settings as the rows fill them. */
struct settings {
	char program[CHILD_PATH_SIZE];
	int64_t timeout;
};

enum { SIGN_STORAGE, SIGN_SWAP, SIGN_KERNEL, SIGN_HEALTH, SIGNS };

static const struct metric signs[SIGNS] = {
	[SIGN_STORAGE] = {.group = "sd", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
	[SIGN_SWAP] = {.group = "swap", .unit = UNIT_BOOL, .role = ROLE_SWAP_FAILING},
	[SIGN_KERNEL] = {.group = "self", .unit = UNIT_BOOL, .role = ROLE_KERNEL_FAILING},
	[SIGN_HEALTH] = {.group = "sd", .name = "health", .unit = UNIT_WORD, .words = health_words},
};

struct world {
	char directory[40], log[64], go[64];
	struct env env;
	struct settings conf;
	struct overview overview;
	struct state *state;
	struct state_source source;
	void *self;
};

static int64_t now_ns;
static uid_t user;

/* Instead of the library's: the tests run as root here and there. */
uid_t geteuid(void)
{
	return user;
}

static int64_t world_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t world_wall_ms(const struct env *env)
{
	(void)env;
	return INT64_C(1795255000000) + now_ns / NS_PER_MS;
}

static struct snapshot world_snapshot(const struct overview *overview)
{
	const struct world *world = overview->context;

	return (struct snapshot){.now_ns = now_ns, .state = world->state};
}

static void write_script(const struct world *world, const char *script)
{
	FILE *file = fopen(world->conf.program, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nread -r input\necho \"$1 $input\" >>%s\n%s\n", world->log,
		script);
	fclose(file);
	chmod(world->conf.program, 0755);
}

static void open_hook(struct world *world)
{
	const struct about about = {.overview = &world->overview};
	const struct report report = {.kind = REPORT_ABOUT, .about = &about};

	world->self = calloc(1, hook_notifier.module.self_size);
	assert_int_equal(hook_notifier.module.open(world->self, &world->conf, &world->env), 0);
	assert_int_equal(hook_notifier.publish(world->self, &report), 0);
}

static void close_hook(struct world *world)
{
	hook_notifier.module.close(world->self);
	free(world->self);
}

static void show(struct world *world, unsigned sign, int64_t value)
{
	struct batch batch;

	batch_reset(&batch);
	for (unsigned i = 0; i < SIGNS; i++)
		batch_value(&batch, i, i == sign ? value : 0);
	state_update(world->state, world->source, &batch, now_ns);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct conf_section sections[] = {{"hook", hook_notifier.module.conf, &world->conf}, {0}};

	assert_int_equal(hook_notifier.module.conf_size, sizeof(struct settings));
	conf_defaults(sections);
	user = 1000;
	now_ns = NS_PER_S;
	strcpy(world->directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->conf.program, sizeof(world->conf.program), "%s/program", world->directory);
	snprintf(world->log, sizeof(world->log), "%s/log", world->directory);
	snprintf(world->go, sizeof(world->go), "%s/go", world->directory);
	write_script(world, "");
	world->state = state_new(SIGNS);
	assert_int_equal(state_add(world->state, signs, SIGNS, 3600 * NS_PER_S, &world->source), 0);
	world->overview.snapshot = world_snapshot;
	world->overview.context = world;
	world->env = (struct env){.id = "pi3", .now_ns = world_now_ns, .wall_ms = world_wall_ms};
	open_hook(world);
	*state = world;
	return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *world = *state;

	close_hook(world);
	state_free(world->state);
	assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(world);
	return 0;
}

static void decide(struct world *world, enum control_state state)
{
	const struct decision decision = {.state = state,
					  .reason = "memory low",
					  .weight_pct = 40,
					  .maxconn = 3,
					  .headroom_known = true,
					  .headroom_bytes = 123456789};
	const struct report report = {.kind = REPORT_DECISION, .decision = &decision};

	assert_int_equal(hook_notifier.publish(world->self, &report), 0);
}

static const char *status(const struct world *world)
{
	static char text[2048];
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	hook_notifier.status(world->self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

static bool is_running(const struct world *world)
{
	return strstr(status(world), "\"running\":true") != NULL;
}

static void look(struct world *world)
{
	struct batch batch;

	batch_reset(&batch);
	assert_int_equal(hook_notifier.module.read(world->self, now_ns, &batch), 0);
}

/* Lets it end by itself, and what comes after it. */
static void finish(struct world *world)
{
	while (is_running(world)) {
		sched_yield();
		look(world);
	}
}

static const char *text_of(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return "";
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* The states that programs were told, in order, with a blank behind each. */
static const char *told(const struct world *world)
{
	static char words[512];
	const char *line = text_of(world->log);

	words[0] = '\0';
	for (; *line; line = strchr(line, '\n') + 1)
		snprintf(words + strlen(words), 32, "%.*s ", (int)strcspn(line, " "), line);
	return words;
}

static void assert_status(const struct world *world, const char *part)
{
	if (!strstr(status(world), part))
		fail_msg("no %s in %s", part, status(world));
}

static void test_gets_the_decision(void **state)
{
	struct world *world = *state;
	cJSON *json;

	decide(world, CONTROL_NORMAL);
	finish(world);
	decide(world, CONTROL_SHED);
	finish(world);
	assert_string_equal(told(world), "normal shed ");
	const char *line = strstr(text_of(world->log), "\nshed ") + 6;
	json = cJSON_Parse(line);
	assert_non_null(json);
	assert_string_equal(cJSON_GetObjectItem(json, "before")->valuestring, "normal");
	assert_string_equal(cJSON_GetObjectItem(json, "state")->valuestring, "shed");
	assert_string_equal(cJSON_GetObjectItem(json, "reason")->valuestring, "memory low");
	assert_string_equal(cJSON_GetObjectItem(json, "id")->valuestring, "pi3");
	assert_int_equal(cJSON_GetObjectItem(json, "weight")->valueint, 40);
	assert_int_equal(cJSON_GetObjectItem(json, "maxconn")->valueint, 3);
	assert_int_equal(cJSON_GetObjectItem(json, "headroom_bytes")->valueint, 123456789);
	assert_true(cJSON_GetObjectItem(json, "ts")->valuedouble == 1795255001000.0);
	cJSON_Delete(json);
	assert_non_null(strstr(text_of(world->log), "\"before\":\"start\""));
	decide(world, CONTROL_SHED); /* another weight is no other state */
	assert_false(is_running(world));
}

/* While one runs only the newest waits, and nothing where all is as it was. */
static void test_newest_only(void **state)
{
	struct world *world = *state;
	char script[128];

	snprintf(script, sizeof(script), "while [ ! -e %s ]; do sleep 0.01; done", world->go);
	write_script(world, script);
	decide(world, CONTROL_SHED);
	decide(world, CONTROL_HARD);
	decide(world, CONTROL_RECOVER);
	decide(world, CONTROL_NORMAL);
	assert_status(world, "\"why_waiting\":\"the one before still runs\"");
	fclose(fopen(world->go, "we"));
	finish(world);
	assert_string_equal(told(world), "shed normal ");
	unlink(world->go);
	decide(world, CONTROL_SHED);
	decide(world, CONTROL_HARD);
	decide(world, CONTROL_SHED);
	fclose(fopen(world->go, "we"));
	finish(world);
	assert_string_equal(told(world), "shed normal shed ");
	assert_status(world, "\"runs\":3,\"failed\":0,\"why_waiting\":null");
}

/* The hard level alone forbids nothing; what the disk or the kernel do wrong does. */
static void test_not_while_it_fails(void **state)
{
	static const char *const why[SIGNS] = {"storage is failing", "storage is failing",
					       "the kernel is failing", "storage is failing"};
	struct world *world = *state;

	for (unsigned sign = 0; sign < SIGNS; sign++) {
		unlink(world->log);
		show(world, sign, sign == SIGN_HEALTH ? HEALTH_FAILING : 1);
		decide(world, CONTROL_HARD);
		assert_false(is_running(world));
		assert_status(world, why[sign]);
		look(world);
		assert_false(is_running(world));
		show(world, SIGNS, 0);
		look(world);
		finish(world);
		decide(world, CONTROL_NORMAL);
		finish(world);
		assert_string_equal(told(world), "hard normal ");
	}
	show(world, SIGN_HEALTH, HEALTH_WORN);
	decide(world, CONTROL_HARD);
	finish(world);
	assert_string_equal(told(world), "hard normal hard ");
}

static void test_ends_badly(void **state)
{
	struct world *world = *state;

	write_script(world, "echo one; printf 'disk \\033full\\n\\n'; exit 7");
	decide(world, CONTROL_SHED);
	finish(world);
	assert_status(world, "\"last\":\"shed: ended with 7: disk  full\"");
	write_script(world, "kill -9 $$");
	decide(world, CONTROL_HARD);
	finish(world);
	assert_status(world, "\"last\":\"hard: was ended by signal 9\"");
	write_script(world, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo fine");
	decide(world, CONTROL_RECOVER);
	finish(world);
	assert_status(world, "\"last\":\"recover: done: fine\"");
	unlink(world->conf.program);
	decide(world, CONTROL_NORMAL);
	finish(world);
	assert_status(world, "\"last\":\"normal: ended with 127\"");
	assert_status(world, "\"runs\":4,\"failed\":3");
}

static void test_takes_too_long(void **state)
{
	struct world *world = *state;

	write_script(world, "trap '' TERM; echo begun; sleep 1000");
	decide(world, CONTROL_SHED);
	while (!text_of(world->log)[0])
		sched_yield();
	now_ns += world->conf.timeout - 1;
	look(world);
	assert_true(is_running(world));
	now_ns += 1;
	look(world);
	assert_true(is_running(world)); /* it was asked to */
	now_ns += 2 * NS_PER_S;
	look(world);
	finish(world);
	assert_status(world, "shed: took too long and was ended");
}

static void test_stop(void **state)
{
	struct world *world = *state;

	write_script(world, "exec sleep 1000");
	decide(world, CONTROL_SHED);
	decide(world, CONTROL_HARD);
	assert_false(hook_notifier.stop(world->self));
	now_ns += NS_PER_S;
	hook_notifier.stop(world->self); /* it is asked to end, and does */
	finish(world);
	assert_true(hook_notifier.stop(world->self));
	decide(world, CONTROL_NORMAL);
	look(world);
	assert_status(world, "\"runs\":1,"); /* nothing new begins */
}

static void never(void *context, const char *key, const char *sentence)
{
	(void)context;
	fail_msg("%s: %s", key, sentence);
}

static void collect(void *context, const char *key, const char *sentence)
{
	assert_string_equal(key, "program");
	snprintf(context, MODULE_SENTENCE_SIZE, "%s", sentence);
}

static void test_off(void **state)
{
	struct world *world = *state;
	char program[CHILD_PATH_SIZE];

	close_hook(world);
	user = 0;
	assert_non_null(strstr(hook_notifier.module.inspect(&world->conf, never, NULL), "as root"));
	open_hook(world);
	decide(world, CONTROL_HARD);
	look(world);
	assert_status(world, "no program is run as root");
	close_hook(world);
	user = 1000;
	world->env.dry_run = true;
	open_hook(world);
	decide(world, CONTROL_HARD);
	assert_status(world, "dry run");
	close_hook(world);
	world->env.dry_run = false;
	strcpy(program, world->conf.program);
	world->conf.program[0] = '\0';
	open_hook(world);
	decide(world, CONTROL_HARD);
	assert_status(world, "set program in section [hook]");
	assert_true(hook_notifier.stop(world->self));
	assert_string_equal(told(world), "");
	strcpy(world->conf.program, program);
}

static void test_inspect(void **state)
{
	struct world *world = *state;
	char sentence[MODULE_SENTENCE_SIZE] = "";

	assert_null(hook_notifier.module.inspect(&world->conf, never, NULL));
	chmod(world->conf.program, 0757);
	hook_notifier.module.inspect(&world->conf, collect, sentence);
	assert_non_null(strstr(sentence, "chmod o-w"));
	chmod(world->conf.program, 0644);
	hook_notifier.module.inspect(&world->conf, collect, sentence);
	assert_non_null(strstr(sentence, "chmod 755"));
	unlink(world->conf.program);
	hook_notifier.module.inspect(&world->conf, collect, sentence);
	assert_non_null(strstr(sentence, "No such file"));
}

#define HOOK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOOK_TEST(test_gets_the_decision),
		HOOK_TEST(test_newest_only),
		HOOK_TEST(test_not_while_it_fails),
		HOOK_TEST(test_ends_badly),
		HOOK_TEST(test_takes_too_long),
		HOOK_TEST(test_stop),
		HOOK_TEST(test_off),
		HOOK_TEST(test_inspect),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
