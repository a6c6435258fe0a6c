/* SPDX-License-Identifier: MIT */
/* What the doctor found: made by doctor.c, shown by doctor_print.c. */
#ifndef HOSTINGPI_DOCTOR_H
#define HOSTINGPI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"

struct finding {
	const char *module;
	bool missing;  /* a reading that lacks; otherwise something that is not as it should be */
	char what[80]; /* GROUP.NAME of the reading, or a few words */
	const char *text; /* what to do about it; static, valid until the next reading, or copy */
	char copy[200];
};

/* 128: more than there are readings and settings that can be found fault with. */
#define FINDINGS 128

struct findings {
	size_t count;
	size_t dropped;
	struct finding rows[FINDINGS];
};

/* GROUP.NAME as in the documents, or GROUP and what it is for one that is not published. */
void doctor_name(const struct metric *metric, bool rate, char *ret_name, size_t size);

/* True if all readings of a collector do not apply to this machine, for one reason. */
bool doctor_not_applicable(const struct agent *agent, const struct instance *instance,
			   const char **ret_reason);

/* Whether a setting was given another value than its default. Module settings only. */
bool doctor_is_set(const struct conf_item *item, const void *conf, const void *defaults);

enum doctor_clock {
	DOCTOR_CLOCK_UNKNOWN,
	DOCTOR_CLOCK_FREE, /* no time server keeps it right */
	DOCTOR_CLOCK_KEPT,
};

enum doctor_clock doctor_clock(const struct agent *agent);

void doctor_print_people(const struct agent *agent, const struct findings *findings);
/* Returns 0, or -ENOSPC if the document does not fit. */
int doctor_print_json(const struct agent *agent, const struct findings *findings);

#endif
