/* SPDX-License-Identifier: MIT */
/*
 * Memory, swap and stalls, as the kernel counts them; what the decision rests on. Four files are
 * read at every tick through descriptors that stay open (meminfo, vmstat, swaps, pressure/memory),
 * and two that hardly ever change once a minute (zoneinfo, swappiness). Where there is high memory,
 * zoneinfo alone tells how the rest of it does, and is read at every tick, too. What is not there,
 * or makes no sense, is handed in as unknown with the reason; one bad file leaves the others alone.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/memory_metrics.h"
#include "collectors/memory_parse.h"
#include "collectors/memory_swap.h"
#include "collectors/memory_zones.h"

/*
 * The largest file is zoneinfo: about 4 KiB for each memory node, and a Pi 5 is given 8 of them
 * (numa=fake). meminfo has 1.5 KiB, vmstat 4 to 6 KiB.
 */
#define TEXT_SIZE (64 * 1024)
/* A record of vmstat is a line of less than 64 bytes. meminfo and pressure/memory are one record. */
#define LONGEST_RECORD 128
#define REASON_SIZE 96
#define SLOW_NS (60 * NS_PER_S)

enum memory_file {
	FILE_MEMINFO,
	FILE_VMSTAT,
	FILE_SWAPS,
	FILE_PRESSURE,
	FILE_ZONEINFO,
	FILE_SWAPPINESS,
	MEMORY_FILES,
};

static const char *const memory_paths[MEMORY_FILES] = {
	[FILE_MEMINFO] = "proc/meminfo",   [FILE_VMSTAT] = "proc/vmstat",
	[FILE_SWAPS] = "proc/swaps",	   [FILE_PRESSURE] = "proc/pressure/memory",
	[FILE_ZONEINFO] = "proc/zoneinfo", [FILE_SWAPPINESS] = "proc/sys/vm/swappiness",
};

struct memory {
	int root_fd;
	int fds[MEMORY_FILES]; /* negative: the errno of the last attempt to open it */
	char reasons[MEMORY_FILES][REASON_SIZE];
	int64_t page_bytes;

	bool slow_done; /* slow_ns is valid */
	int64_t slow_ns;
	bool swappiness_known;
	int64_t swappiness;
	bool zones_known; /* zones is valid */
	bool zones_fast;  /* there was high memory once: zoneinfo is read at every tick */
	struct memory_zones zones;
	struct memory_swap swap;

	char text[TEXT_SIZE];
};

static void memory_explain(struct memory *memory, enum memory_file file, const char *what)
{
	snprintf(memory->reasons[file], REASON_SIZE, "/%s: %s", memory_paths[file], what);
}

/* Reads one of the files into text. Returns 0, or negative errno with the reason noted. */
static int memory_load(struct memory *memory, enum memory_file file)
{
	int r = memory->fds[file];

	if (r >= 0 && (file == FILE_MEMINFO || file == FILE_VMSTAT || file == FILE_PRESSURE))
		r = procfs_read_records(r, memory->text, sizeof(memory->text), LONGEST_RECORD);
	else if (r >= 0)
		r = procfs_read(r, memory->text, sizeof(memory->text));
	if (r >= 0)
		return 0;
	memory_explain(memory, file, procfs_strerror(r));
	return r;
}

static void memory_unknown(const struct memory *memory, enum memory_file file, unsigned first,
			   unsigned last, struct batch *batch)
{
	for (unsigned metric = first; metric <= last; metric++)
		batch_unknown(batch, metric, memory->reasons[file]);
}

/* Hands in meminfo. *ret_no_swap: it says that there is none. */
static void memory_read_meminfo(struct memory *memory, struct batch *batch, bool *ret_no_swap)
{
	int64_t values[MEMORY_FIELDS];
	uint64_t found;
	int r = memory_load(memory, FILE_MEMINFO);

	*ret_no_swap = false;
	if (r == 0) {
		r = memory_parse_meminfo(memory->text, values, &found);
		if (r == -EPROTO)
			memory_explain(memory, FILE_MEMINFO, "its numbers are contradictory");
		else if (r < 0)
			memory_explain(memory, FILE_MEMINFO, "cut off, or lines are missing");
	}
	if (r < 0) {
		memory_unknown(memory, FILE_MEMINFO, 0, MEMORY_READINGS - 1, batch);
		return;
	}
	for (unsigned i = 0; i < MEMORY_READINGS; i++) {
		if ((found >> i) & 1)
			batch_value(batch, i, values[i]);
		else
			batch_unknown(
				batch, i,
				i == MEMORY_AVAILABLE
					? "/proc/meminfo has no MemAvailable: needs kernel 3.14"
					: "/proc/meminfo has no AnonPages");
	}
	*ret_no_swap = values[MEMORY_SWAP_TOTAL] == 0;
}

