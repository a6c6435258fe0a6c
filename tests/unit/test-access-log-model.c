/* SPDX-License-Identifier: MIT */
/*
 * A web server that writes lines in pieces while its log is rotated, emptied and deleted in every
 * order, beside a model that only counts what was written: nothing is lost, nothing counts twice. And
 * disks that fail, or have not fetched what is asked for.
 */
#include "access-log-world.h"

#include <time.h>

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((random_state >> 33) % limit);
}

/* The web server: the file it writes to, and the line that it has begun. */
struct server {
	struct world *world;
	int fd, previous_fd; /* previous: a child that has not ended yet; negative: none */
	char line[ACCESS_LOG_BUFFER_SIZE];
	size_t length, written;
	struct access_log_tally wrote;
	unsigned rotations;
};

/* A line that the parser has to tell from others; now and then a long one. */
static void begin_line(struct server *server)
{
	static const char *const kinds[] = {LINE("200"),	 LINE("404"), LINE("500"),
					    LINE("599"),	 "garbage\n", "\n",
					    "{\"status\":503}\n"};
	static const bool errors[] = {false, false, true, true, false, false, true};
	unsigned kind = random_below(7);
	size_t padding = kind < 4 && random_below(50) == 0 ? random_below(60000) : 0;

	memset(server->line, 'p', padding);
	strcpy(server->line + padding, kinds[kind]);
	server->length = padding + strlen(kinds[kind]);
	server->written = 0;
	server->wrote.requests++;
	server->wrote.errors_5xx += errors[kind];
	server->wrote.unparsed += kind == 4 || kind == 5;
}

static void write_piece(struct server *server, size_t most)
{
	size_t left = server->length - server->written;
	size_t length = left < most ? left : most;

	say(server->fd, server->line + server->written, length);
	server->written += length;
}

static void finish_line(struct server *server)
{
	write_piece(server, SIZE_MAX);
}

static void write_lines(struct server *server, unsigned count)
{
	finish_line(server);
	for (unsigned i = 0; i < count; i++) {
		begin_line(server);
		finish_line(server);
	}
	if (random_below(2)) {
		begin_line(server);
		write_piece(server, 1 + random_below(60));
	}
}

/* Makes a log that the server writes to from now on; a child keeps the old one. */
static void reopen(struct server *server)
{
	finish_line(server);
	if (server->previous_fd >= 0)
		close(server->previous_fd);
	server->previous_fd = server->fd;
	server->fd = appender(server->world, LOG);
}

static void rotate(struct server *server)
{
	char name[32];

	snprintf(name, sizeof(name), LOG ".%u", ++server->rotations % 5);
	move(server->world, LOG, name);
}

static void act(struct server *server)
{
	struct world *world = server->world;

	switch (random_below(12)) {
	case 0: /* rename, create, and some lines before the server is told */
		rotate(server);
		close(appender(world, LOG));
		if (random_below(2))
			take(world);
		write_lines(server, random_below(20));
		take(world);
		reopen(server);
		break;
	case 1: /* rename; the server makes the new one */
		rotate(server);
		write_lines(server, random_below(20));
		if (random_below(2))
			take(world);
		reopen(server);
		break;
	case 2: /* deleted and made anew */
		assert_int_equal(unlinkat(world->env.root_fd, LOG + 1, 0), 0);
		write_lines(server, random_below(5));
		reopen(server);
		break;
	case 3: /* emptied; what nobody has seen by then cannot be counted */
		finish_line(server);
		take(world);
		assert_int_equal(ftruncate(server->fd, 0), 0);
		take(world);
		break;
	case 4: /* the child ends a request */
		if (server->previous_fd >= 0) {
			say(server->previous_fd, LINE("200"), strlen(LINE("200")));
			server->wrote.requests++;
		}
		break;
	case 5: /* a burst: more than one buffer, more than one poll */
		write_lines(server, random_below(20000));
		break;
	default:
		write_lines(server, random_below(300));
		break;
	}
	take(world);
}

static void nothing_is_lost(void **state)
{
	struct world *world = *state;
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	server->world = world;
	server->previous_fd = -1;
	server->fd = appender(world, LOG);
	must_wait = random_below(2);
	write_lines(server, 10);
	finish_line(server);
	start(world, LOG);
	server->wrote = (struct access_log_tally){0};
	for (int i = 0; i < 200; i++) {
		act(server);
		/* The line that is half written does not count yet. */
		bool half = server->written < server->length;
		assert_int_equal(world->reading.tally.requests, server->wrote.requests - half);
	}
	finish_line(server);
	take(world);
	assert_int_equal(world->reading.tally.requests, server->wrote.requests);
	assert_int_equal(world->reading.tally.errors_5xx, server->wrote.errors_5xx);
	assert_int_equal(world->reading.tally.unparsed, server->wrote.unparsed);
	assert_int_equal(world->reading.skipped_bytes, 0);
	if (server->previous_fd >= 0)
		close(server->previous_fd);
	close(server->fd);
	free(server);
}

/* What a failing disk does not give back is skipped, and its names are left alone for a minute. */
static void a_failing_disk(void **state)
{
	struct world *world = *state;

	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200"));
	read_error = EIO;
	expect(world, 0, 0, 0);
	assert_int_equal(world->reading.skipped_bytes, strlen(LINE("200")));

	move(world, LOG, "/access.log.1");
	append(world, LOG, LINE("200"));
	append(world, "/access.log.1", LINE("200"));
	int descriptors = count_descriptors();
	for (int i = 0; i < 20; i++)
		take(world);
	assert_int_equal(count_descriptors(), descriptors);
	assert_int_equal(world->reading.skipped_bytes, 2 * strlen(LINE("200")));

	read_error = 0;
	append(world, "/access.log.1", LINE("200"));
	expect(world, 1, 0, 0);
	clock_ns += 60 * NS_PER_S;
	expect(world, 2, 0, 0);
}

/* Nobody waits for a disk: what is not in memory is there at a later poll. */
static void not_in_memory(void **state)
{
	struct world *world = *state;

	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200"));
	read_error = EAGAIN;
	for (int i = 0; i < 100; i++)
		expect(world, 0, 0, 0);
	read_error = 0;
	expect(world, 1, 0, 0);
	assert_int_equal(world->reading.skipped_bytes, 0);
}

/* File systems that cannot be asked that way are read as ever. */
static void must_be_waited_for(void **state)
{
	struct world *world = *state;

	must_wait = true;
	append(world, LOG, LINE("200"));
	start(world, LOG);
	append(world, LOG, LINE("200"));
	expect(world, 1, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(nothing_is_lost), world_test(nothing_is_lost),
		world_test(nothing_is_lost), world_test(a_failing_disk),
		world_test(not_in_memory),   world_test(must_be_waited_for),
	};
	const char *seed = getenv("SEED");

	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	print_message("SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests_name("access-log-model", tests, NULL, NULL);
}
