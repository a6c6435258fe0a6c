/* SPDX-License-Identifier: MIT */
/*
 * All waiting is done in one place against one deadline per question, so that a daemon which hangs or
 * drips costs that time and no more. The socket itself does not block; connect() to a Unix socket
 * either succeeds at once or says that the backlog is full, which is tried again until the deadline.
 * Nothing in an answer is believed before cJSON has parsed it.
 */
#include "agent/ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_MS 5000
/* How often a full backlog is tried again. */
#define CLIENT_RETRY_MS 50

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 3, 4))) static enum ctl_exit client_fail(struct client *client,
								       enum ctl_exit code,
								       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(client->error, sizeof(client->error), format, args);
	va_end(args);
	client_close(client);
	return code;
}

void client_init(struct client *client, const char *path)
{
	client->path = path;
	client->fd = client->interrupt_fd = -1;
	client->timeout_ms = CLIENT_TIMEOUT_MS;
	client->error[0] = '\0';
	client->used = 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static enum ctl_exit client_fail_connect(struct client *client, int error)
{
	switch (error) {
	case ENOENT:
		return client_fail(
			client, CTL_ABSENT,
			"there is no %s: hostingpid does not run (systemctl start hostingpid), "
			"or its socket is somewhere else (--socket)",
			client->path);
	case ECONNREFUSED:
		return client_fail(client, CTL_ABSENT,
				   "nobody listens on %s: hostingpid does not run (systemctl start "
				   "hostingpid)",
				   client->path);
	case EACCES:
	case EPERM:
		return client_fail(client, CTL_ABSENT,
				   "no permission for %s: join the group hostingpi (adduser NAME "
				   "hostingpi, then log in again), or use sudo",
				   client->path);
	default:
		return client_fail(client, CTL_ABSENT, "cannot connect to %s: %s", client->path,
				   strerror(error));
	}
}

static enum ctl_exit client_fail_timeout(struct client *client)
{
	return client_fail(
		client, CTL_FAILED,
		"no answer within %d s: hostingpid hangs, or it has no time for us (systemctl "
		"status hostingpid)",
		client->timeout_ms / 1000);
}

/*
 * Waits for events on the connection (0: only lets time pass), at most until deadline_ms and
 * limit_ms. CTL_FINE means "look again".
 */
static enum ctl_exit client_wait(struct client *client, short events, int64_t deadline_ms,
				 int limit_ms)
{
	struct pollfd fds[2] = {
		{.fd = events != 0 ? client->fd : -1, .events = events},
		{.fd = client->interrupt_fd, .events = POLLIN},
	};
	int64_t left_ms = deadline_ms - now_ms();

	if (left_ms <= 0)
		return client_fail_timeout(client);
	if (poll(fds, 2, left_ms < limit_ms ? (int)left_ms : limit_ms) < 0 && errno != EINTR)
		return client_fail(client, CTL_FAILED, "poll: %s", strerror(errno));
	if (fds[1].revents != 0)
		return client_fail(client, CTL_INTERRUPTED, "interrupted");
	return CTL_FINE;
}

static enum ctl_exit client_connect(struct client *client, int64_t deadline_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum ctl_exit result = CTL_FINE;
	size_t length = strlen(client->path);

	if (length == 0 || length >= sizeof(address.sun_path))
		return client_fail(client, CTL_USAGE,
				   "the path of a socket has 1 to %zu characters, not %zu",
				   sizeof(address.sun_path) - 1, length);
	memcpy(address.sun_path, client->path, length + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return client_fail(client, CTL_FAILED, "socket: %s", strerror(errno));
	while (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return client_fail_connect(client, errno);
		result = client_wait(client, 0, deadline_ms, CLIENT_RETRY_MS);
		if (result != CTL_FINE)
			return result;
	}
	return CTL_FINE;
}

/*
 * Sends everything. That the other end has closed is no failure yet: it may have said why before (all
 * places taken), which client_receive() finds.
 */
static enum ctl_exit client_send(struct client *client, const char *bytes, size_t length,
				 int64_t deadline_ms)
{
	while (length > 0) {
		ssize_t n = send(client->fd, bytes, length, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return CTL_FINE;
		} else if (errno == EAGAIN || errno == EINTR) {
			enum ctl_exit result =
				client_wait(client, POLLOUT, deadline_ms, client->timeout_ms);

			if (result != CTL_FINE)
				return result;
		} else {
			return client_fail(client, CTL_FAILED, "cannot ask: %s", strerror(errno));
		}
	}
	return CTL_FINE;
}

/* Reads up to the line end. *ret_empty tells that the other end closed without a word. */
static enum ctl_exit client_receive(struct client *client, int64_t deadline_ms, size_t *ret_length,
				    bool *ret_empty)
{
	client->used = 0;
	for (;;) {
		ssize_t n = recv(client->fd, client->buffer + client->used,
				 sizeof(client->buffer) - client->used, 0);
		const char *end;

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			enum ctl_exit result =
				client_wait(client, POLLIN, deadline_ms, client->timeout_ms);

			if (result != CTL_FINE)
				return result;
			continue;
		}
		if (n <= 0) {
			*ret_empty = client->used == 0;
			return client_fail(client, CTL_FAILED, "the daemon hung up%s",
					   *ret_empty ? "" : " in the middle of its answer");
		}
		end = memchr(client->buffer + client->used, '\n', (size_t)n);
		client->used += (size_t)n;
		if (end != NULL) {
			*ret_length = (size_t)(end - client->buffer);
			return CTL_FINE;
		}
		if (client->used == sizeof(client->buffer))
			return client_fail(client, CTL_FAILED, "the answer is longer than %d KiB",
					   CLIENT_ANSWER_SIZE / 1024);
	}
}

static enum ctl_exit client_understand(struct client *client, size_t length, cJSON **ret_answer)
{
	const char *end = NULL;
	cJSON *answer = cJSON_ParseWithLengthOpts(client->buffer, length, &end, false);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	enum ctl_exit result;

	if (!cJSON_IsObject(answer) || end != client->buffer + length) {
		result = client_fail(
			client, CTL_FAILED,
			"the answer is not a JSON object; is %s the socket of hostingpid?",
			client->path);
	} else if (error != NULL) {
		result = client_fail(client, CTL_FAILED, "the agent refused: %s",
				     cJSON_IsString(error) ? error->valuestring
							   : "(without a reason)");
	} else {
		*ret_answer = answer;
		return CTL_FINE;
	}
	cJSON_Delete(answer);
	return result;
}

enum ctl_exit client_ask(struct client *client, const char *request, cJSON **ret_answer)
{
	int64_t deadline_ms = now_ms() + client->timeout_ms;
	bool reused = client->fd >= 0, empty;
	enum ctl_exit result;
	size_t length = 0;

	do {
		empty = false;
		result = CTL_FINE;
		if (client->fd < 0) {
			reused = false;
			result = client_connect(client, deadline_ms);
		}
		if (result == CTL_FINE)
			result = client_send(client, request, strlen(request), deadline_ms);
		if (result == CTL_FINE)
			result = client_send(client, "\n", 1, deadline_ms);
		if (result == CTL_FINE)
			result = client_receive(client, deadline_ms, &length, &empty);
		/* A connection kept from before may have been closed as idle: once more. */
	} while (result == CTL_FAILED && empty && reused);
	if (result != CTL_FINE)
		return result;
	return client_understand(client, length, ret_answer);
}
