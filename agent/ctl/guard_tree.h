/* SPDX-License-Identifier: MIT */
/* The processes that a command has started, however they have spread. */
#ifndef HOSTINGPI_CTL_GUARD_TREE_H
#define HOSTINGPI_CTL_GUARD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One process, and not another one that has got its number since. */
struct guard_process {
	pid_t pid;		  /* 0: none */
	unsigned long long start; /* clock ticks since boot; 0: not known */
};

struct tree_row {
	struct guard_process process;
	pid_t parent;
	char state; /* the letter in /proc/PID/stat */
	int threads;
	int depth; /* 1: child of the root */
};

struct tree {
	struct tree_row *rows; /* the descendants, parents before their children */
	size_t count, room;
	bool torn; /* a parent was gone before it was seen: its children may be missing */
};

/*
 * Looks at all processes and keeps those that descend from root, but not root itself. Returns 0 or negative
 * errno; then it is empty. A zeroed tree is a valid start.
 */
int tree_scan(struct tree *tree, pid_t root);
void tree_free(struct tree *tree);

/* What is known of one process: *ret_row without depth. Returns 0 or negative errno: it is gone. */
int tree_look(pid_t pid, struct tree_row *ret_row);

/* Sends a signal to that very process. Returns 0 or negative errno; -ESRCH: it is gone. */
int tree_signal(const struct guard_process *process, int number);

/* Parses /proc/PID/stat. Returns 0 or -EINVAL. Exported for tests and fuzzing. */
int tree_parse_stat(const char *text, struct tree_row *ret_row);

/* Stopped by a signal, or by a debugger. */
bool tree_is_stopped(const struct tree_row *row);
/* It has ended, and only its number is left. */
bool tree_is_gone(const struct tree_row *row);

/* Memory that nobody else has, in bytes: what its end would give back. 0: not known. */
long long tree_memory(pid_t pid);

#endif
