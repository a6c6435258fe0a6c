/* SPDX-License-Identifier: MIT */
/* An operator's program: when it runs, what it gets, and that nothing it does matters. It is a shell here. */
#include "hooks-world.h"

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
					       "the kernel is failing"};
	struct world *world = *state;

	for (unsigned sign = 0; sign < SIGNS; sign++) {
		unlink(world->log);
		show(world, sign, 1);
		decide(world, CONTROL_HARD);
		assert_false(is_running(world));
		assert_status(world, why[sign]);
		look(world);
		assert_false(is_running(world));
		show(world, SIGNS, 0);
		look(world);
		if (sign != SIGN_KERNEL) {
			assert_status(world, "storage failed less than a minute ago");
			now_ns += LAUNCH_QUIET_NS;
			look(world);
		}
		finish(world);
		decide(world, CONTROL_NORMAL);
		finish(world);
		assert_string_equal(told(world), "hard normal ");
	}
}

/* What fails while nothing waits forbids the next one all the same. */
static void test_sees_all_that_fails(void **state)
{
	struct world *world = *state;

	show(world, SIGN_STORAGE, 1);
	look(world);
	now_ns += NS_PER_S;
	show(world, SIGNS, 0);
	look(world);
	now_ns += LAUNCH_QUIET_NS - 2 * NS_PER_S;
	decide(world, CONTROL_HARD);
	assert_false(is_running(world));
	now_ns += NS_PER_S;
	look(world);
	finish(world);
	assert_string_equal(told(world), "hard ");
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
	/* It is the doctor's user, not the agent's. */
	assert_non_null(strstr(hook_notifier.module.inspect(&world->conf, never, NULL),
			       "not as root: the agent has to be"));
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
		HOOK_TEST(test_sees_all_that_fails),
		HOOK_TEST(test_ends_badly),
		HOOK_TEST(test_takes_too_long),
		HOOK_TEST(test_stop),
		HOOK_TEST(test_off),
		HOOK_TEST(test_inspect),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
