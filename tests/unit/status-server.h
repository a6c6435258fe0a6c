/* SPDX-License-Identifier: MIT */
/*
 * A web server of a few lines on the loop under test: it answers each path with bytes from a script,
 * or in the ways in which servers fail. A guard ends a test that waits for something in vain. To be
 * included by one test program each.
 */
#ifndef HOSTINGPI_TEST_STATUS_SERVER_H
#define HOSTINGPI_TEST_STATUS_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/addr.h"
#include "agent/env.h"
#include "agent/loop.h"

/* No test may take longer; every one of them needs well under a second. */
#define GUARD_NS (30 * NS_PER_S)

enum behaviour {
	ANSWER,	      /* text, then close */
	ANSWER_STAYS, /* text, and the connection stays open */
	SILENCE,      /* nothing, and the connection stays open */
	DRIP,	      /* text, then 'y' for ever, one byte a millisecond */
	FLOOD,	      /* text, then 'y' for ever, as fast as it goes */
	HANG_UP,      /* close without a word */
	RESET,	      /* close with a reset */
};

/* What a path is answered with; the last row has no path and answers all others. */
struct script {
	const char *path;
	enum behaviour behaviour;
	const char *text;
};

#define SERVER_CLIENTS 8

struct server;

struct server_client {
	struct server *server;
	int fd; /* 0: free */
	struct watch *watch;
	struct timer *drip;
	const struct script *row;
	char request[1024];
	size_t length, at;
};

struct server {
	struct env *env;
	const struct script *script;
	int fd;
	struct watch *watch;
	struct addr addr; /* as bound */
	char name[ADDR_TEXT_SIZE];
	char last_request[1024];
	unsigned requests;
	struct server_client clients[SERVER_CLIENTS];
};

static inline void client_close(struct server_client *client)
{
	if (!client->fd)
		return;
	timer_end(client->drip);
	watch_end(client->watch);
	close(client->fd);
	*client = (struct server_client){0};
}

static inline void client_drip(void *context)
{
	struct server_client *client = context;
	const char *text = client->row->text;
	const char *next = client->at < strlen(text) ? &text[client->at] : "y";
	client->at++;
	if (send(client->fd, next, 1, MSG_NOSIGNAL) < 0)
		client_close(client);
	else
		timer_arm(client->drip, NS_PER_MS);
}

static inline void client_flood(struct server_client *client)
{
	char block[1024];
	const char *text = client->at ? block : client->row->text;
	size_t length = client->at ? sizeof(block) : strlen(text);
	memset(block, 'y', sizeof(block));
	client->at += length;
	if (send(client->fd, text, length, MSG_NOSIGNAL) < 0)
		client_close(client);
}

static inline void client_answer(struct server_client *client)
{
	const struct script *row = client->row;
	struct linger hard = {.l_onoff = 1};
	switch (row->behaviour) {
	case ANSWER:
	case ANSWER_STAYS:
		assert_int_equal(send(client->fd, row->text, strlen(row->text), MSG_NOSIGNAL),
				 strlen(row->text));
		if (row->behaviour == ANSWER)
			client_close(client);
		return;
	case SILENCE:
		return;
	case DRIP:
		client->drip = env_timer(client->server->env, client_drip, client);
		assert_non_null(client->drip);
		timer_arm(client->drip, 0);
		return;
	case FLOOD:
		watch_change(client->watch, WATCH_WRITE);
		return;
	case RESET:
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		client_close(client);
		return;
	case HANG_UP:
		client_close(client);
		return;
	}
}

static inline const struct script *server_row(const struct server *server, const char *request)
{
	const struct script *row = server->script;
	for (; row->path; row++) {
		size_t length = strlen(row->path);
		if (strncmp(request + 4, row->path, length) == 0 && request[4 + length] == ' ')
			break;
	}
	return row;
}

static inline void client_ready(void *context, unsigned events)
{
	struct server_client *client = context;
	if (events & WATCH_WRITE) {
		client_flood(client);
		return;
	}
	size_t room = sizeof(client->request) - 1 - client->length;
	assert_true(room > 0);
	ssize_t n = recv(client->fd, client->request + client->length, room, 0);
	if (n <= 0) {
		client_close(client);
		return;
	}
	client->length += (size_t)n;
	client->request[client->length] = '\0';
	if (client->row || !strstr(client->request, "\r\n\r\n"))
		return;
	struct server *server = client->server;
	server->requests++;
	memcpy(server->last_request, client->request, sizeof(client->request));
	client->row = server_row(server, client->request);
	client_answer(client);
}

static inline void server_ready(void *context, unsigned events)
{
	struct server *server = context;
	int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	(void)events;
	assert_true(fd > 0);
	for (size_t i = 0; i < SERVER_CLIENTS; i++) {
		struct server_client *client = &server->clients[i];
		if (client->fd)
			continue;
		*client = (struct server_client){.server = server, .fd = fd};
		client->watch = env_watch(server->env, fd, WATCH_READ, client_ready, client);
		assert_non_null(client->watch);
		return;
	}
	fail_msg("the page is asked by more than %d clients at once", SERVER_CLIENTS);
}

/* Listens on an address such as "[::1]:0"; name and addr then have the port. */
static inline void server_open(struct server *server, struct env *env, const char *address,
			       const struct script *script)
{
	char error[256];
	struct addr addr;
	*server = (struct server){.env = env, .script = script};
	assert_int_equal(addr_parse(address, &addr, error, sizeof(error)), 0);
	server->fd = addr_listen(&addr, 8, &server->addr);
	assert_true(server->fd >= 0);
	server->watch = env_watch(env, server->fd, WATCH_READ, server_ready, server);
	assert_non_null(server->watch);
	addr_format(&server->addr.any.sa, server->name, sizeof(server->name));
}

static inline void server_close(struct server *server)
{
	for (size_t i = 0; i < SERVER_CLIENTS; i++)
		client_close(&server->clients[i]);
	watch_end(server->watch);
	close(server->fd);
}

static inline void guard_fail(void *context)
{
	(void)context;
	fail_msg("waited in vain");
}

/* Runs the loop until what is true; the guard makes loop_once() return. */
#define run_until(environment, what)                                                               \
	do {                                                                                       \
		struct timer *guard = env_timer((environment), guard_fail, NULL);                  \
		assert_non_null(guard);                                                            \
		timer_arm(guard, GUARD_NS);                                                        \
		while (!(what))                                                                    \
			loop_once((environment)->loop);                                            \
		timer_end(guard);                                                                  \
	} while (0)

#endif
