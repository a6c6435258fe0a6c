/* SPDX-License-Identifier: MIT */
/*
 * The processes of the web servers that are known: who belongs to whom, and how much memory each had
 * when it was last looked at, through descriptors that stay open.
 */
#ifndef HOSTINGPI_WORKERS_TABLE_H
#define HOSTINGPI_WORKERS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/workers_parse.h"

/* Ten times what fits into the memory of a Pi with PHP; each costs a descriptor of 1024. */
#define WORKERS_ROOM 256
/* Processes that may have children of their kind: one for each web server, and php-cgi ones. */
#define WORKERS_ROOTS 16

struct workers_process {
	int pid;
	int parent;
	int statm_fd;
	int children_fd; /* roots: list of its children; negative: none is open */
	char comm[WORKERS_COMM_SIZE];
	bool root;	    /* no parent of its kind is known */
	bool master;	    /* has, or had, children of its kind: serves no requests itself */
	bool many_requests; /* serves any number of requests at once: its size is no worker's */
	bool listed;	    /* in the listing that is under way */
	int64_t threads;
	int64_t cpu_ticks;
	int64_t start_ticks;
	int64_t anon_bytes;	 /* as the kernel counts it, when it was last read */
	int64_t inherited_bytes; /* of the master, when it was last read */
	uint64_t children_hash;	 /* of the list that was last worked through; 0: none was */
};

struct workers_table {
	int proc_fd;
	int64_t page_bytes;
	int64_t seasoned_ticks; /* processor time that makes a size believable */
	unsigned count;
	unsigned read_next, check_next;
	bool changed;		     /* since workers_table_relate() */
	bool root_gone;		     /* a root ended; the caller clears it */
	bool childless;		     /* the lists of children are not readable for some root */
	int64_t sizes[WORKERS_ROOM]; /* scratch of workers_table_sizes() */
	struct workers_process rows[WORKERS_ROOM];
};

/* What all of them come to. */
struct workers_sum {
	unsigned workers;
	int64_t worker_bytes;
	int64_t master_bytes;
	bool sizeable; /* there is one that serves one request at a time, or each thread does */
};

void workers_table_open(struct workers_table *table, int proc_fd);
void workers_table_close(struct workers_table *table);

struct workers_process *workers_table_find(struct workers_table *table, int pid);
/*
 * Takes a process over and reads its memory. -ENOSPC if the table is full, -ESRCH if it is gone, or
 * negative errno (-EMFILE).
 */
int workers_table_add(struct workers_table *table, int pid, const struct workers_stat *stat);
/* Takes over a newer stat of a known process; false if it is another process now and was dropped. */
bool workers_table_renew(struct workers_table *table, struct workers_process *process,
			 const struct workers_stat *stat);
void workers_table_drop(struct workers_table *table, struct workers_process *process);

/* Says anew who belongs to whom, if anything has changed. */
void workers_table_relate(struct workers_table *table);
/* Reads the memory of the next ones in turn, at most limit; those that ended are dropped. */
void workers_table_read(struct workers_table *table, unsigned limit);
/* The one whose stat is to be read next; NULL if there is none. */
struct workers_process *workers_table_next(struct workers_table *table);

void workers_table_sum(const struct workers_table *table, struct workers_sum *ret_sum);
/* Memory of one process that is its own; see workers_table.c. */
int64_t workers_own_bytes(const struct workers_process *process);
/* Sizes of one request for each seasoned worker, into table->sizes. Returns their number. */
size_t workers_table_sizes(struct workers_table *table);

#endif
