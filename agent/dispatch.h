/* SPDX-License-Identifier: MIT */
/*
 * Hands reports to notifiers. A notifier that is busy keeps its newest sample, its newest decision
 * and a bounded number of events waiting; what overflows is dropped, oldest first, and counted.
 */
#ifndef HOSTINGPI_DISPATCH_H
#define HOSTINGPI_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/notifier.h"

/* 64 events: 20 KiB for a sink; a storm of incidents is summarised by the collectors. */
#define DISPATCH_EVENTS 64

struct dispatch_sink {
	const struct notifier *notifier;
	void *self;
	bool open;
	bool about_waits, decision_waits; /* the newest ones stand in struct dispatch */
	struct event events[DISPATCH_EVENTS];
	size_t first, count;
	uint64_t dropped; /* events */
};

struct dispatch {
	struct dispatch_sink *sinks;
	size_t sink_count;
	struct about about;
	struct decision decision;
};

/*
 * Offers a report to every open sink that wants it. A sample is offered once and never kept: the
 * next one is newer.
 */
void dispatch_report(struct dispatch *dispatch, const struct report *report);
/*
 * Offers an operator's message to the sinks that take messages, until one has it. Returns 0, -ENOENT if
 * no sink is for messages now, or what the last one said: a message is never kept here.
 */
int dispatch_message(struct dispatch *dispatch, const struct operator_message *message);
/* Offers again what waits; once per tick. */
void dispatch_retry(struct dispatch *dispatch);

#endif
