/* SPDX-License-Identifier: MIT */
/*
 * Access logs that grow, rotate, are emptied, vanish and turn into something else: real files, and a
 * model that knows how many lines were written.
 */
#include "access-log-world.h"

static void counts_from_the_end(void **state)
{
	struct world *world = *state;

	append(world, LOG, LINE("200") LINE("500"));
	start(world, LOG);
	expect(world, 0, 0, 0);
	append(world, LOG, LINE("200") LINE("503") LINE("404") "what is this\n\n");
	expect(world, 5, 1, 2);
	expect(world, 5, 1, 2);
	assert_string_equal(access_log_path(&world->log), LOG);
	assert_int_equal(world->reading.skipped_bytes, 0);
	assert_int_equal(world->reading.rewrites, 0);
}

static void half_a_line_stays(void **state)
{
	struct world *world = *state;
	static const char line[] = LINE("502");
	int fd = appender(world, LOG);

	start(world, LOG);
	for (size_t i = 0; i < sizeof(line) - 2; i++) {
		say(fd, line + i, 1);
		expect(world, 0, 0, 0);
	}
	say(fd, "\n", 1);
	expect(world, 1, 1, 0);

	/* Started in the middle of one: it began before us. */
	say(fd, line, 20);
	access_log_close(&world->log);
	world->log = (struct access_log){0};
	start(world, LOG);
	say(fd, line + 20, sizeof(line) - 21);
	say(fd, line, sizeof(line) - 1);
	expect(world, 1, 1, 0);
	close(fd);
}

static void appears_later(void **state)
{
	struct world *world = *state;

	start(world, LOG);
	expect_none(world, "access log /access.log: no such file");
	append(world, LOG, LINE("200"));
	expect(world, 1, 0, 0);
	assert_string_equal(world->log.complaint.text, "");
}

/* Renamed and made anew; the server is told a little later, and one of its children later still. */
static void rotation_loses_nothing(void **state)
{
	struct world *world = *state;
	int old = appender(world, LOG);

	start(world, LOG);
	say(old, LINE("200"), strlen(LINE("200")));
	move(world, LOG, "/access.log.1");
	say(old, LINE("200"), strlen(LINE("200")));
	expect(world, 2, 0, 0);
	int new = appender(world, LOG);
	for (int i = 0; i < 100; i++) /* minutes: the new file is still empty */
		expect(world, 2, 0, 0);
	say(old, LINE("200"), strlen(LINE("200")));
	say(new, LINE("500"), strlen(LINE("500")));
	expect(world, 4, 1, 0);
	for (int i = 0; i < 20; i++)
		take(world);
	say(old, LINE("200"), strlen(LINE("200")));
	expect(world, 5, 1, 0);

	/* A minute after that the old file is let go. */
	int descriptors = count_descriptors();
	for (int i = 0; i < 32; i++)
		take(world);
	assert_int_equal(count_descriptors(), descriptors - 1);
	say(new, LINE("500"), strlen(LINE("500")));
	expect(world, 6, 2, 0);
	assert_int_equal(world->reading.skipped_bytes, 0);
	close(old);
	close(new);
}

static void the_same_file_comes_back(void **state)
{
	struct world *world = *state;

	append(world, LOG, LINE("200"));
	start(world, LOG);
	move(world, LOG, "/aside");
	append(world, LOG, LINE("200"));
	expect(world, 1, 0, 0);
	move(world, "/aside", LOG);
	append(world, LOG, LINE("200"));
	expect(world, 2, 0, 0);
}

static void many_rotations_at_once(void **state)
{
	struct world *world = *state;

	start(world, LOG);
	expect_none(world, "no such file");
	for (int i = 1; i <= 12; i++) {
		char name[32];

		append(world, LOG, LINE("200"));
		expect(world, i, 0, 0);
		snprintf(name, sizeof(name), LOG ".%d", i);
		move(world, LOG, name);
	}
	assert_true(count_descriptors() <= world->descriptors + ACCESS_LOG_FILES);
	assert_int_equal(world->reading.skipped_bytes, 0);
}

