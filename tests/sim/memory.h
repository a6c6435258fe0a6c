/* SPDX-License-Identifier: MIT */
/*
 * The memory of one Pi: anonymous memory of web workers and of everything else, the two lists of
 * the page cache, free pages, and a kernel that reclaims. Bytes and seconds, as real numbers.
 */
#ifndef HOSTINGPI_SIM_MEMORY_H
#define HOSTINGPI_SIM_MEMORY_H

#include <stdbool.h>

#include "agent/metric.h"

#define MB 1e6

struct memory_conf {
	double total;	   /* MemTotal */
	double kernel;	   /* what is neither free, page cache, anonymous nor reclaimable slab */
	double slab;	   /* reclaimable; left alone */
	double min_free;   /* vm.min_free_kbytes */
	double swappiness; /* 0..200 */
	double file;	   /* page cache at the start */
	double active;	   /* of it on the active list */
	double hot;	   /* files that are read again and again */
	double reread_s;   /* bytes per second of them */
	double disk_s;	   /* bytes per second that the card writes */
	double swap_s;	   /* bytes per second that the swap takes */
	double swap_total; /* its size; 0: any */
	double pass;	   /* see memory.c, SCAN_PASS; 0: that */
	enum swap_kind swap;
};

struct memory {
	double nonweb, web; /* anonymous memory in use, swapped out or not */
	double swapped;	    /* of it on the swap device (zram: compressed in RAM) */
	double active, inactive;
	double dirty, writeback; /* dirty: those under writeback included */
	double free;
	double scanned;	     /* anonymous pages that reclaim looked at for the first time */
	double refaulting_s; /* bytes per second read back, in this step */
	double stall;	     /* share of time that tasks wait for memory, in this step */
	double swap_rate_s;  /* bytes per second to the swap, smoothed over a second */
	/* counters since the start */
	double refaulted, swap_out, disk_out, anon_refaulted, alloc_stalls, psi_some_s, psi_full_s;
};

/* What happens to the memory in one step. */
struct memory_demand {
	double nonweb, web;	/* anonymous memory wanted */
	double read_s, write_s; /* bytes per second of files read once, and written */
};

void memory_init(struct memory *memory, const struct memory_conf *conf, double nonweb, double web);
void memory_step(struct memory *memory, const struct memory_conf *conf,
		 const struct memory_demand *demand, double dt);

double memory_watermark_low(const struct memory_conf *conf);
double memory_watermark_high(const struct memory_conf *conf);

static inline double memory_file(const struct memory *memory)
{
	return memory->active + memory->inactive;
}

static inline double memory_anon(const struct memory *memory)
{
	return memory->nonweb + memory->web - memory->swapped;
}

/*
 * How much more anonymous memory fits from here before the kernel swaps, if it grows steadily and
 * nothing else happens; negative once it swaps. The truth that a law can only guess.
 */
double memory_room(const struct memory *memory, const struct memory_conf *conf);

#endif
