/* SPDX-License-Identifier: MIT */
/*
 * The running modules: one instance for each collector and notifier, opened with its settings, read
 * into the state. Which modules there are it learns from the two tables.
 */
#ifndef HOSTINGPI_PLANT_H
#define HOSTINGPI_PLANT_H

#include "agent/collector.h"
#include "agent/dispatch.h"
#include "agent/env.h"
#include "agent/log.h"
#include "agent/notifier.h"
#include "agent/settings.h"
#include "agent/state.h"

struct instance {
	const struct module *module;
	const struct notifier *notifier; /* NULL: a collector */
	void *self;
	const void *conf; /* in the settings that it was opened with */
	bool open;
	bool used;    /* was opened before */
	bool changed; /* of a reload: its settings are others */
	struct state_source source;
	int64_t due_ns; /* next read */
	struct complaint complaint;
};

struct plant {
	const struct env *env;
	struct state *state;
	struct dispatch dispatch;
	size_t count;
	struct instance *instances;
};

/* An event that a module handed in; called during plant_read(). */
typedef void plant_event_fn(void *context, const struct event *event);

/*
 * Makes instances (not opened) and a state with room for extra more metrics. Returns 0 or -ENOMEM.
 */
int plant_init(struct plant *plant, const struct env *env, unsigned extra);
/* Closes and frees everything; a zeroed plant is fine. */
void plant_free(struct plant *plant);

/*
 * Opens all modules, or only the collectors. A collector that cannot be opened is reported and left
 * out; a notifier that cannot be opened is an error: returns its errno.
 */
int plant_open(struct plant *plant, const struct settings *settings, bool notifiers_too);
/*
 * Opens anew those modules whose settings are others now; when that fails the old settings are tried
 * again. Returns how many modules were opened anew. Where a module goes on with what it has, old and settings
 * exchange it: old can be freed afterwards.
 */
int plant_reload(struct plant *plant, struct settings *old, struct settings *settings);

/* Reads all modules that are due and hands their events to fn. */
void plant_read(struct plant *plant, int64_t now_ns, plant_event_fn *fn, void *context);

/* Who asked any notifier lately: fills at most room, returns how many. */
size_t plant_balancers(const struct plant *plant, struct balancer *ret_balancers, size_t room);

/* Asks all notifiers to say goodbye; true when all are done. */
bool plant_stop(struct plant *plant);

#endif
