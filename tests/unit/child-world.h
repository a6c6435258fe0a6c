/* SPDX-License-Identifier: MIT */
/* A program that is run: a shell with a script, stepped by hand. To be included by one test program each. */
#ifndef HOSTINGPI_TEST_CHILD_WORLD_H
#define HOSTINGPI_TEST_CHILD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/child.h"
#include "notifiers/post_command.h"

static char directory[64], program[96];
static struct child_command command;
static struct child child;
static const struct env env = {.loop = NULL};
static size_t descriptors;

/* A byte each second of this clock is not waited for: only the end of the program is. */
#define NOW_NS (1000 * NS_PER_S)
#define LATER_NS (2000 * NS_PER_S)

static inline size_t count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static inline int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(program, sizeof(program), "%s/program", directory);
	memset(&child, 0, sizeof(child));
	descriptors = count_descriptors();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	child_close(&child);
	assert_int_equal(count_descriptors(), descriptors);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0); /* no child at all */
	assert_int_equal(errno, ECHILD);
	unlink(program);
	return rmdir(directory);
}

static inline void nothing(void *context)
{
	(void)context;
}

static inline int begin(const char *script, const char *input)
{
	FILE *file = fopen(program, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	chmod(program, 0700);
	post_command_make(&command, program, "/some/file.conf");
	return child_start(&child, &env, &command, input, strlen(input), LATER_NS, nothing, NULL);
}

/* Steps until it has ended; in between waits for what a loop would wait for. */
static inline void finish(int64_t now_ns)
{
	while (!child_step(&child, now_ns)) {
		struct pollfd fds[] = {{.fd = child.pid_fd, .events = POLLIN},
				       {.fd = child.out_fd, .events = POLLIN},
				       {.fd = child.in_fd, .events = POLLOUT}};
		assert_true(poll(fds, 3, 60000) > 0);
	}
	assert_int_equal(child.pid, 0);
}

static inline void run(const char *script, const char *input)
{
	assert_int_equal(begin(script, input), 0);
	finish(NOW_NS);
}

static inline void assert_output(const char *text)
{
	assert_int_equal(child.used, strlen(text));
	assert_memory_equal(child.output, text, child.used);
}

/* Waits until it has printed something, for what comes then. */
static inline void wait_for_output(void)
{
	while (child.used == 0) {
		struct pollfd fd = {.fd = child.out_fd, .events = POLLIN};
		assert_true(poll(&fd, 1, 60000) > 0);
		assert_false(child_step(&child, NOW_NS));
	}
}

#endif
