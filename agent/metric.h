/* SPDX-License-Identifier: MIT */
/*
 * A metric describes one reading: where it stands in the JSON documents, its unit, and (for the
 * few readings that the judge needs) the role it plays. Metrics are constant tables owned by the
 * module that reads them; the core finds its inputs by role, once, when it starts.
 */
#ifndef HOSTINGPI_METRIC_H
#define HOSTINGPI_METRIC_H

#include <stdbool.h>

enum metric_kind {
	METRIC_GAUGE,	/* the value is the reading */
	METRIC_COUNTER, /* the value only grows; a fall is a reset and yields no rate */
};

/* The unit of the 64-bit integer that travels, and how it is rendered in JSON. */
enum metric_unit {
	UNIT_COUNT,	    /* plain integer */
	UNIT_BYTES,	    /* bytes */
	UNIT_MS,	    /* milliseconds */
	UNIT_US,	    /* microseconds; a rate of it is rendered as milliseconds per second */
	UNIT_S,		    /* seconds */
	UNIT_HZ,	    /* hertz */
	UNIT_MILLI,	    /* thousandths of the base unit: 61234 is rendered as 61.234 */
	UNIT_MILLI_CELSIUS, /* thousandths of a degree, rendered as degrees */
	UNIT_PPM,	    /* millionths, rendered as a ratio 0..1 */
	UNIT_BOOL,	    /* 0 or 1, rendered as false or true; true is the trouble */
	UNIT_WORD,	    /* index into metric.words */
	UNIT_TEXT,	    /* travels as text */
};

/* What the judge looks for. Several metrics may share a role only where that is said. */
enum metric_role {
	ROLE_NONE,
	ROLE_MEM_TOTAL,	       /* bytes */
	ROLE_MEM_FREE,	       /* bytes */
	ROLE_MEM_AVAILABLE,    /* bytes */
	ROLE_FILE_ACTIVE,      /* bytes of file pages on the active list */
	ROLE_FILE_INACTIVE,    /* bytes of file pages on the inactive list */
	ROLE_FILE_DIRTY,       /* bytes */
	ROLE_FILE_WRITEBACK,   /* bytes */
	ROLE_SLAB_RECLAIMABLE, /* bytes */
	ROLE_ANON,	       /* bytes of anonymous memory in RAM */
	ROLE_WATERMARK_HIGH,   /* bytes: sum over the zones of high watermark and lowmem reserve */
	ROLE_LOW_TOTAL,	 /* bytes the kernel itself can use; only where there is high memory */
	ROLE_LOW_FREE,	 /* of these free, above the high watermarks and without CMA; may be < 0 */
	ROLE_LOW_FILE,	 /* of these file pages on both lists */
	ROLE_SWAPPINESS, /* vm.swappiness, 0..200 */
	ROLE_FILE_REFAULT,    /* counter, bytes of file pages read back after eviction */
	ROLE_SWAP_KIND,	      /* enum swap_kind */
	ROLE_SWAP_OUT,	      /* counter, bytes written to any swap */
	ROLE_SWAP_DISK_OUT,   /* counter, bytes written to swap that is not zram */
	ROLE_PSI_SOME,	      /* counter, microseconds with some task stalled on memory */
	ROLE_PSI_FULL,	      /* counter, microseconds with all tasks stalled on memory */
	ROLE_ALLOC_STALL,     /* counter, allocations that had to reclaim memory themselves */
	ROLE_ANON_REFAULT,    /* counter, bytes of anonymous memory read back after eviction */
	ROLE_WEB_BUSY,	      /* web workers (or connections) that serve a request now */
	ROLE_WEB_IDLE,	      /* web workers that wait for one */
	ROLE_WEB_BYTES,	      /* anonymous memory of all web workers in RAM */
	ROLE_WEB_WORKERS,     /* processes that this memory belongs to */
	ROLE_WORKER_BYTES,    /* memory of one web worker; unknown: the configured size counts */
	ROLE_SOC_TEMP,	      /* thousandths of a degree */
	ROLE_SOC_TEMP_LIMIT,  /* thousandths of a degree at which the clock is lowered */
	ROLE_THROTTLED,	      /* bool: the clock is lowered now; several metrics may have it */
	ROLE_UNDERVOLTAGE,    /* bool: the supply is too low now; several metrics may have it */
	ROLE_STORAGE_FAILING, /* bool; several metrics may have it, one true is enough */
	ROLE_SWAP_FAILING,    /* bool: swap that is not on the root's disk cannot be used */
	ROLE_STORAGE_ERRORS,  /* counter, records of the kernel about failed requests of our disk */
	ROLE_STORAGE_LATENCY, /* milliseconds, mean of the finished writes */
	ROLE_STORAGE_WEAR,  /* millionths of the rated life that are used up; the largest counts */
	ROLE_STORAGE_QUEUE, /* requests at the disk under the root; unknown: there is no disk */
	ROLE_STORAGE_FINISHED, /* counter, requests that the disk under the root has finished */
	ROLE_FS_ERRORS,	       /* errors that the root file system remembers, reboots included */
	ROLE_FS_ERROR_AGE,     /* seconds since the last of them */
	ROLE_OUT_OF_MEMORY,    /* bool: the kernel killed somebody for want of memory just now */
	ROLE_KERNEL_FAILING,   /* bool: the kernel said oops or panic just now */
	ROLE_BALANCERS,	       /* load balancers seen lately */
	ROLE_COUNT,
};

enum swap_kind {
	SWAP_NONE,
	SWAP_DISK,
	SWAP_ZRAM,
	SWAP_MIXED,
};

/* The names of enum swap_kind in JSON; null-terminated. */
extern const char *const swap_kind_words[];

struct metric {
	const char *group;     /* JSON object, e.g. "mem" */
	const char *name;      /* JSON field, ends in the unit; NULL: not published, only a role */
	const char *rate_name; /* counters: JSON field of the rate per second; NULL: none */
	enum metric_kind kind;
	enum metric_unit unit;
	enum metric_role role;
	const char *const *words; /* UNIT_WORD: null-terminated names */
	bool course;	   /* its course over an hour and a day is kept for people: history.h */
	bool idle_unknown; /* unknown is normal while nothing happens: no finding for the doctor */
	const char *help;  /* one line for people */
};

#endif
