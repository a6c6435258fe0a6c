/* SPDX-License-Identifier: MIT */
/*
 * The simple half of RFC 8305: one address that swallows packets must not use up the time of the
 * others, and one that refuses costs nothing. 250 ms is the delay recommended there. Addresses are
 * tried in the order of families, not in that of their answers in DNS, because all of them are known
 * when the first attempt begins.
 */
#include "agent/ctl/check_race.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/units.h"

#define DELAY_NS (250 * NS_PER_MS)

struct race {
	const struct addr *addrs;
	size_t count, started;
	struct pollfd fds[RACE_MAX]; /* -1: not started, or failed */
	int errors[RACE_MAX];	     /* negative errno, 0: not failed */
	int last_error;
};

int64_t race_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void race_order(struct addr *addrs, size_t count)
{
	struct addr before[RACE_MAX];
	size_t next[2] = {0, 0};
	bool want_ipv6 = true;

	memcpy(before, addrs, count * sizeof(addrs[0]));
	for (size_t i = 0; i < count; want_ipv6 = !want_ipv6) {
		size_t *at = &next[want_ipv6 ? 0 : 1];

		while (*at < count && (before[*at].any.sa.sa_family == AF_INET6) != want_ipv6)
			(*at)++;
		if (*at < count)
			addrs[i++] = before[(*at)++];
	}
}

static void drop(struct race *race, size_t index, int error)
{
	if (race->fds[index].fd >= 0)
		close(race->fds[index].fd);
	race->fds[index].fd = -1;
	race->errors[index] = race->last_error = error;
}

/* Begins with the next address; one that fails at once makes room for the one after it. */
static void start_next(struct race *race)
{
	while (race->started < race->count) {
		size_t index = race->started++;
		const struct addr *addr = &race->addrs[index];
		struct pollfd *pfd = &race->fds[index];

		pfd->fd = socket(addr->any.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				 0);
		pfd->events = POLLOUT;
		if (pfd->fd >= 0 && (connect(pfd->fd, &addr->any.sa, addr->length) == 0 ||
				     errno == EINPROGRESS || errno == EINTR))
			return;
		/* A Unix socket whose backlog is full says EAGAIN: nobody takes its connections. */
		drop(race, index, -errno);
	}
}

static bool any_trying(const struct race *race)
{
	for (size_t i = 0; i < race->started; i++)
		if (race->fds[i].fd >= 0)
			return true;
	return false;
}

/* The first socket that is connected, or -1; those that failed are closed. */
static int harvest(struct race *race, size_t *ret_winner)
{
	for (size_t i = 0; i < race->started; i++) {
		socklen_t length = sizeof(int);
		int error = 0;

		if (race->fds[i].fd < 0 || race->fds[i].revents == 0)
			continue;
		if (getsockopt(race->fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
			error = errno;
		if (error == 0) {
			int fd = race->fds[i].fd;

			race->fds[i].fd = -1;
			*ret_winner = i;
			return fd;
		}
		drop(race, i, -error);
	}
	return -1;
}

static void describe(const struct race *race, char *ret_error, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < race->started && used < size; i++) {
		char address[ADDR_TEXT_SIZE];
		int n = snprintf(ret_error + used, size - used, "%s%s: %s", i > 0 ? "; " : "",
				 addr_format(&race->addrs[i].any.sa, address, sizeof(address)),
				 race->errors[i] < 0 ? strerror(-race->errors[i])
						     : "no answer to the connection");
		used += n > 0 ? (size_t)n : 0;
	}
}

/* Runs until somebody is connected (the socket), nobody is left (-1) or the time is up (-2). */
static int run(struct race *race, int64_t deadline_ns, size_t *ret_winner)
{
	int64_t next_ns = race_now_ns() + DELAY_NS;

	start_next(race);
	while (any_trying(race)) {
		bool more = race->started < race->count;
		int64_t until_ns = more && next_ns < deadline_ns ? next_ns : deadline_ns;
		int64_t left_ns = until_ns - race_now_ns();
		int fd;

		/* Rounded up: a wait of nothing would run in circles. */
		poll(race->fds, race->started, left_ns > 0 ? (int)(left_ns / NS_PER_MS) + 1 : 0);
		fd = harvest(race, ret_winner);
		if (fd >= 0)
			return fd;
		if (!any_trying(race) || (more && race_now_ns() >= next_ns)) {
			start_next(race);
			next_ns = race_now_ns() + DELAY_NS;
		} else if (race_now_ns() >= deadline_ns) {
			return -2;
		}
	}
	return -1;
}

int race_connect(const struct addr *addrs, size_t count, int64_t deadline_ns, size_t *ret_winner,
		 char *ret_error, size_t size)
{
	struct race race = {.addrs = addrs, .count = count, .last_error = -ETIMEDOUT};
	int fd;

	for (size_t i = 0; i < RACE_MAX; i++)
		race.fds[i].fd = -1;
	fd = run(&race, deadline_ns, ret_winner);
	for (size_t i = 0; i < race.started; i++)
		if (race.fds[i].fd >= 0)
			close(race.fds[i].fd);
	if (fd >= 0)
		return fd;
	describe(&race, ret_error, size);
	return fd == -2 ? -ETIMEDOUT : race.last_error;
}
