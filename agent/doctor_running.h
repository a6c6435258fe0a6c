/* SPDX-License-Identifier: MIT */
/* The agent that runs on this machine, and whether it is the one that should. */
#ifndef HOSTINGPI_DOCTOR_RUNNING_H
#define HOSTINGPI_DOCTOR_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/doctor_finding.h"

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

/* Never waits for long; an agent of another machine (--root) is none. */
void doctor_running_ask(const struct agent *agent, struct doctor_running *ret_running);
void doctor_running_free(struct doctor_running *running);
/* Compares it with what is on disk, and tells whether there should be one. */
void doctor_running_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings);
/* True if it has a reading that this process does not get: it may have rights that we lack. */
bool doctor_running_has(const struct doctor_running *running, const struct metric *metric);

#endif
