/* SPDX-License-Identifier: MIT */
/*
 * Where what was learned is written down: in the run directory whenever it changes, in the state directory, which
 * is on the card, at a stop and once a day at most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_self.h"
#include "agent/collector.h"
#include "agent/keep.h"
#include "agent/notifier.h"

#define MIB (INT64_C(1) << 20)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define WALL_MS INT64_C(1795000000000)
#define TOTAL (1000 * MIB)

const struct collector *const collectors[] = {NULL};
const struct notifier *const notifiers[] = {NULL};

static struct agent agent;
static char folder[32], run_dir[48], state_dir[48];
static int64_t wall_ms;

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return wall_ms;
}

/* A new life of the agent. */
static void begin(void)
{
	agent = (struct agent){.env = {.wall_ms = fake_wall_ms, .run_dir = run_dir}};
	agent_learned_restore(&agent);
	learned_check(&agent.judge, TOTAL);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
	snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
	assert_int_equal(mkdir(run_dir, 0700) | mkdir(state_dir, 0700), 0);
	setenv("STATE_DIRECTORY", state_dir, 1);
	wall_ms = WALL_MS;
	begin();
	return 0;
}

static void forget(const char *directory)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/learned", directory);
	unlink(path);
}

static int tear_down(void **state)
{
	(void)state;
	unsetenv("STATE_DIRECTORY");
	forget(run_dir);
	forget(state_dir);
	rmdir(run_dir);
	rmdir(state_dir);
	return rmdir(folder);
}

/* The margin as it stands there; -1: there is none. */
static int64_t margin_in(const char *directory)
{
	struct learned learned;

	return keep_get_learned(directory, &learned) ? learned.margin_bytes : -1;
}

static void learn(int64_t margin_bytes)
{
	agent.judge.pressure.margin.bytes = margin_bytes;
}

static void test_nothing_learned_nothing_written(void **state)
{
	(void)state;
	agent_learned_keep(&agent);
	agent_learned_store(&agent);
	assert_int_equal(margin_in(run_dir), -1);
	assert_int_equal(margin_in(state_dir), -1);
}

static void test_a_restart(void **state)
{
	(void)state;
	learn(80 * MIB);
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), 80 * MIB);
	assert_int_equal(margin_in(state_dir), -1); /* while it runs, nothing goes to the card */
	begin();
	assert_int_equal(agent.judge.pressure.margin.bytes, 80 * MIB);
	/* It is known to stand there. */
	forget(run_dir);
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), -1);
	learn(81 * MIB); /* less than a twentieth */
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), -1);
	learn(90 * MIB);
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), 90 * MIB);
	learn(60 * MIB);
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), 60 * MIB);
	/* Once, and not at every pass. */
	forget(run_dir);
	agent_learned_keep(&agent);
	assert_int_equal(margin_in(run_dir), -1);
}

static void test_a_reboot(void **state)
{
	(void)state;
	learn(80 * MIB);
	agent_learned_store(&agent);
	assert_int_equal(margin_in(state_dir), 80 * MIB);
	assert_int_equal(margin_in(run_dir), -1);
	wall_ms += DAY_MS;
	begin();
	assert_int_equal(agent.judge.pressure.margin.bytes, 40 * MIB);
	/* What the life before left in memory is newer. */
	learn(100 * MIB);
	agent_learned_keep(&agent);
	begin();
	assert_int_equal(agent.judge.pressure.margin.bytes, 100 * MIB);
}

/* The clock may be set back in between: then nobody knows, and it is written. */
static void test_once_a_day(void **state)
{
	(void)state;
	learn(80 * MIB);
	agent_learned_store(&agent);
	wall_ms += DAY_MS - 1;
	begin();
	learn(200 * MIB);
	agent_learned_store(&agent);
	assert_int_equal(margin_in(state_dir), 80 * MIB);
	wall_ms++;
	agent_learned_store(&agent);
	assert_int_equal(margin_in(state_dir), 200 * MIB);
	wall_ms -= 1000 * DAY_MS;
	begin();
	learn(300 * MIB);
	agent_learned_store(&agent);
	assert_int_equal(margin_in(state_dir), 300 * MIB);
}

static void test_the_same_is_not_written_again(void **state)
{
	struct stat before, after;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/learned", state_dir);
	learn(80 * MIB);
	agent_learned_store(&agent);
	assert_int_equal(stat(path, &before), 0);
	begin();
	wall_ms += 2 * DAY_MS;
	agent_learned_store(&agent);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
}

/* A card that fails is not written to: the call might never come back. */
static void test_storage_that_fails(void **state)
{
	(void)state;
	learn(80 * MIB);
	agent.judge.verdict.storage_failing = true;
	agent_learned_store(&agent);
	assert_int_equal(margin_in(state_dir), -1);
}

/* systemd names one absolute folder; whatever else stands there is no place of ours. */
static void test_no_state_directory(void **state)
{
	char two[128], deep[256] = "/";

	(void)state;
	snprintf(two, sizeof(two), "%s:%s", state_dir, run_dir);
	memset(deep + 1, 'x', 79);
	const char *const values[] = {NULL, "", "state", two, deep};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i])
			setenv("STATE_DIRECTORY", values[i], 1);
		else
			unsetenv("STATE_DIRECTORY");
		begin();
		assert_string_equal(agent.state_dir, "");
		learn(80 * MIB);
		agent_learned_store(&agent);
		assert_int_equal(margin_in(state_dir), -1);
	}
}

/* An empty file, as a power cut leaves it, or half a one. */
static void test_files_that_are_cut(void **state)
{
	static const char *const texts[] = {"", "\n", "2 1 1 1 8000000", "2 1 1 1 8000000 1 "};
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/learned", run_dir);
	learn(80 * MIB);
	agent_learned_store(&agent);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		assert_true(fputs(texts[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
		begin();
		/* The one on the card is used. */
		assert_int_equal(agent.judge.pressure.margin.bytes, 80 * MIB);
		agent_learned_keep(&agent);
		assert_int_equal(margin_in(run_dir), 80 * MIB);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_learned_nothing_written, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reboot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_once_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_same_is_not_written_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_storage_that_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_state_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_that_are_cut, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("where what was learned is kept", tests, NULL, NULL);
}