/*
 * Hands in what swap there is. Returns 0 and that, or negative errno. A kernel without swap support
 * has no such file; meminfo must agree.
 */
static int memory_read_swaps(struct memory *memory, bool no_swap, struct batch *batch,
			     struct memory_swaps *ret_swaps)
{
	struct memory_swaps swaps = {.kind = SWAP_NONE};
	int r = memory_load(memory, FILE_SWAPS);

	if (r == 0) {
		r = memory_parse_swaps(memory->text, &swaps);
		if (r < 0)
			memory_explain(memory, FILE_SWAPS, "cut off or malformed");
	} else if (r == -ENOENT && no_swap) {
		r = 0;
	}
	if (r < 0) {
		memory_unknown(memory, FILE_SWAPS, MEM_SWAP_KIND, MEM_SWAP_USED, batch);
		return r;
	}
	batch_value(batch, MEM_SWAP_KIND, swaps.kind);
	batch_value(batch, MEM_SWAP_TOTAL, swaps.total_bytes);
	batch_value(batch, MEM_SWAP_USED, swaps.used_bytes);
	*ret_swaps = swaps;
	return 0;
}

/* swaps_error: the result of memory_read_swaps(); swaps is valid if it is 0. */
static void memory_read_vmstat(struct memory *memory, int swaps_error,
			       const struct memory_swaps *swaps, struct batch *batch)
{
	static const struct {
		unsigned metric;
		const char *missing;
	} rows[MEMORY_COUNTERS] = {
		[MEMORY_SWAP_IN] = {MEM_SWAP_IN, "/proc/vmstat has no pswpin: kernel without swap"},
		[MEMORY_SWAP_OUT] = {MEM_SWAP_OUT,
				     "/proc/vmstat has no pswpout: kernel without swap"},
		[MEMORY_FILE_REFAULT] = {MEM_FILE_REFAULT,
					 "/proc/vmstat has no workingset_refault*"},
		[MEMORY_ANON_REFAULT] = {MEM_ANON_REFAULT,
					 "/proc/vmstat has no workingset_refault_anon: needs "
					 "kernel 5.9"},
		[MEMORY_ALLOC_STALLS] = {MEM_ALLOC_STALLS, "/proc/vmstat has no allocstall*"},
		[MEMORY_OOM_KILLS] = {MEM_OOM_KILLS,
				      "/proc/vmstat has no oom_kill: needs kernel 4.13"},
	};
	int64_t values[MEMORY_COUNTERS];
	uint64_t found = 0;
	int r = memory_load(memory, FILE_VMSTAT);

	if (r == 0)
		memory_parse_vmstat(memory->text, memory->page_bytes, values, &found);
	for (unsigned i = 0; i < MEMORY_COUNTERS; i++) {
		const char *reason = r < 0 ? memory->reasons[FILE_VMSTAT] : rows[i].missing;

		if ((found >> i) & 1)
			batch_value(batch, rows[i].metric, values[i]);
		else
			batch_unknown(batch, rows[i].metric, reason);
		if (i == MEMORY_SWAP_OUT && !((found >> i) & 1))
			batch_unknown(batch, MEM_SWAP_DISK_OUT, reason);
	}
	if (!((found >> MEMORY_SWAP_OUT) & 1))
		return;
	/* Where the kind is not known the growth waits in pswpout until it is. */
	if (swaps_error < 0)
		batch_unknown(batch, MEM_SWAP_DISK_OUT, memory->reasons[FILE_SWAPS]);
	else
		batch_value(batch, MEM_SWAP_DISK_OUT,
			    memory_swap_update(&memory->swap, swaps, values[MEMORY_SWAP_OUT]));
}

/* PSI is off on a stock Raspberry Pi kernel; then the file is absent or refuses to be read. */
static void memory_read_pressure(struct memory *memory, struct batch *batch)
{
	int64_t some_us, full_us;
	int r = memory_load(memory, FILE_PRESSURE);

	if (r == -ENOENT || r == -EOPNOTSUPP) {
		memory_explain(memory, FILE_PRESSURE, "PSI is off: boot with psi=1");
	} else if (r == 0) {
		r = memory_parse_pressure(memory->text, &some_us, &full_us);
		if (r < 0)
			memory_explain(memory, FILE_PRESSURE, "cut off or malformed");
	}
	if (r < 0) {
		memory_unknown(memory, FILE_PRESSURE, MEM_PSI_SOME, MEM_PSI_FULL, batch);
		return;
	}
	/* A second of stall in a second is a million microseconds: as PPM, a ratio of 1. */
	batch_value(batch, MEM_PSI_SOME, some_us);
	batch_value(batch, MEM_PSI_FULL, full_us);
}

