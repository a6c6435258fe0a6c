/* SPDX-License-Identifier: MIT */
/*
 * The listening sockets of one module: opened as the operator wrote them, accepting in bounded
 * rounds, closed to strangers. Both families alike.
 */
#ifndef HOSTINGPI_LISTENERS_H
#define HOSTINGPI_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"
#include "agent/env.h"
#include "agent/json.h"
#include "agent/log.h"
#include "agent/module.h"

/* A connection from an allowed peer; fd is non-blocking and now belongs to the module. */
typedef void listeners_accepted_fn(void *context, int fd, const union addr_any *peer);
/* Descriptors are short: close one that is hardly needed. Returns true if there was one. */
typedef bool listeners_make_room_fn(void *context);

struct listeners_conf {
	const char *subject; /* begins messages, such as "agent-check" */
	const char *section; /* where listen and allow stand in the configuration */
	const struct addr_list *listen;
	const struct addr_allow *allow;
	listeners_accepted_fn *accepted;
	listeners_make_room_fn *make_room;
	void *context;
};

struct listeners;

struct listener {
	struct listeners *listeners;
	struct watch *watch; /* NULL: not open, error says why */
	int fd;
	int error;	   /* negative errno */
	struct addr bound; /* with the port that the kernel chose */
};

struct listeners {
	const struct env *env;
	struct listeners_conf conf;
	struct listener list[ADDR_LIST_MAX];
	size_t count;
	struct timer *pause_timer;
	bool accepting, leaving;
	int64_t refused; /* connections of peers that are not in allow */
	char last_refused[ADDR_TEXT_SIZE];
	struct complaint shortage;
	int64_t shortage_ns; /* last time */
};

/*
 * Opens the sockets; nobody is accepted before listeners_accept(). An empty list is fine. Logs what
 * fails and what to do; negative errno if none could be opened. conf's pointers must stay valid.
 */
int listeners_open(struct listeners *listeners, const struct listeners_conf *conf,
		   const struct env *env);
void listeners_accept(struct listeners *listeners);
/* Accepts nobody any more: who comes now waits for the next process of the agent. */
void listeners_leave(struct listeners *listeners);
/* Writes the members listen, failed, refused and last_refused. */
void listeners_status(const struct listeners *listeners, struct json *json);
/* For the doctor: whether the addresses can be had. Not while an agent is at work, which has them. */
void listeners_probe(const struct addr_list *listen, const char *section, module_note_fn *note,
		     void *context);
/* True if nobody outside of this machine can ask there. */
bool listeners_local(const struct addr_list *listen);
/* Harmless on zeroed, half-opened and closed ones. */
void listeners_close(struct listeners *listeners);

#endif
