/* SPDX-License-Identifier: MIT */
/*
 * Places are few and whoever comes last is served: when all are taken, the oldest connection goes,
 * which has had its answer for the longest time. So a crowd of silent callers shortens the patience
 * with each of them and delays nobody.
 *
 * Nothing here is urgent, so one timer looks at all places every 50 ms, and only while one is taken.
 * A watch for each would cost more system calls than the answer itself, and a crowd would use up
 * the loop's places, which the control socket and others need as well.
 */
#include "notifiers/agent_linger.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void settle(struct agent_client *client, enum agent_verdict verdict, const char *name)
{
	if (client->settled)
		return;
	client->settled = true;
	client->linger->fn(client->linger->context, verdict == AGENT_NAMED ? name : NULL,
			   &client->call, verdict);
}

static void finish(struct agent_client *client)
{
	char name[AGENT_NAME_SIZE];

	if (!client->settled)
		settle(client, agent_greeting_end(&client->greeting, name), name);
	close(client->fd);
	client->used = false;
}

/* Makes the end a reset, so that a caller that floods learns it and stops. */
static void make_rude(struct agent_client *client)
{
	const struct linger reset = {.l_onoff = 1};

	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

static struct agent_client *find_oldest(struct agent_linger *linger)
{
	struct agent_client *oldest = NULL;

	for (size_t i = 0; i < AGENT_LINGER_CLIENTS; i++) {
		struct agent_client *client = &linger->clients[i];

		if (client->used && (!oldest || client->call.stamp_ns < oldest->call.stamp_ns))
			oldest = client;
	}
	return oldest;
}

/* Reads what has come. Returns true if the caller may stay. */
static bool listen_to(struct agent_client *client)
{
	char bytes[1024], name[AGENT_NAME_SIZE];

	for (;;) {
		ssize_t length = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		/* The caller has closed, or reset the connection as HAProxy does: both are fine. */
		if (length <= 0)
			return false;
		if (!client->settled) {
			enum agent_verdict verdict =
				agent_greeting_take(&client->greeting, bytes, (size_t)length, name);

			if (verdict != AGENT_OPEN)
				settle(client, verdict, name);
		}
		client->dropped_bytes += (size_t)length;
		if (client->dropped_bytes >= AGENT_LINGER_BYTES) {
			make_rude(client);
			return false;
		}
	}
}

static void look_at_all(void *context)
{
	struct agent_linger *linger = context;
	int64_t now_ns = env_now_ns(linger->env);

	linger->looking = false;
	for (size_t i = 0; i < AGENT_LINGER_CLIENTS; i++) {
		struct agent_client *client = &linger->clients[i];

		if (!client->used)
			continue;
		if (listen_to(client) && now_ns - client->call.stamp_ns < AGENT_LINGER_NS)
			linger->looking = true;
		else
			finish(client);
	}
	if (linger->looking)
		timer_arm(linger->timer, AGENT_LINGER_LOOK_NS);
}

int agent_linger_open(struct agent_linger *linger, const struct env *env, agent_settled_fn *fn,
		      void *context)
{
	linger->fn = fn;
	linger->context = context;
	linger->timer = env_timer(env, look_at_all, linger);
	if (!linger->timer)
		return -ENOSPC;
	linger->env = env;
	return 0;
}

void agent_linger_add(struct agent_linger *linger, int fd, const struct agent_call *call,
		      const struct agent_greeting *greeting, bool settled)
{
	struct agent_client *client = NULL;

	for (size_t i = 0; !client && i < AGENT_LINGER_CLIENTS; i++) {
		if (!linger->clients[i].used)
			client = &linger->clients[i];
	}
	if (!client) {
		client = find_oldest(linger);
		listen_to(client); /* its last chance to have said its name */
		finish(client);
	}
	*client = (struct agent_client){
		.linger = linger,
		.used = true,
		.settled = settled,
		.fd = fd,
		.call = *call,
		.greeting = *greeting,
	};
	if (!linger->looking)
		timer_arm(linger->timer, AGENT_LINGER_LOOK_NS);
	linger->looking = true;
}

bool agent_linger_look(struct agent_linger *linger)
{
	look_at_all(linger);
	return linger->looking;
}

bool agent_linger_drop_oldest(struct agent_linger *linger)
{
	struct agent_client *oldest = find_oldest(linger);

	if (!oldest)
		return false;
	listen_to(oldest);
	finish(oldest);
	return true;
}

void agent_linger_close(struct agent_linger *linger)
{
	for (size_t i = 0; linger->env && i < AGENT_LINGER_CLIENTS; i++) {
		if (linger->clients[i].used)
			finish(&linger->clients[i]);
	}
	timer_end(linger->timer);
	linger->timer = NULL;
	linger->env = NULL;
}
