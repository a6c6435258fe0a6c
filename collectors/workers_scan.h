/* SPDX-License-Identifier: MIT */
/*
 * Finds the processes of the web servers: rarely in the listing of /proc, at once in the lists of
 * children of the masters that are known.
 */
#ifndef HOSTINGPI_WORKERS_SCAN_H
#define HOSTINGPI_WORKERS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/workers_parse.h"
#include "collectors/workers_table.h"

/* A Pi has 150 to 300 processes, those of the kernel included. */
#define WORKERS_NOTES 2048
/* A listing of 200 processes takes 6 KiB, and comes in parts where it does not fit. */
#define WORKERS_LISTING_SIZE (8 * 1024)
/* A list of children comes in parts of at most a page of the kernel, the largest of which has 64 KiB;
 * 4 KiB are some 600 children, more than the table holds. */
#define WORKERS_CHILDREN_SIZE (4 * 1024)

/* What is known about a process that was seen, so that it is not asked again. */
struct workers_note {
	int pid;
	uint8_t looks; /* how often its name was read; 2 are enough */
	bool kernel;   /* of the kernel: never one of ours */
	bool ours;     /* its name is one of those looked for */
};

struct workers_scan {
	const struct workers_names *names;
	struct workers_table *table;
	int proc_fd;
	int64_t due_ns;		/* of the next listing */
	int64_t hurry_until_ns; /* a server ended, another one may start: look often */
	unsigned budget;	/* looks that are left in this reading */
	unsigned old_next;	/* old note to look at again next */
	/* Of the last listing: */
	bool init;	    /* process 1 was there */
	bool too_many;	    /* more than WORKERS_NOTES */
	bool refused;	    /* some may be listed, but not looked at */
	unsigned untracked; /* named as wanted, but without a place or descriptor in the table */

	unsigned count;
	struct workers_note *known; /* in the order of their numbers */
	struct workers_note notes[2][WORKERS_NOTES];
	union {
		char listing[WORKERS_LISTING_SIZE] __attribute__((aligned(8)));
		char children[WORKERS_CHILDREN_SIZE];
	};
};

/* proc_fd stays the caller's. */
void workers_scan_open(struct workers_scan *scan, int proc_fd, const struct workers_names *names,
		       struct workers_table *table);

/*
 * Looks for new ones: in the lists of children, and in /proc if that is due. Returns 0, or negative
 * errno if /proc cannot be listed.
 */
int workers_scan_run(struct workers_scan *scan, int64_t now_ns);

/* Reads the stat of one known process anew: its name, threads and processor time. */
void workers_scan_check(struct workers_scan *scan);

#endif
