/* SPDX-License-Identifier: MIT */
/* The access log as the source of the requests collector, on the real loop. */
#include "requests-world.h"

#include <fcntl.h>

#define LINE(status) "::1 - - [21/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" " status " 612\n"

#define LOG "/access.log" /* below a root of its own */

static char root_path[64];
static char log_path[sizeof(root_path) + sizeof(LOG)];

static int log_up(void **state)
{
	strcpy(root_path, "/tmp/hostingpi-log-XXXXXX");
	assert_non_null(mkdtemp(root_path));
	snprintf(log_path, sizeof(log_path), "%s" LOG, root_path);
	int fd = open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	world_up(state);
	struct world *world = *state;
	world->env.root_fd = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return world->env.root_fd < 0;
}

static int log_down(void **state)
{
	struct world *world = *state;
	unlink(log_path);
	rmdir(root_path);
	close(world->env.root_fd);
	return world_down(state);
}

static void append(const char *text)
{
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void start_log(struct world *world)
{
	set(world, "source", "log");
	set(world, "log", LOG);
	start(world, "", "20s");
}

static bool read_source(struct world *world)
{
	read_news(world);
	const struct sample *source = find(world, "source");
	return source && source->kind == SAMPLE_TEXT;
}

static int64_t lines;

static bool read_lines(struct world *world)
{
	read_news(world);
	const struct sample *requests = find(world, "requests_total");
	return requests && requests->kind == SAMPLE_VALUE && requests->value == lines;
}

static void test_lines_are_requests(void **state)
{
	struct world *world = *state;
	start_log(world);
	lines = 0;
	run_until(&world->env, read_lines(world));
	append(LINE("200") LINE("500") LINE("302"));
	lines = 3;
	run_until(&world->env, read_lines(world));
	assert_int_equal(value(world, "errors_5xx_total"), 1);
	assert_non_null(strstr(reason(world, "busy_workers"), "enable a status page"));
	assert_non_null(strstr(reason(world, "latency_ms"), "enable a status page"));
	assert_int_not_equal(world->batch.stamp_ns, 0);
}

/* Lines without a status are requests still; errors are unknown then, not none. */
static void test_a_format_of_its_own(void **state)
{
	struct world *world = *state;
	start_log(world);
	append("one\ntwo\n" LINE("500"));
	lines = 3;
	run_until(&world->env, read_lines(world));
	assert_non_null(strstr(reason(world, "errors_5xx_total"), "common or combined"));
}

static bool read_gap(struct world *world)
{
	read_news(world);
	const struct sample *requests = find(world, "requests_total");
	return requests && requests->kind == SAMPLE_UNKNOWN && strstr(requests->text, "skipped");
}

/* What was skipped makes no count that is too low, but a moment without one. */
static void test_skipped_lines(void **state)
{
	struct world *world = *state;
	start_log(world);
	run_until(&world->env, read_source(world));
	assert_int_equal(truncate(log_path, 17 << 20), 0);
	run_until(&world->env, read_gap(world));
	append(LINE("500") LINE("500")); /* the first one ends what was skipped */
	lines = 1;
	run_until(&world->env, read_lines(world));
}

static bool rang;

static void ring(void *context)
{
	(void)context;
	rang = true;
}

/* Six rotations between two polls: each name is seen nevertheless. */
static void test_hasty_rotations(void **state)
{
	struct world *world = *state;
	char old[sizeof(log_path) + sizeof(".-2147483648")]; /* what gcc -fsanitize fears */
	struct timer *bell = env_timer(&world->env, ring, NULL);
	set(world, "source", "log");
	set(world, "log", LOG);
	set(world, "interval", "30s"); /* that is 2 s for a log */
	assert_int_equal(module->open(world->self, world->conf, &world->env), 0);
	run_until(&world->env, read_source(world));
	for (int i = 0; i < 6; i++) {
		append(LINE("200"));
		snprintf(old, sizeof(old), "%s.%d", log_path, i);
		assert_int_equal(rename(log_path, old), 0);
		close(open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		/* What waits to be read comes before a timer. */
		rang = false;
		timer_arm(bell, NS_PER_MS);
		run_until(&world->env, rang);
		unlink(old);
	}
	timer_end(bell);
	lines = 6;
	run_until(&world->env, read_lines(world));
}

static bool read_missing(struct world *world)
{
	read_news(world);
	const struct sample *requests = find(world, "requests_total");
	return requests && requests->kind == SAMPLE_UNKNOWN && strstr(requests->text, "no such");
}

static void test_missing(void **state)
{
	struct world *world = *state;
	unlink(log_path);
	start_log(world);
	run_until(&world->env, read_missing(world));
	assert_non_null(strstr(reason(world, "source"), LOG));
}

static void test_settings(void **state)
{
	struct world *world = *state;
	char error[256];
	set(world, "source", "log");
	set(world, "url", "http://[::1]/");
	assert_int_equal(module->check(world->conf, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "source: log contradicts url, which is set");
	set(world, "url", "");
	set(world, "log", "access.log");
	assert_int_equal(module->check(world->conf, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "log: 'access.log' is no absolute path; expected auto or paths");
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, log_up, log_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(test_lines_are_requests),
		log_test(test_a_format_of_its_own),
		log_test(test_skipped_lines),
		log_test(test_hasty_rotations),
		log_test(test_missing),
		log_test(test_settings),
	};
	return cmocka_run_group_tests_name("requests-log", tests, NULL, NULL);
}
