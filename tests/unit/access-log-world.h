/* SPDX-License-Identifier: MIT */
/*
 * Access logs in a scratch folder, a clock that is set by hand, and reads that can be made to fail. A
 * test that ends with a descriptor more than it began with fails. To be included by one test program
 * each.
 */
#ifndef HOSTINGPI_TEST_ACCESS_LOG_WORLD_H
#define HOSTINGPI_TEST_ACCESS_LOG_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/units.h"
#include "collectors/access_log.h"

#define LOG "/access.log"
#define LINE(status)                                                                               \
	"::1 - - [21/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" " status " 612 \"-\" \"x\"\n"

struct world {
	struct env env;
	struct access_log log;
	struct access_log_reading reading;
	char scratch[32];
	int descriptors;
};

static int64_t clock_ns, wall_ms;

/* What the next reads do instead (errno), and whether reads without waiting are known at all. */
static int read_error;
static bool must_wait;

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	int error = must_wait && (flags & RWF_NOWAIT) ? EOPNOTSUPP : read_error;

	if (error) {
		errno = error;
		return -1;
	}
	ssize_t got = syscall(SYS_preadv2, fd, parts, (long)count, (long)offset,
			      (long)((uint64_t)offset >> 31 >> 1), (long)flags);
	if (got >= 0 || errno != ENOSYS)
		return got;
	/* What the C library makes of a kernel, or an emulator, without it. */
	if (flags == 0)
		return preadv(fd, parts, count, offset);
	errno = EOPNOTSUPP;
	return -1;
}

static inline int64_t world_now_ns(const struct env *env)
{
	(void)env;
	return clock_ns;
}

static inline int64_t world_wall_ms(const struct env *env)
{
	(void)env;
	return wall_ms;
}

static inline int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline int world_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	clock_ns = 1000 * NS_PER_S;
	wall_ms = INT64_C(1795252000000);
	read_error = 0;
	must_wait = false;
	strcpy(world->scratch, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(world->scratch));
	world->env = (struct env){.now_ns = world_now_ns, .wall_ms = world_wall_ms};
	world->env.root_fd = open(world->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(world->env.root_fd >= 0);
	world->descriptors = count_descriptors();
	*state = world;
	return 0;
}

static inline int world_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int world_down(void **state)
{
	struct world *world = *state;

	access_log_close(&world->log);
	assert_int_equal(count_descriptors(), world->descriptors);
	close(world->env.root_fd);
	nftw(world->scratch, world_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(world);
	return 0;
}

/* A descriptor for appending, as a web server has one. */
static inline int appender(struct world *world, const char *path)
{
	int fd = openat(world->env.root_fd, path + 1, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			0644);

	assert_true(fd >= 0);
	return fd;
}

static inline void say(int fd, const char *text, size_t length)
{
	assert_int_equal(write(fd, text, length), length);
}

static inline void append(struct world *world, const char *path, const char *text)
{
	int fd = appender(world, path);

	say(fd, text, strlen(text));
	close(fd);
}

static inline void move(struct world *world, const char *from, const char *to)
{
	assert_int_equal(renameat(world->env.root_fd, from + 1, world->env.root_fd, to + 1), 0);
}

static inline void start(struct world *world, const char *setting)
{
	char error[256] = "";

	if (access_log_check(setting, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	access_log_open(&world->log, &world->env, setting);
}

/* Polls, two seconds after the last time, until nothing is left. */
static inline void take(struct world *world)
{
	int r;

	clock_ns += 2 * NS_PER_S;
	while ((r = access_log_poll(&world->log, clock_ns, &world->reading)) == ACCESS_LOG_MORE)
		clock_ns += 100 * NS_PER_MS;
	assert_int_equal(r, 0);
}

static inline void expect(struct world *world, int64_t requests, int64_t errors_5xx,
			  int64_t unparsed)
{
	take(world);
	assert_int_equal(world->reading.tally.requests, requests);
	assert_int_equal(world->reading.tally.errors_5xx, errors_5xx);
	assert_int_equal(world->reading.tally.unparsed, unparsed);
}

/* There is nothing to read, and the reason contains a text. */
static inline void expect_none(struct world *world, const char *text)
{
	clock_ns += 2 * NS_PER_S;
	assert_int_equal(access_log_poll(&world->log, clock_ns, &world->reading), -ENODATA);
	if (!strstr(world->log.reason, text))
		fail_msg("\"%s\" does not contain \"%s\"", world->log.reason, text);
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)

#endif
