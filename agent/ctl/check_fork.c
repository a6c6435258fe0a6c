/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo() cannot be told how long it may take: with dead name servers it is half a minute. A
 * process can be ended. So each agent is asked by a child, which keeps to the deadline as far as it can,
 * and writes its result into a pipe in one piece (it has less than PIPE_BUF bytes). Who has written
 * nothing a moment after the deadline still waits for a name server, and is killed. Children die with
 * their parent, so that a monitor which kills the check leaves nothing behind.
 */
#include "agent/ctl/check_ask.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ctl/check_race.h"
#include "agent/units.h"

/* For a child that gave up at the deadline to say so. */
#define GRACE_NS (200 * NS_PER_MS)

_Static_assert(sizeof(struct check_result) <= PIPE_BUF, "a result is written in one piece");

struct child {
	pid_t pid; /* 0: none */
	int fd;	   /* -1: its result is there, or will never be */
};

static int start(const struct check_target *target, const char *path, int64_t deadline_ns,
		 struct child *ret_child)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe(ends) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		struct check_result result;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		check_ask(target, path, deadline_ns, &result);
		_exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
	}
	int error = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -error;
	}
	*ret_child = (struct child){.pid = pid, .fd = ends[0]};
	return 0;
}

/* The result of a child that has written or gone. */
static void collect(struct child *child, struct check_result *ret_result)
{
	struct check_result result;

	if (read(child->fd, &result, sizeof(result)) == sizeof(result))
		*ret_result = result;
	else
		snprintf(ret_result->error, sizeof(ret_result->error),
			 "the process that asked has died: see the kernel's log");
	close(child->fd);
	child->fd = -1;
}

static void wait_all(struct child *children, size_t count, int64_t until_ns,
		     struct check_result *ret_results)
{
	for (;;) {
		struct pollfd fds[CHECK_HOSTS];
		int64_t left_ns = until_ns - race_now_ns();
		size_t waiting = 0;

		for (size_t i = 0; i < count; i++) {
			fds[i] = (struct pollfd){.fd = children[i].fd, .events = POLLIN};
			waiting += children[i].fd >= 0;
		}
		if (waiting == 0 || left_ns <= 0)
			return;
		if (poll(fds, count, (int)(left_ns / NS_PER_MS) + 1) <= 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents != 0)
				collect(&children[i], &ret_results[i]);
	}
}

/* Who has not said anything waits for a name server: all else ends at the deadline. */
static void end(struct child *child, const struct check_target *target,
		struct check_result *ret_result)
{
	if (child->fd >= 0) {
		kill(child->pid, SIGKILL);
		close(child->fd);
		snprintf(ret_result->error, sizeof(ret_result->error), "%s",
			 target->named ? "no answer from the name servers in time: look at "
					 "/etc/resolv.conf, or write an address instead of the name"
				       : "this machine is too busy to ask in time");
	}
	waitpid(child->pid, NULL, 0);
}

int check_ask_all(const struct check_target *targets, size_t count, const char *path,
		  int64_t deadline_ns, struct check_result *ret_results)
{
	struct child children[CHECK_HOSTS];
	int64_t start_ns = race_now_ns();
	size_t started = 0;
	int error = 0;

	memset(ret_results, 0, count * sizeof(ret_results[0]));
	while (started < count && error == 0) {
		error = start(&targets[started], path, deadline_ns, &children[started]);
		started += error == 0;
	}
	if (error == 0)
		wait_all(children, count, deadline_ns + GRACE_NS, ret_results);
	for (size_t i = 0; i < started; i++) {
		bool late = children[i].fd >= 0;

		end(&children[i], &targets[i], &ret_results[i]);
		if (late)
			ret_results[i].took_us = (race_now_ns() - start_ns) / NS_PER_US;
	}
	return error;
}
