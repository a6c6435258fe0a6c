/* SPDX-License-Identifier: MIT */
/* Which logs are read: those that were named, or one of the usual ones. */
#include "access-log-world.h"

static void several_logs(void **state)
{
	struct world *world = *state;

	append(world, "/a", "");
	append(world, "/b", "");
	start(world, "  /a /b\t/missing ");
	append(world, "/a", LINE("200"));
	append(world, "/b", LINE("500") LINE("200"));
	expect(world, 3, 1, 0);
	assert_non_null(strstr(world->log.complaint.text, "/missing: no such file"));
	append(world, "/missing", LINE("200"));
	expect(world, 4, 1, 0);
	assert_string_equal(world->log.complaint.text, "");
}

/* Two troubles are not told in turn at each poll. */
static void one_trouble_at_a_time(void **state)
{
	struct world *world = *state;

	start(world, "/one /two");
	for (int i = 0; i < 3; i++) {
		expect_none(world, "/one: no such file");
		assert_non_null(strstr(world->log.complaint.text, "/one: no such file"));
	}
	append(world, "/one", LINE("200"));
	expect(world, 1, 0, 0);
	assert_non_null(strstr(world->log.complaint.text, "/two: no such file"));
}

static void settings_are_checked(void **state)
{
	char error[256];
	(void)state;

	assert_int_equal(access_log_check("auto", error, sizeof(error)), 0);
	assert_int_equal(access_log_check("/a /b /c /d", error, sizeof(error)), 0);
	assert_int_equal(access_log_check("/a, /b,/c", error, sizeof(error)), 0);
	assert_int_equal(access_log_check("", error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "log: 0 paths, expected auto or 1 to 4 paths");
	assert_int_equal(access_log_check("/a /b /c /d /e", error, sizeof(error)), -EINVAL);
	assert_int_equal(access_log_check("/a auto", error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "log: 'auto' is no absolute path; expected auto or paths");
}

static void set_age(struct world *world, const char *path, int64_t age_s)
{
	struct timespec at = {.tv_sec = wall_ms / 1000 - age_s}, times[2] = {at, at};

	assert_int_equal(utimensat(world->env.root_fd, path + 1, times, 0), 0);
}

static const char nginx[] = "/var/log/nginx/access.log";
static const char apache[] = "/var/log/apache2/access.log";

static void make_folders(struct world *world)
{
	static const char *const folders[] = {"var", "var/log", "var/log/nginx", "var/log/apache2"};

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(mkdirat(world->env.root_fd, folders[i], 0755), 0);
}

/* One only, another when that one is gone. */
static void finds_the_usual_one(void **state)
{
	struct world *world = *state;

	make_folders(world);
	start(world, "auto");
	expect_none(world, "not at the usual places");

	append(world, apache, LINE("200"));
	set_age(world, apache, 60);
	clock_ns += 600 * NS_PER_S;
	expect_none(world, "nothing was written to it yet");
	append(world, apache, LINE("200"));
	expect(world, 1, 0, 0);
	append(world, nginx, LINE("200"));
	clock_ns += 600 * NS_PER_S;
	expect(world, 1, 0, 0);
	assert_string_equal(access_log_path(&world->log), apache);
	append(world, nginx, LINE("200"));
	append(world, apache, LINE("200"));
	expect(world, 2, 0, 0);

	/* Apache is removed. */
	assert_int_equal(unlinkat(world->env.root_fd, apache + 1, 0), 0);
	for (int i = 0; i < 400; i++) {
		clock_ns += 2 * NS_PER_S;
		access_log_poll(&world->log, clock_ns, &world->reading);
	}
	assert_string_equal(access_log_path(&world->log), nginx);
	append(world, nginx, LINE("200"));
	expect(world, 3, 0, 0);
}

/* "No requests" is said only of a log that is written; until then of the one that was, last. */
static void a_silent_one_says_nothing(void **state)
{
	struct world *world = *state;

	make_folders(world);
	append(world, nginx, LINE("200"));
	append(world, apache, LINE("200"));
	set_age(world, apache, 60);
	set_age(world, nginx, 90);
	start(world, "auto");
	expect_none(world, "/var/log/apache2/access.log: nothing was written to it yet");
	set_age(world, nginx, 30);
	clock_ns += 600 * NS_PER_S;
	expect_none(world, "/var/log/nginx/access.log: nothing was written to it yet");
	append(world, nginx, LINE("200"));
	expect(world, 1, 0, 0);
	expect(world, 1, 0, 0);
}

/* Something else stands at the name for a while, and then an older log with lines in it. */
static void come_back(struct world *world, int64_t away_ns)
{
	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200"));
	expect(world, 1, 0, 0);
	move(world, LOG, "/access.log.1");
	assert_int_equal(mkdirat(world->env.root_fd, LOG + 1, 0755), 0);
	append(world, "/new", LINE("200") LINE("200") LINE("200"));
	for (int64_t end_ns = clock_ns + away_ns; clock_ns < end_ns; clock_ns += 2 * NS_PER_S)
		access_log_poll(&world->log, clock_ns, &world->reading);
	assert_int_equal(unlinkat(world->env.root_fd, LOG + 1, AT_REMOVEDIR), 0);
	move(world, "/new", LOG);
	clock_ns += 10 * NS_PER_S; /* until the next look */
	take(world);
}

static void back_after_a_moment(void **state)
{
	struct world *world = *state;

	come_back(world, 20 * NS_PER_S);
	expect(world, 4, 0, 0);
	assert_int_equal(world->reading.skipped_bytes, 0);
}

static void back_after_hours(void **state)
{
	struct world *world = *state;

	come_back(world, 7200 * NS_PER_S);
	expect(world, 1, 0, 0);
	assert_int_equal(world->reading.skipped_bytes, 3 * strlen(LINE("200")));
	append(world, LOG, LINE("200"));
	expect(world, 2, 0, 0);
}

static void one_log_by_several_names(void **state)
{
	struct world *world = *state;

	append(world, LOG, "");
	append(world, "/b.log", "");
	assert_int_equal(symlinkat("access.log", world->env.root_fd, "link"), 0);
	start(world, LOG " /link /b.log " LOG);
	assert_int_equal(world->log.count, 2);
	append(world, LOG, LINE("200"));
	append(world, "/b.log", LINE("500"));
	expect(world, 2, 1, 0);
	/* A rotation does not make one of two. */
	move(world, LOG, "/access.log.1");
	append(world, "/access.log.1", LINE("200"));
	append(world, LOG, LINE("200"));
	expect(world, 4, 1, 0);
	assert_int_equal(world->reading.skipped_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(several_logs),
		world_test(one_trouble_at_a_time),
		world_test(back_after_a_moment),
		world_test(back_after_hours),
		world_test(one_log_by_several_names),
		world_test(settings_are_checked),
		world_test(finds_the_usual_one),
		world_test(a_silent_one_says_nothing),
	};

	return cmocka_run_group_tests_name("access-log-paths", tests, NULL, NULL);
}
