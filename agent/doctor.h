/* SPDX-License-Identifier: MIT */
/*
 * What the doctor found: made by doctor.c (readings), doctor_machine.c (this machine), doctor_running.c (the
 * agent that runs) and doctor_probe.c (broker, services, ports), shown by doctor_print.c and doctor_json.c.
 */
#ifndef HOSTINGPI_DOCTOR_H
#define HOSTINGPI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"

enum doctor_level {
	DOCTOR_ATTENTION, /* something is wrong: the exit code says so */
	DOCTOR_ADVICE,	  /* it works, and could be better */
	DOCTOR_GOOD,	  /* asked for, and as it should be */
	DOCTOR_ABSENT,	  /* a reading that this machine cannot give */
	DOCTOR_LEVELS,
};

/* "attention", "advice", "good", "absent", null-terminated. */
extern const char *const doctor_level_words[];

#define DOCTOR_REMEDY_SIZE 224

struct finding {
	enum doctor_level level;
	const char *module; /* or a word for what is no module; static */
	bool missing;	    /* a reading that lacks; otherwise something that was looked at */
	bool setting;	    /* what is a key of the module's section */
	char what[80];	    /* GROUP.NAME of the reading, or a few words */
	const char *text;   /* what is the matter; static, valid until the next reading, or: */
	char own[MODULE_SENTENCE_SIZE];
	char remedy[DOCTOR_REMEDY_SIZE]; /* a command to type; empty: the text says what to do */
};

/* 128: more than there are readings and settings that can be found fault with. */
#define FINDINGS 128

struct findings {
	size_t count;
	size_t dropped;
	struct finding rows[FINDINGS];
};

/* Adds one; text as in struct finding. NULL if there is no room; doctor_say() and doctor_remedy() take that. */
struct finding *doctor_add(struct findings *findings, enum doctor_level level, const char *module,
			   const char *what, const char *text);
/* Gives it a text of its own. */
void doctor_say(struct finding *row, const char *format, ...) __attribute__((format(printf, 2, 3)));
void doctor_remedy(struct finding *row, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An agent at work here, as it says itself over the control socket. */
struct doctor_running {
	enum {
		DOCTOR_NONE,   /* nobody listens */
		DOCTOR_DENIED, /* somebody does, who may not be asked by this user */
		DOCTOR_SILENT, /* it did not answer in time, or with nonsense */
		DOCTOR_RUNS,
	} word;
	char version[64];
	char digest[17];
	char conf_path[256];
	int64_t started_ms;
	bool dry_run;
	struct cJSON *document; /* the status document; freed by doctor_running_free() */
};

void doctor_running_ask(const struct agent *agent, struct doctor_running *ret_running);
void doctor_running_free(struct doctor_running *running);
/* Compares it with what is on disk, and tells whether there should be one. */
void doctor_running_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings);
/* True if it has a reading that this process does not get: it may have rights that we lack. */
bool doctor_running_has(const struct doctor_running *running, const struct metric *metric);

/* Clock, swap, journal, run_dir, user: what is no reading. */
void doctor_machine_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings);
/* The limits of web servers against what memory allows. */
void doctor_web_check(const struct agent *agent, struct findings *findings);
/* Lets all modules ask others, all at the same time and for a few seconds. */
void doctor_probe(const struct agent *agent, bool running, struct findings *findings);

/* GROUP.NAME as in the documents, or GROUP and what it is for one that is not published. */
void doctor_name(const struct metric *metric, bool rate, char *ret_name, size_t size);

/* True if all readings of a collector do not apply to this machine, for one reason. */
bool doctor_not_applicable(const struct agent *agent, const struct instance *instance,
			   const char **ret_reason);

/* Why its settings switch a module off; NULL: they do not. */
const char *doctor_off(const struct instance *instance, const void *conf);

/* Whether a setting was given another value than its default. Module settings only. */
bool doctor_is_set(const struct conf_item *item, const void *conf, const void *defaults);

enum doctor_clock {
	DOCTOR_CLOCK_UNKNOWN,
	DOCTOR_CLOCK_FREE, /* no time server keeps it right */
	DOCTOR_CLOCK_KEPT,
};

enum doctor_clock doctor_clock(const struct agent *agent);

size_t doctor_count(const struct findings *findings, enum doctor_level level);

/* A value with the unit that fits its size; rate: in thousandths of the unit per second. */
void doctor_value(const struct metric *metric, int64_t value, bool rate, char *text, size_t size);

void doctor_print_people(const struct agent *agent, const struct doctor_running *running,
			 const struct findings *findings);
/* Returns 0, or -ENOSPC if the document does not fit. */
int doctor_print_json(const struct agent *agent, const struct doctor_running *running,
		      const struct findings *findings);

#endif
