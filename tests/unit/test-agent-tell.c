/* SPDX-License-Identifier: MIT */
/* What a pass of the agent leaves behind and tells besides the decision: events, slow facts, files, the course. */
#include "agent-pass-world.h"

#include "agent/history_image.h"
#include "agent/keep.h"

static const char *firmware_of(const void *self)
{
	(void)self;
	return "2026-01-01";
}

/* Who is busy gets what counts later, in one piece; a sample is gone. */
static void test_what_was_not_taken_comes_again(void **state)
{
	(void)state;
	is_busy = true;
	pass(0);
	pass(1000);
	is_busy = false;
	heard[0] = '\0';
	dispatch_retry(&agent.plant.dispatch);
	assert_string_equal(heard, "de");
	/* A pass does so by itself. */
	agent.request = REQUEST_DRAIN;
	is_busy = true;
	pass(250);
	is_busy = false;
	assert_string_equal(pass(250), "de");
}

static void test_the_course_is_kept(void **state)
{
	(void)state;
	memory_total = memory_free = 1000 * MIB;
	const size_t size = history_image_size(agent.history);
	char *before = calloc(1, size), *after = calloc(1, size);

	assert_non_null(before);
	assert_non_null(after);
	history_save(agent.history, "-", before);
	for (int i = 0; i < 120; i++)
		pass(1000);
	history_save(agent.history, "-", after);
	assert_memory_not_equal(before, after, size);
	free(before);
	free(after);
}

/* "ready" is said to all balancers for five minutes, also over a restart; then it must not be said again. */
static void test_the_end_of_ready(void **state)
{
	(void)state;
	pass(0);
	agent.request = REQUEST_DRAIN;
	pass(1000);
	agent.request = REQUEST_READY;
	keep_undrain(&agent.env);
	pass(1000);
	assert_int_not_equal(decision.undrain, 0);
	for (int i = 0; i < 290; i++)
		pass(1000);
	assert_true(keep_has_undrain(&agent.env));
	for (int i = 0; i < 20; i++)
		pass(1000);
	assert_int_equal(decision.undrain, 0);
	assert_false(keep_has_undrain(&agent.env));
}

static void test_what_the_next_life_needs(void **state)
{
	static char page[INHERIT_PAGE_SIZE], tick;
	char path[64];

	(void)state;
	memory_total = memory_free = 1000 * MIB;
	page[0] = '\0';
	agent.inherit.page = page;
	/* --once and --doctor have no tick, and leave no trace. */
	for (int i = 0; i < 30; i++)
		pass(1000);
	snprintf(path, sizeof(path), "%s/learned", run_dir);
	assert_int_equal(page[0], '\0');
	assert_int_not_equal(access(path, F_OK), 0);
	agent.tick = (void *)&tick;
	pass(1000);
	assert_int_not_equal(page[0], '\0');
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	agent.tick = NULL;
	agent.inherit.page = NULL;
}

static void test_health(void **state)
{
	(void)state;
	pass(0);
	wear_ppm = 900000;
	pass(1000);
	assert_string_equal(event.kind, "sd-health");
	assert_memory_equal(event.text, "unknown -> worn: 90 %", 21);
	assert_int_equal(event.severity, SEVERITY_WARNING);
	uint64_t id = event.id;
	pass(1000);
	assert_int_equal(event.id, id);
}

/* Numbered in the order in which they come, whoever hears them, and in the diary. */
static void test_events(void **state)
{
	struct event made = {.kind = "fan-stopped", .text = "nothing turns", .id = 77, .ts_ms = 77};

	(void)state;
	for (int i = 1; i <= 3; i++) {
		now_ns += NS_PER_S;
		made.severity = i == 1	 ? SEVERITY_INFO
				: i == 2 ? SEVERITY_WARNING
					 : SEVERITY_CRITICAL;
		agent_event(&agent, &made);
		assert_int_equal(event.id, i);
		assert_int_equal(event.ts_ms, fake_wall_ms(NULL));
		assert_int_equal(event.severity, made.severity);
		assert_string_equal(event.kind, "fan-stopped");
		assert_int_equal(diary_get(agent.diary, 0)->id, i);
		assert_int_equal(diary_get(agent.diary, 0)->ts_ms, event.ts_ms);
	}
	assert_int_equal(agent.diary->count, 3);
}

/* What is not known is not told as an empty word. */
static void test_slow_facts(void **state)
{
	static struct module module = {.name = "board"};
	struct instance *instance = &agent.plant.instances[0];
	const struct module *before = instance->module;

	(void)state;
	assert_null(about.model);
	assert_null(about.serial_hash);
	assert_null(about.firmware);
	assert_null(about.kernel);
	assert_int_equal(about.interval_ms, 1000);
	assert_int_equal(about.started_ms, fake_wall_ms(NULL));
	assert_string_equal(about.config_digest, agent.settings->digest);
	assert_non_null(strstr(about.libraries, "libuv "));
	assert_false(about.dry_run);

	strcpy(agent.identity.model, "Raspberry Pi 5");
	strcpy(agent.identity.kernel, "6.12");
	strcpy(agent.identity.serial_hash, "abc");
	agent.env.dry_run = true;
	module.firmware = firmware_of;
	instance->module = &module;
	agent_about(&agent);
	assert_string_equal(about.model, "Raspberry Pi 5");
	assert_string_equal(about.kernel, "6.12");
	assert_string_equal(about.serial_hash, "abc");
	assert_string_equal(about.firmware, "2026-01-01");
	assert_true(about.dry_run);
	/* One that is closed is not asked, and what it said before is not said again. */
	instance->open = false;
	agent_about(&agent);
	assert_null(about.firmware);
	instance->open = true;
	instance->module = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_not_taken_comes_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_course_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_end_of_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_next_life_needs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow_facts, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("what a pass leaves behind", tests, NULL, NULL);
}
