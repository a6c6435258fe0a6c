/* SPDX-License-Identifier: MIT */
/*
 * One complete set of settings: the core's own sections and one structure per module, built from
 * defaults and files and checked as a whole before anything uses it.
 */
#ifndef HOSTINGPI_SETTINGS_H
#define HOSTINGPI_SETTINGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/conf.h"
#include "agent/controller.h"
#include "agent/module.h"
#include "agent/pressure.h"

struct agent_conf {
	char id[64];	     /* empty: derived */
	int64_t interval_ns; /* between two published samples */
	char run_dir[80];    /* sun_path holds 107 bytes, the longest file name of ours is 12 */
};

/* Section [control]: the rows of the judge and of the controller stand in one section. */
struct control_conf {
	struct conf_share reserve;
	int64_t horizon;
	int64_t worker_size;
	int64_t cap;
	int64_t blind_weight;
	int fleet;
};

struct settings {
	struct agent_conf agent;
	struct pressure_conf pressure;
	struct controller_conf controller;
	struct control_conf control; /* as read; pressure and controller are made of it */
	size_t module_count;
	const struct module **modules; /* collectors, then notifiers */
	void **confs;		       /* one per module, NULL where it has no settings */
	char digest[17];	       /* of all settings, hexadecimal */
};

/* The core's own sections, [agent] and [control], without targets; ended by one without name. */
extern const struct conf_section settings_core_sections[];

/* The file that is read without -c; it may be missing. */
#define SETTINGS_PATH "/etc/hostingpi/hostingpi.conf"

/*
 * Builds settings from path (and its drop-ins). Every error is told through fn. Returns the number of
 * errors, or -ENOMEM; only with 0 is *ret_settings set, to be freed with settings_free().
 */
int settings_load(const char *path, bool missing_ok, conf_error_fn *fn, void *context,
		  struct settings **ret_settings);
void settings_free(struct settings *settings);

/*
 * For somebody who tests a configuration: tells through fn all that is wrong in it and, with files_too, what of
 * all that it names on this machine cannot work. Returns how much that was, or -ENOMEM. Not for the daemon: it
 * may wait for a disk.
 */
int settings_test(const char *path, bool missing_ok, bool files_too, conf_error_fn *fn,
		  void *context);
/*
 * Tells through fn which files of a module are credentials of the service that cannot be looked at from here, so
 * that settings_test() had to leave them out.
 */
void settings_elsewhere(const struct module *module, const void *conf, module_tell_fn *fn,
			void *context);
/* Tells through fn which files of a module we see and the service does not: its unit hides their folder. */
void settings_hidden(const struct module *module, const void *conf, module_tell_fn *fn,
		     void *context);
/* Tells which modules do nothing although somebody has set something for them, and why; and the two above. */
void settings_notes(const struct settings *settings, conf_error_fn *fn, void *context);

/*
 * Prints a configuration with every key, as comments: what it is for, what it takes and its default.
 * Without the mark of the comment before a key it is a configuration again.
 */
void settings_print_defaults(FILE *out);

#endif
