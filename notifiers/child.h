/* SPDX-License-Identifier: MIT */
/*
 * Runs a program: bytes go to its standard input, what it prints is kept, and its time is limited. Nothing
 * here waits.
 */
#ifndef HOSTINGPI_CHILD_H
#define HOSTINGPI_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/env.h"

/* A post, with each byte of its text escaped. */
#define CHILD_INPUT_SIZE 16384
/* A result line of hostingpi-post has at most 2 KiB. */
#define CHILD_OUTPUT_SIZE 4096
#define CHILD_PATH_SIZE 256
/* PATH, LANG, TZ and one more. */
#define CHILD_VARIABLES 4

/*
 * What to run, and with which environment; made once, when memory may still be had. Zeroed, then program and
 * arguments are filled in by who owns it.
 */
struct child_command {
	char program[CHILD_PATH_SIZE];
	char *arguments[4];
	char *environment[CHILD_VARIABLES + 1];
	char texts[CHILD_VARIABLES][CHILD_PATH_SIZE];
};

/* The environment that every program needs: PATH, and LANG and TZ where set. */
void child_command_environment(struct child_command *command);
/* One more of our own variables, where it is set. */
void child_command_keep(struct child_command *command, const char *name);

enum child_end {
	CHILD_RUNS,
	CHILD_EXITED, /* code */
	CHILD_KILLED, /* code is the signal */
	CHILD_LATE,   /* its time was up: asked to end, and killed 2 s later */
};

/* Zeroed is "none runs". */
struct child {
	pid_t pid; /* 0: none */
	int pid_fd, in_fd, out_fd;
	struct watch *pid_watch, *in_watch, *out_watch;
	timer_fn *fn;
	void *context;
	int64_t deadline_ns;
	bool tail; /* of a long output the end is kept, not the beginning; set before the start */
	bool late, killed;
	enum child_end end;
	int code;
	size_t input_length, input_sent;
	size_t used;	/* of output; what is more than fits is read and thrown away */
	size_t printed; /* altogether; after 4 MiB nobody reads, and who goes on gets SIGPIPE */
	char input[CHILD_INPUT_SIZE];
	char output[CHILD_OUTPUT_SIZE];
};

/*
 * Starts it. fn(context) is called in the loop when child_step() has something to do; to be called
 * about once a second as well. Returns 0 or negative errno.
 */
int child_start(struct child *child, const struct env *env, const struct child_command *command,
		const char *input, size_t length, int64_t deadline_ns, timer_fn *fn, void *context);
/* It has to end by then, if not earlier. Fine if none runs. */
void child_hurry(struct child *child, int64_t deadline_ns);
/* Does what can be done now. True if it has ended (end, code, output); then none runs any more. */
bool child_step(struct child *child, int64_t now_ns);
/* Kills it and forgets it. Fine if none runs. */
void child_close(struct child *child);

#endif