/* What "copytruncate" does. */
static void empty(struct world *world, const char *path)
{
	int fd = openat(world->env.root_fd, path + 1, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
}

static void emptied_in_place(void **state)
{
	struct world *world = *state;

	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200") LINE("200") "half a li");
	expect(world, 2, 0, 0);
	empty(world, LOG);
	append(world, LOG, LINE("500"));
	expect(world, 3, 1, 0);
	assert_int_equal(world->reading.rewrites, 1);

	/* Grown beyond our place before we looked: only its content tells. */
	char longer[4096];
	snprintf(longer, sizeof(longer), "%0*d\n%s%s", 500, 7, LINE("200"), LINE("200"));
	empty(world, LOG);
	append(world, LOG, longer);
	expect(world, 6, 1, 1);
	assert_int_equal(world->reading.rewrites, 2);
}

/* To nothing and on to less than half a line had before. */
static void half_a_line_is_cut(void **state)
{
	struct world *world = *state;

	append(world, LOG, "");
	start(world, LOG);
	append(world, LOG, "half a line that is very, very long");
	expect(world, 0, 0, 0);
	empty(world, LOG);
	append(world, LOG, "short\n");
	expect(world, 1, 0, 1);
}

static void deleted(void **state)
{
	struct world *world = *state;
	int fd = appender(world, LOG);

	start(world, LOG);
	assert_int_equal(unlinkat(world->env.root_fd, LOG + 1, 0), 0);
	for (int i = 0; i < 40; i++) { /* the server has not noticed and goes on */
		say(fd, LINE("200"), strlen(LINE("200")));
		expect(world, i + 1, 0, 0);
	}
	close(fd);
	for (int i = 0; i < 29; i++)
		take(world);
	expect_none(world, "no such file"); /* not "no requests" */
	append(world, LOG, LINE("200"));
	expect(world, 41, 0, 0);
}

static void only_files_are_read(void **state)
{
	struct world *world = *state;
	int root = world->env.root_fd;

	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200"));
	move(world, LOG, "/real");
	assert_int_equal(mkfifoat(root, LOG + 1, 0644), 0);
	expect(world, 1, 0, 0);
	assert_non_null(strstr(world->log.complaint.text, "not a regular file"));
	for (int i = 0; i < 29; i++)
		take(world);
	expect_none(world, "not a regular file");

	assert_int_equal(unlinkat(root, LOG + 1, 0), 0);
	assert_int_equal(mkdirat(root, LOG + 1, 0755), 0);
	clock_ns += 10 * NS_PER_S;
	expect_none(world, "not a regular file");

	assert_int_equal(unlinkat(root, LOG + 1, AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat(".", root, LOG + 1), 0);
	clock_ns += 10 * NS_PER_S;
	expect_none(world, "not a regular file");

	/* A link that leads to a log is as good as the log. */
	append(world, "/other", LINE("200"));
	assert_int_equal(unlinkat(root, LOG + 1, 0), 0);
	assert_int_equal(symlinkat("other", root, LOG + 1), 0);
	clock_ns += 10 * NS_PER_S;
	take(world);
	append(world, "/other", LINE("200"));
	expect(world, 2, 0, 0);
}

static void a_denied_one_says_what_to_do(void **state)
{
	struct world *world = *state;
	bool root = geteuid() == 0;

	append(world, LOG, LINE("200"));
	assert_int_equal(fchmodat(world->env.root_fd, LOG + 1, 0, 0), 0);
	assert_int_equal(fchmodat(AT_FDCWD, world->scratch, 0755, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	start(world, LOG);
	expect_none(world, "let the agent into its group");
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(fchmodat(world->env.root_fd, LOG + 1, 0644, 0), 0);
	clock_ns += 10 * NS_PER_S;
	expect(world, 0, 0, 0); /* it was there before us */
}

static void hostile_bytes(void **state)
{
	struct world *world = *state;
	static const char bytes[] = "\0\"\\\n\xff\xfe{\n{\"status\":\n\"\" \" 500\n\0\0\0\n"
				    "\" 50\n\"\" 500\n";
	int fd = appender(world, LOG);

	start(world, LOG);
	say(fd, bytes, sizeof(bytes) - 1);
	expect(world, 7, 1, 6);
	close(fd);
}

/* 10 MB without a line end: one request, and the next one is counted again. */
static void a_line_without_end(void **state)
{
	struct world *world = *state;
	char *piece = malloc(1 << 20);
	int fd = appender(world, LOG);

	assert_non_null(piece);
	memset(piece, 'x', 1 << 20);
	start(world, LOG);
	say(fd, LINE("500"), strlen(LINE("500")) - 1);
	for (int i = 0; i < 10; i++) {
		say(fd, piece, 1 << 20);
		take(world);
	}
	expect(world, 1, 1, 0);
	say(fd, "\n" LINE("200"), strlen("\n" LINE("200")));
	expect(world, 2, 1, 0);
	assert_int_equal(world->reading.skipped_bytes, 0);
	close(fd);
	free(piece);
}

/* Fills a log with so many bytes of whole lines and returns how many lines that are. */
static int64_t fill(struct world *world, size_t bytes)
{
	static const char line[] = LINE("200");
	size_t length = sizeof(line) - 1, lines = 0;
	char *text = malloc(bytes + length);
	int fd = appender(world, LOG);

	assert_non_null(text);
	for (; lines * length < bytes; lines++)
		memcpy(text + lines * length, line, length);
	say(fd, text, lines * length);
	close(fd);
	free(text);
	return (int64_t)lines;
}

static void a_poll_is_bounded(void **state)
{
	struct world *world = *state;

	append(world, LOG, "");
	start(world, LOG);
	int64_t lines = fill(world, 3 << 20);
	assert_int_equal(access_log_poll(&world->log, clock_ns, &world->reading), ACCESS_LOG_MORE);
	assert_in_range(world->reading.tally.requests, lines / 4, lines / 2);
	expect(world, lines, 0, 0);
}

static void too_far_behind(void **state)
{
	struct world *world = *state;

	append(world, LOG, "");
	start(world, LOG);
	fill(world, 17 << 20);
	take(world);
	assert_int_equal(world->reading.tally.requests, 0);
	assert_in_range(world->reading.skipped_bytes, 17 << 20, (17 << 20) + 200);
	append(world, LOG, LINE("500"));
	expect(world, 1, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(counts_from_the_end),
		world_test(half_a_line_stays),
		world_test(appears_later),
		world_test(rotation_loses_nothing),
		world_test(the_same_file_comes_back),
		world_test(many_rotations_at_once),
		world_test(emptied_in_place),
		world_test(half_a_line_is_cut),
		world_test(deleted),
		world_test(only_files_are_read),
		world_test(a_denied_one_says_what_to_do),
		world_test(hostile_bytes),
		world_test(a_line_without_end),
		world_test(a_poll_is_bounded),
		world_test(too_far_behind),
	};

	return cmocka_run_group_tests_name("access-log", tests, NULL, NULL);
}