/* Opens what could not be opened so far; a file may appear with a mount or a module. */
static void memory_open_missing(struct memory *memory)
{
	for (unsigned i = 0; i < MEMORY_FILES; i++)
		if (memory->fds[i] < 0)
			memory->fds[i] = procfs_open(memory->root_fd, memory_paths[i]);
}

static void memory_refresh_zones(struct memory *memory)
{
	memory->zones_known = false;
	if (memory_load(memory, FILE_ZONEINFO) < 0)
		return;
	memory->zones_known =
		memory_parse_zoneinfo(memory->text, memory->page_bytes, &memory->zones) == 0;
	if (!memory->zones_known)
		memory_explain(memory, FILE_ZONEINFO, "cut off or malformed");
	else if (memory->zones.has_high)
		memory->zones_fast = true;
}

static void memory_refresh_swappiness(struct memory *memory)
{
	memory->swappiness_known = false;
	if (memory_load(memory, FILE_SWAPPINESS) < 0)
		return;
	memory->swappiness_known = procfs_integer(memory->text, &memory->swappiness) == 0 &&
				   memory->swappiness >= 0 && memory->swappiness <= 200;
	if (!memory->swappiness_known)
		memory_explain(memory, FILE_SWAPPINESS, "not a number from 0 to 200");
}

static void memory_add_zones(const struct memory *memory, struct batch *batch)
{
	const struct memory_zones *zones = &memory->zones;
	const char *no_high = "/proc/zoneinfo has no high memory: the kernel can use all of it";
	const char *no_file = "/proc/zoneinfo has no nr_zone_active_file: needs kernel 4.8";

	if (!memory->zones_known) {
		memory_unknown(memory, FILE_ZONEINFO, MEM_WATERMARK_HIGH, MEM_LOW_FILE, batch);
		return;
	}
	batch_value(batch, MEM_WATERMARK_HIGH, zones->kept_bytes);
	if (!zones->has_high) {
		for (unsigned metric = MEM_LOW_TOTAL; metric <= MEM_LOW_FILE; metric++)
			batch_unknown(batch, metric, no_high);
		return;
	}
	batch_value(batch, MEM_LOW_TOTAL, zones->low_total_bytes);
	batch_value(batch, MEM_LOW_FREE, zones->low_free_bytes);
	if (zones->low_file_known)
		batch_value(batch, MEM_LOW_FILE, zones->low_file_bytes);
	else
		batch_unknown(batch, MEM_LOW_FILE, no_file);
}

static int memory_open(void *self, const void *conf, const struct env *env)
{
	struct memory *memory = self;

	(void)conf;
	memory->root_fd = env->root_fd;
	memory->page_bytes = sysconf(_SC_PAGESIZE);
	for (unsigned i = 0; i < MEMORY_FILES; i++)
		memory->fds[i] = -ENOENT;
	memory_swap_open(&memory->swap, env->root_fd);
	memory_open_missing(memory);
	return 0;
}

static int memory_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct memory *memory = self;
	struct memory_swaps swaps;
	bool slow = !memory->slow_done || now_ns - memory->slow_ns >= SLOW_NS;
	bool no_swap;

	if (slow) {
		memory_open_missing(memory);
		memory_refresh_swappiness(memory);
		memory->slow_ns = now_ns;
		memory->slow_done = true;
	}
	if (slow || memory->zones_fast)
		memory_refresh_zones(memory);
	memory_read_meminfo(memory, ret_batch, &no_swap);
	int r = memory_read_swaps(memory, no_swap, ret_batch, &swaps);
	memory_read_vmstat(memory, r, &swaps, ret_batch);
	memory_read_pressure(memory, ret_batch);
	memory_add_zones(memory, ret_batch);
	if (memory->swappiness_known)
		batch_value(ret_batch, MEM_SWAPPINESS, memory->swappiness);
	else
		batch_unknown(ret_batch, MEM_SWAPPINESS, memory->reasons[FILE_SWAPPINESS]);
	return 0;
}

static void memory_close(void *self)
{
	struct memory *memory = self;

	for (unsigned i = 0; i < MEMORY_FILES; i++) {
		if (memory->fds[i] >= 0)
			close(memory->fds[i]);
		memory->fds[i] = -ENOENT;
	}
	memory_swap_close(&memory->swap);
}

const struct collector memory_collector = {
	.module.name = "memory",
	.module.metrics = memory_metrics,
	.module.metric_count = MEM_METRICS,
	.module.self_size = sizeof(struct memory),
	.module.open = memory_open,
	.module.read = memory_read,
	.module.close = memory_close,
};
