/* SPDX-License-Identifier: MIT */
/* What the doctor found: a list to which each check adds, and which the printers show. */
#ifndef HOSTINGPI_DOCTOR_FINDING_H
#define HOSTINGPI_DOCTOR_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/module.h"

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

/* How many there are of a level. */
size_t doctor_count(const struct findings *findings, enum doctor_level level);

#endif
