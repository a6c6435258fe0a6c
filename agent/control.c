/* SPDX-License-Identifier: MIT */
/*
 * Serves the control socket from fixed places. A client is in one of two moods: as long as an answer
 * (or a whole request) waits, we look for room to write and do not read, so that one answer at most is
 * kept per client; otherwise we read. Each wake-up does one read, one request and one write, and the
 * loop comes back for more: who floods us takes turns with everybody else.
 *
 * The idle limit runs from the last answer that was taken in full, not from the last byte, so that
 * dripping bytes do not hold a place. When all places are taken, a newcomer gets the one whose client
 * has been quiet for longest (beyond CONTROL_QUIET_NS, which a `watch` never reaches) or is told to
 * come back. Only connected clients cost wake-ups.
 */
#include "agent/control_self.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"

/* Twice the pace of `hostingpictl watch`. */
#define CONTROL_QUIET_NS (2 * NS_PER_S)
/* When descriptors have run out, the socket stays readable: look away for a while. */
#define CONTROL_PAUSE_NS (1 * NS_PER_S)

static void client_close(struct control_client *client)
{
	watch_end(client->watch);
	client->watch = NULL;
	close(client->fd);
	client->fd = -1;
}

/* A whole line waits; what stands before the end of the stream counts as one. */
static bool client_has_line(const struct control_client *client)
{
	if (client->ended)
		return client->in_used > 0;
	return memchr(client->in, '\n', client->in_used) != NULL;
}

/* Answers the first line that waits, if there is one and no answer waits. */
static void client_serve(struct control_client *client)
{
	const char *end = memchr(client->in, '\n', client->in_used);
	size_t length = end != NULL ? (size_t)(end - client->in) : client->in_used;
	size_t taken = end != NULL ? length + 1 : length;

	if (client->out_used > 0 || !client_has_line(client))
		return;
	control_answer(client, client->in, length);
	client->in_used -= taken;
	memmove(client->in, client->in + taken, client->in_used);
}

/* Drops what belongs to a line that was too long. */
static void client_skip(struct control_client *client)
{
	const char *end = memchr(client->in, '\n', client->in_used);
	size_t drop = end != NULL ? (size_t)(end - client->in) + 1 : client->in_used;

	client->skipping = end == NULL;
	client->in_used -= drop;
	memmove(client->in, client->in + drop, client->in_used);
}

/* Reads once. Returns 0 or negative errno: the client is to be dropped. */
static int client_read(struct control_client *client)
{
	ssize_t n = recv(client->fd, client->in + client->in_used,
			 sizeof(client->in) - client->in_used, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		client->ended = true;
		return 0;
	}
	client->in_used += (size_t)n;
	if (client->skipping)
		client_skip(client);
	if (client->in_used == sizeof(client->in) && !client_has_line(client)) {
		control_answer_error(client,
				     "the line is too long; a request has at most 4096 bytes");
		client_skip(client);
	}
	return 0;
}

/* Writes what fits. Returns 0 or negative errno: the client is to be dropped. */
static int client_write(struct control_client *client)
{
	ssize_t n;

	if (client->out_used == 0)
		return 0;
	n = send(client->fd, client->out + client->out_sent, client->out_used - client->out_sent,
		 MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->out_sent += (size_t)n;
	if (client->out_sent == client->out_used) {
		client->out_used = client->out_sent = 0;
		client->since_ns = env_now_ns(client->control->env);
	}
	return 0;
}

static void client_ready(void *context, unsigned events)
{
	struct control_client *client = context;
	int r = 0;

	(void)events; /* what to do follows from what waits */
	if (client->out_used == 0 && !client_has_line(client))
		r = client_read(client);
	if (r == 0) {
		client_serve(client);
		r = client_write(client);
	}
	if (r < 0 || (client->ended && client->out_used == 0 && client->in_used == 0))
		client_close(client);
	else
		watch_change(client->watch, client->out_used > 0 || client_has_line(client)
						    ? WATCH_WRITE
						    : WATCH_READ);
}

/* A free place, or that of the client which has been quiet for longest; NULL if all are busy. */
static struct control_client *place_find(struct control *control)
{
	struct control_client *quiet = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd < 0)
			return client;
		if (quiet == NULL || client->since_ns < quiet->since_ns)
			quiet = client;
	}
	if (env_now_ns(control->env) - quiet->since_ns < CONTROL_QUIET_NS)
		return NULL;
	client_close(quiet);
	return quiet;
}

/* Arms the timer for the client that runs out first, if there is one. */
static void timer_set(struct control *control)
{
	int64_t now_ns = env_now_ns(control->env), first_ns = INT64_MAX;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *client = &control->clients[i];

		if (client->fd >= 0 && client->since_ns + CONTROL_IDLE_NS < first_ns)
			first_ns = client->since_ns + CONTROL_IDLE_NS;
	}
	if (control->watch == NULL && now_ns + CONTROL_PAUSE_NS < first_ns)
		first_ns = now_ns + CONTROL_PAUSE_NS;
	if (first_ns < INT64_MAX)
		timer_arm(control->timer, first_ns > now_ns ? first_ns - now_ns : 0);
}

static void client_welcome(struct control *control, int fd)
{
	static const char busy[] =
		"{\"error\":\"all 8 places are taken; try again in a moment\"}\n";
	struct control_client *client = place_find(control);

	if (client == NULL) {
		(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	/* Not by assignment of a whole structure: that would touch the buffers as well. */
	client->control = control;
	client->fd = fd;
	client->since_ns = env_now_ns(control->env);
	client->skipping = client->ended = false;
	client->in_used = client->out_used = client->out_sent = 0;
	client->watch = env_watch(control->env, fd, WATCH_READ, client_ready, client);
	if (client->watch == NULL)
		client_close(client);
	timer_set(control);
}

static void control_accept(void *context, unsigned events)
{
	struct control *control = context;
	int fd = accept4(control->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0) {
		client_welcome(control, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_warning("control socket: %s; pausing it for a second", strerror(errno));
		watch_end(control->watch);
		control->watch = NULL;
		timer_set(control);
	}
}

static void control_tick(void *context)
{
	struct control *control = context;
	int64_t now_ns = env_now_ns(control->env);

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd >= 0 && now_ns - client->since_ns >= CONTROL_IDLE_NS)
			client_close(client);
	}
	if (control->watch == NULL)
		control->watch = env_watch(control->env, control->socket.fd, WATCH_READ,
					   control_accept, control);
	timer_set(control);
}

struct control *control_new(const struct env *env, const struct control_ops *ops, void *context)
{
	/* calloc() maps this much freshly: pages of places that are never used cost nothing. */
	struct control *control = calloc(1, sizeof(*control));
	int r = control != NULL ? control_socket_open(env->run_dir, &control->socket) : -ENOMEM;

	if (r < 0) {
		free(control);
		errno = -r;
		return NULL;
	}
	control->env = env;
	control->ops = ops;
	control->context = context;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	control->timer = env_timer(env, control_tick, control);
	control->watch = env_watch(env, control->socket.fd, WATCH_READ, control_accept, control);
	if (control->timer == NULL || control->watch == NULL) {
		log_warning(
			"control socket: the loop has no place for it; hostingpictl will not work");
		control_free(control);
		errno = ENOSPC;
		return NULL;
	}
	log_debug("control socket %s", control->socket.address.sun_path);
	return control;
}

bool control_is_there(const struct control *control)
{
	return control_socket_is_there(&control->socket);
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			client_close(&control->clients[i]);
	timer_end(control->timer);
	watch_end(control->watch);
	control_socket_close(&control->socket);
	free(control);
}
