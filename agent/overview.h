/* SPDX-License-Identifier: MIT */
/*
 * What a notifier may look at when somebody asks it, whenever that is: everything belongs to the core
 * and outlives all notifiers (struct about carries it). Only in the loop's own thread.
 */
#ifndef HOSTINGPI_OVERVIEW_H
#define HOSTINGPI_OVERVIEW_H

#include <stddef.h>
#include <stdint.h>

#include "agent/diary.h"
#include "agent/history.h"

/* A load balancer (or a check on its behalf) that asked lately. */
struct balancer {
	const char *by;	     /* the notifier that it asks; static */
	char name[64];	     /* what it calls itself; empty: nothing */
	char address[64];    /* "unix" for a Unix socket */
	int64_t seen_ns;     /* when it asked last, monotonic */
	int64_t interval_ns; /* smoothed; 0: not known yet */
	const char *
		told; /* the word of the last answer that matters to it ("drain", "ready"); NULL: none */
};

/* 32: those of agent-check and those that ask over HTTP. */
#define OVERVIEW_BALANCERS 32

struct decision;
struct snapshot;

struct overview {
	const struct history *history;
	const struct diary *diary;
	const struct decision *decision; /* the present one, also while it is not new */
	/* The status document. Returns its length or -ENOSPC. */
	int (*status)(const struct overview *overview, char *buffer, size_t size);
	/* Returns how many there are; at most room are written. */
	size_t (*balancers)(const struct overview *overview, struct balancer *ret_balancers,
			    size_t room);
	/* The newest readings. */
	struct snapshot (*snapshot)(const struct overview *overview);
	void *context; /* the core's */
};

#endif
