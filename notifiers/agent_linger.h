/* SPDX-License-Identifier: MIT */
/*
 * Connections that have their answer and wait for the caller to close, in a fixed number of places.
 * Closing at once with bytes unread would send a reset, which can destroy the answer on its way.
 */
#ifndef HOSTINGPI_AGENT_LINGER_H
#define HOSTINGPI_AGENT_LINGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"
#include "notifiers/agent_check.h"

/* 128: sixteen balancers need two each at most; the rest is for strangers. */
#define AGENT_LINGER_CLIENTS 128
#define AGENT_LINGER_NS (2 * NS_PER_S)
#define AGENT_LINGER_LOOK_NS (50 * NS_PER_MS)
/* A caller that goes on talking after its answer gets this much patience. */
#define AGENT_LINGER_BYTES 4096

/* Tells, once for each connection, who called: name is NULL if it gave none. */
typedef void agent_settled_fn(void *context, const char *name, const struct agent_call *call,
			      enum agent_verdict verdict);

struct agent_linger;

struct agent_client {
	struct agent_linger *linger;
	bool used, settled;
	int fd;
	size_t dropped_bytes;
	struct agent_call call;
	struct agent_greeting greeting;
};

struct agent_linger {
	const struct env *env; /* NULL: not open */
	struct timer *timer;
	bool looking; /* the timer is armed */
	agent_settled_fn *fn;
	void *context;
	struct agent_client clients[AGENT_LINGER_CLIENTS];
};

int agent_linger_open(struct agent_linger *linger, const struct env *env, agent_settled_fn *fn,
		      void *context);
/* Takes over a connection that got its answer. settled: fn was told already. */
void agent_linger_add(struct agent_linger *linger, int fd, const struct agent_call *call,
		      const struct agent_greeting *greeting, bool settled);
/* Looks at all of them now; true while there is one. */
bool agent_linger_look(struct agent_linger *linger);
/* Closes the oldest connection, if there is one, because its descriptor is needed. */
bool agent_linger_drop_oldest(struct agent_linger *linger);
/* Closes all; harmless on a zeroed or half-opened one. */
void agent_linger_close(struct agent_linger *linger);

#endif
