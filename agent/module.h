/* SPDX-License-Identifier: MIT */
/*
 * What collectors and notifiers have in common: a name (which is also the configuration section),
 * settings as rows, and samples to hand in. The core owns the memory of both settings and self.
 */
#ifndef HOSTINGPI_MODULE_H
#define HOSTINGPI_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/conf.h"
#include "agent/env.h"
#include "agent/metric.h"
#include "agent/sample.h"

/* Room for a sentence of inspect(): a path of 255 characters, and as much about it. */
#define MODULE_SENTENCE_SIZE 512

/* Told of a setting that cannot work on this machine: its key, and a sentence that says what to do. */
typedef void module_tell_fn(void *context, const char *key, const char *sentence);

/* What a probe found: as it should be, worth a thought, or in the way of the module. */
enum module_note {
	MODULE_GOOD,
	MODULE_ADVICE,
	MODULE_TROUBLE,
};

/* Told of it: a few words what it is about, and a sentence that says what to do. */
typedef void module_note_fn(void *context, enum module_note note, const char *what,
			    const char *sentence);

struct module {
	const char *name;	      /* also the configuration section */
	const struct metric *metrics; /* what it can ever hand in; NULL: nothing */
	unsigned metric_count;
	const struct conf_item *conf; /* settings, ended by a row without key; NULL: none */
	size_t conf_size;	      /* of the settings structure that the rows point into */
	/* Further sections of the same settings, without targets, ended by one without name; or NULL. */
	const struct conf_section *more;
	size_t self_size;   /* the core allocates and zeroes it before open */
	int64_t period_ns;  /* least time between two reads; 0: at every tick */
	int64_t max_age_ns; /* older values are stale; 0: three reads, at least 3 s */

	/* Name and version of the library behind it, for people ("libx 1.2"); NULL: none. */
	const char *(*library)(void);
	/* Version of the board's firmware, for people, asked after open; NULL: does not know it. */
	const char *(*firmware)(const void *self);
	/*
	 * Checks settings against each other; NULL: nothing to check. On trouble writes one sentence
	 * that starts with the key (for a further section with "[section] key") and returns -EINVAL.
	 * Must not touch the outside world.
	 */
	int (*check)(const void *conf, char *ret_error, size_t size);
	/*
	 * Looks at what the settings name on this machine, such as files and their rights, for -t and
	 * --doctor. Connects to nobody; may wait for a disk. Returns NULL, or why these settings
	 * switch the module off (static). NULL: nothing to look at.
	 */
	const char *(*inspect)(const void *conf, module_tell_fn *tell, void *context);
	/*
	 * Asks others about what the settings name (does the broker answer, is the port free), for
	 * --doctor only: in a process of its own, which is ended after a few seconds. running: an
	 * agent is at work here, which has the ports. NULL: there is nobody to ask.
	 */
	void (*probe)(const void *conf, bool running, module_note_fn *note, void *context);
	/*
	 * Opens descriptors and starts watching. conf and env outlive self. A sensor that is not
	 * there is not an error: read() then hands in unknowns with the reason. Negative errno when
	 * the module cannot work at all (it has logged why); close() is then called too.
	 */
	int (*open)(void *self, const void *conf, const struct env *env);
	/*
	 * Hands in what is known now. Never blocks. Negative errno when the sample failed as a
	 * whole; the metrics then go stale. NULL: nothing to hand in.
	 */
	int (*read)(void *self, int64_t now_ns, struct batch *ret_batch);
	/* Releases everything; must accept a self that open() left half done. */
	void (*close)(void *self);
};

#endif
