/* SPDX-License-Identifier: MIT */
/*
 * One question to one agent, with blocking name resolution and everything else against the deadline.
 * Whatever answers may be hostile: it costs at most 8 KiB and the time that is left, and its words are
 * made printable before anybody sees them.
 */
#include "agent/ctl/check_ask.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/check_race.h"
#include "agent/sentence.h"
#include "agent/units.h"
#include "agent/version.h"

#define REQUEST_SIZE 512

__attribute__((format(printf, 2, 3))) static void fail(struct check_result *result,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result->error, sizeof(result->error), format, args);
	va_end(args);
	for (char *at = result->error; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* The addresses of a target, at most RACE_MAX; 0 when there are none, which has been said. */
static size_t look_up(const struct check_target *target, struct addr *ret_addrs,
		      struct check_result *result)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	size_t count = 0;

	if (!target->named) {
		ret_addrs[0] = target->addr;
		return 1;
	}
	int error = getaddrinfo(target->host, target->port, &hints, &list);
	if (error != 0) {
		fail(result, "no address for '%s': %s", target->host,
		     error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
		return 0;
	}
	for (struct addrinfo *item = list; item && count < RACE_MAX; item = item->ai_next) {
		if ((item->ai_family != AF_INET6 && item->ai_family != AF_INET) ||
		    item->ai_addrlen > sizeof(ret_addrs[0].any))
			continue;
		memcpy(&ret_addrs[count].any, item->ai_addr, item->ai_addrlen);
		ret_addrs[count++].length = item->ai_addrlen;
	}
	freeaddrinfo(list);
	if (count == 0)
		fail(result, "'%s' has neither an IPv6 nor an IPv4 address", target->host);
	race_order(ret_addrs, count);
	return count;
}

static void fail_connect(struct check_result *result, int error, const char *story)
{
	const char *remedy = "";

	if (error == -ECONNREFUSED)
		remedy =
			": hostingpid does not run there, or [http] listen is another address (its "
			"default is loopback only)";
	else if (error == -ENOENT)
		remedy = ": hostingpid does not run, or [http] listen does not name this socket";
	else if (error == -EACCES || error == -EPERM)
		remedy = ": this user may not; a Unix socket is for the group of hostingpid";
	else if (error == -ETIMEDOUT)
		remedy = ": is it on, and does a firewall let this machine in?";
	fail(result, "%s%s", story, remedy);
}

/* Waits for events; false when the time is up. */
static bool wait_for(int fd, short events, int64_t deadline_ns)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	for (;;) {
		int64_t left_ns = deadline_ns - race_now_ns();

		if (left_ns <= 0)
			return false;
		if (poll(&pfd, 1, (int)(left_ns / NS_PER_MS) + 1) > 0)
			return true;
	}
}

/* Sends the request; 0 or negative errno. */
static int send_request(int fd, const struct check_target *target, const char *path,
			int64_t deadline_ns)
{
	char request[REQUEST_SIZE];
	int length = snprintf(request, sizeof(request),
			      "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hostingpictl/%s\r\n"
			      "Accept: text/plain\r\nConnection: close\r\n\r\n",
			      path, target->host, hostingpi_version);
	const char *at = request;

	while (length > 0) {
		ssize_t n = send(fd, at, (size_t)length, MSG_NOSIGNAL);

		if (n >= 0) {
			at += n;
			length -= (int)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		} else if (!wait_for(fd, POLLOUT, deadline_ns)) {
			return -ETIMEDOUT;
		}
	}
	return 0;
}

/* Reads until the answer is complete: CHECK_REPLY_DONE or negative errno. */
static int receive(int fd, struct check_reply *reply, int64_t deadline_ns)
{
	char bytes[4096];
	int result = 0;

	while (result == 0) {
		ssize_t n = wait_for(fd, POLLIN, deadline_ns) ? recv(fd, bytes, sizeof(bytes), 0)
							      : (ssize_t)-ETIMEDOUT;

		if (n == -ETIMEDOUT)
			return -ETIMEDOUT;
		if (n >= 0)
			result = check_reply_feed(reply, bytes, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return result;
}

static void fail_exchange(struct check_result *result, int error, const struct check_reply *reply)
{
	switch (error) {
	case -ETIMEDOUT:
		fail(result, "%s in time: hostingpid hangs, or another service is there",
		     reply->received > 0 ? "connected, but the answer did not end"
					 : "connected, but no answer");
		break;
	case -EFBIG:
		fail(result, "an answer of more than %d KiB: another service is there",
		     CHECK_REPLY_MAX / 1024);
		break;
	case -EPROTO:
		fail(result, "no HTTP, its first bytes are '%s'%s", reply->begin,
		     strncmp(reply->begin, "up ", 3) == 0 || strncmp(reply->begin, "fail ", 5) == 0
			     ? ": this is the port of agent-check, take that of [http]"
			     : ": another service is there");
		break;
	case -ENODATA:
		fail(result, "%s",
		     reply->received > 0
			     ? "connection closed in the middle of the answer"
			     : "connection closed without a word: is this machine in [http] allow?");
		break;
	default:
		fail(result, "connection broken (%s): is this machine in [http] allow?",
		     strerror(-error));
		break;
	}
}

static void talk(int fd, const struct check_target *target, const char *path, int64_t deadline_ns,
		 struct check_result *result)
{
	struct check_reply reply;
	char error[CHECK_ERROR_SIZE];

	check_reply_start(&reply);
	/* Who refuses a caller may hang up before the request has arrived: the answer says more. */
	int r = send_request(fd, target, path, deadline_ns);
	if (r == 0 || r == -EPIPE)
		r = receive(fd, &reply, deadline_ns);
	if (r != CHECK_REPLY_DONE)
		fail_exchange(result, r, &reply);
	else if (check_reply_get(&reply, &result->answer, error, sizeof(error)) < 0)
		fail(result, "%s", error);
	else
		result->answered = true;
}

void check_ask(const struct check_target *target, const char *path, int64_t deadline_ns,
	       struct check_result *ret_result)
{
	int64_t start_ns = race_now_ns();
	struct addr addrs[RACE_MAX];
	char story[CHECK_ERROR_SIZE / 2];
	size_t winner = 0, count;

	memset(ret_result, 0, sizeof(*ret_result));
	count = look_up(target, addrs, ret_result);
	if (count > 0) {
		int fd = race_connect(addrs, count, deadline_ns, &winner, story, sizeof(story));

		if (fd >= 0) {
			addr_format(&addrs[winner].any.sa, ret_result->address,
				    sizeof(ret_result->address));
			talk(fd, target, path, deadline_ns, ret_result);
			close(fd);
		} else {
			fail_connect(ret_result, fd, story);
		}
	}
	ret_result->took_us = (race_now_ns() - start_ns) / NS_PER_US;
}
