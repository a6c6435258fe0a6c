/* SPDX-License-Identifier: MIT */
/* Pure functions behind the workers collector: names of web servers, lines of /proc/PID. */
#ifndef HOSTINGPI_WORKERS_PARSE_H
#define HOSTINGPI_WORKERS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TASK_COMM_LEN of the kernel, with the NUL byte. */
#define WORKERS_COMM_SIZE 16
/* The usual names are 9; a line of the configuration has room for about twice as many. */
#define WORKERS_NAMES 20

struct workers_name {
	char text[WORKERS_COMM_SIZE];
	bool open_end; /* ended with '*' */
};

struct workers_names {
	unsigned count;
	struct workers_name rows[WORKERS_NAMES];
};

/*
 * Parses "apache2, php-fpm*": separated by commas, blanks or both; '*' at the end of a name only.
 * An empty text is no name. Returns 0, or -EINVAL with one sentence that starts with "names".
 */
int workers_names_parse(const char *text, struct workers_names *ret_names, char *ret_error,
			size_t size);
bool workers_names_match(const struct workers_names *names, const char *comm);

/* What is used of /proc/PID/stat. */
struct workers_stat {
	char comm[WORKERS_COMM_SIZE]; /* a longer one (kernel threads have such) is cut */
	int parent;
	bool kernel;	     /* a kernel thread */
	bool dead;	     /* ended, and its parent has not asked for it yet */
	int64_t cpu_ticks;   /* processor time that it has used */
	int64_t threads;     /* at least 1, unless it is dead */
	int64_t start_ticks; /* when it started; tells two processes of the same number apart */
};

/* -EINVAL if the line is cut off or malformed. */
int workers_stat_parse(const char *text, struct workers_stat *ret_stat);

/*
 * Anonymous pages in memory from /proc/PID/statm: resident ones without those of files and of shared
 * memory. Stores 0 for a process that has no memory any more. -EINVAL as above.
 */
int workers_statm_parse(const char *text, int64_t *ret_pages);

/* The next number of /proc/PID/task/PID/children, advancing *text; 0 behind the last one. */
int workers_children_next(const char **text);

#endif
