/* SPDX-License-Identifier: MIT */
/*
 * Runs hostingpi-post for one message: bytes go to its standard input, what it prints is kept, and its
 * time is limited. Nothing here waits.
 */
#ifndef HOSTINGPI_POST_CHILD_H
#define HOSTINGPI_POST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/env.h"
#include "notifiers/post_outbox.h"

/* A result line has at most 2 KiB. */
#define POST_OUTPUT_SIZE 4096
#define POST_ENVIRONMENT 5
#define POST_CHILD_PATH_SIZE 256

/* What to run, and with which environment; made once, when memory may still be had. */
struct post_command {
	char program[POST_CHILD_PATH_SIZE];
	char *arguments[4];
	char *environment[POST_ENVIRONMENT]; /* PATH, LANG, TZ, CREDENTIALS_DIRECTORY where set */
	char texts[4][POST_CHILD_PATH_SIZE];
};

/*
 * program: as configured; empty: hostingpi-post in the folder of this program, or in ../bin beside it.
 */
void post_command_make(struct post_command *command, const char *program, const char *conf_path);

enum post_child_end {
	POST_CHILD_RUNS,
	POST_CHILD_EXITED, /* code */
	POST_CHILD_KILLED, /* code is the signal */
	POST_CHILD_LATE,   /* its time was up: killed */
};

/* Zeroed is "none runs". */
struct post_child {
	pid_t pid; /* 0: none */
	int pid_fd, in_fd, out_fd;
	struct watch *pid_watch, *in_watch, *out_watch;
	timer_fn *fn;
	void *context;
	int64_t deadline_ns;
	bool late;
	enum post_child_end end;
	int code;
	size_t input_length, input_sent;
	size_t used; /* of output; what is more than fits is read and thrown away */
	char input[POST_FILE_SIZE];
	char output[POST_OUTPUT_SIZE];
};

/*
 * Starts it. fn(context) is called in the loop when post_child_step() has something to do; to be called
 * about once a second as well. Returns 0 or negative errno.
 */
int post_child_start(struct post_child *child, const struct env *env,
		     const struct post_command *command, const char *input, size_t length,
		     int64_t deadline_ns, timer_fn *fn, void *context);
/* Does what can be done now. True if it has ended (end, code, output); then none runs any more. */
bool post_child_step(struct post_child *child, int64_t now_ns);
/* Kills it and forgets it. Fine if none runs. */
void post_child_close(struct post_child *child);

#endif
