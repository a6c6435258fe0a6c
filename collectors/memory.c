/* SPDX-License-Identifier: MIT */
/*
 * Memory, swap and stalls, as the kernel counts them; what the decision rests on. Four files are
 * read at every tick through descriptors that stay open (meminfo, vmstat, swaps, pressure/memory),
 * and two that hardly ever change once a minute (zoneinfo, swappiness). What is not there, or makes
 * no sense, is handed in as unknown with the reason; one bad file leaves the others alone.
 *
 * Bytes swapped out to a disk are summed up here, because pswpout counts zram as well: the growth
 * counts while there is any swap that is not zram. On a machine with both, all of it counts; that
 * errs on the careful side. What zram itself writes back to a disk is not in these counters.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/memory_parse.h"

/*
 * The largest file is zoneinfo: about 4 KiB for each memory node, and a Pi 5 is given 8 of them
 * (numa=fake). meminfo has 1.5 KiB, vmstat 4 to 6 KiB.
 */
#define TEXT_SIZE (64 * 1024)
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

/* The readings of meminfo come first: enum memory_field is their number here, too. */
enum memory_metric {
	MEM_WATERMARK_HIGH = MEMORY_READINGS,
	MEM_SWAPPINESS,
	MEM_FILE_REFAULT,
	MEM_PSI_SOME,
	MEM_PSI_FULL,
	MEM_SWAP_KIND,
	MEM_SWAP_TOTAL,
	MEM_SWAP_USED,
	MEM_SWAP_IN,
	MEM_SWAP_OUT,
	MEM_SWAP_DISK_OUT,
	MEM_OOM_KILLS,
	MEM_METRICS,
};

#define GAUGE(g, json, u, r, text)                                                                 \
	{                                                                                          \
		.group = (g), .name = (json), .unit = (u), .role = (r), .help = (text)             \
	}
#define RATE(g, json, u, r, text)                                                                  \
	{                                                                                          \
		.group = (g), .rate_name = (json), .kind = METRIC_COUNTER, .unit = (u),            \
		.role = (r), .help = (text)                                                        \
	}

static const struct metric memory_metrics[MEM_METRICS] = {
	[MEMORY_TOTAL] = GAUGE("mem", "total_bytes", UNIT_BYTES, ROLE_MEM_TOTAL, "all memory"),
	[MEMORY_FREE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_MEM_FREE, "free memory"),
	[MEMORY_AVAILABLE] = GAUGE("mem", "available_bytes", UNIT_BYTES, ROLE_MEM_AVAILABLE,
				   "the kernel's estimate of what programs may still take"),
	[MEMORY_FILE_ACTIVE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_ACTIVE, "file cache, used"),
	[MEMORY_FILE_INACTIVE] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_INACTIVE, "file cache, idle"),
	[MEMORY_FILE_DIRTY] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_DIRTY, "waits to be written"),
	[MEMORY_FILE_WRITEBACK] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_FILE_WRITEBACK, "being written"),
	[MEMORY_SLAB_RECLAIMABLE] = GAUGE("mem", NULL, UNIT_BYTES, ROLE_SLAB_RECLAIMABLE,
					  "caches of the kernel that it can give back"),
	[MEM_WATERMARK_HIGH] =
		GAUGE("mem", NULL, UNIT_BYTES, ROLE_WATERMARK_HIGH, "kept back by the kernel"),
	[MEM_SWAPPINESS] = GAUGE("mem", NULL, UNIT_COUNT, ROLE_SWAPPINESS, "vm.swappiness"),
	[MEM_FILE_REFAULT] =
		RATE("mem", NULL, UNIT_BYTES, ROLE_FILE_REFAULT, "file cache lost and read again"),
	[MEM_PSI_SOME] = RATE("mem", "psi_some_ratio", UNIT_PPM, ROLE_PSI_SOME,
			      "part of the time in which some task waited for memory"),
	[MEM_PSI_FULL] = RATE("mem", "psi_full_ratio", UNIT_PPM, ROLE_PSI_FULL,
			      "part of the time in which all tasks waited for memory"),
	[MEM_SWAP_KIND] = {.group = "swap",
			   .name = "kind",
			   .unit = UNIT_WORD,
			   .role = ROLE_SWAP_KIND,
			   .words = swap_kind_words,
			   .help = "what swapping goes to"},
	[MEM_SWAP_TOTAL] = GAUGE("swap", "total_bytes", UNIT_BYTES, ROLE_NONE, "size of all swap"),
	[MEM_SWAP_USED] = GAUGE("swap", "used_bytes", UNIT_BYTES, ROLE_NONE, "swap in use"),
	[MEM_SWAP_IN] = RATE("swap", "in_bytes_s", UNIT_BYTES, ROLE_NONE, "read from any swap"),
	[MEM_SWAP_OUT] =
		RATE("swap", "out_bytes_s", UNIT_BYTES, ROLE_SWAP_OUT, "written to any swap"),
	[MEM_SWAP_DISK_OUT] = {.group = "swap",
			       .name = "disk_out_bytes_total",
			       .kind = METRIC_COUNTER,
			       .unit = UNIT_BYTES,
			       .role = ROLE_SWAP_DISK_OUT,
			       .help = "written to swap that is not zram, since the agent's start"},
	[MEM_OOM_KILLS] = {.group = "swap",
			   .name = "oom_kills",
			   .kind = METRIC_COUNTER,
			   .unit = UNIT_COUNT,
			   .help = "processes killed for lack of memory, since boot"},
};

/* A reading of the slow files, handed in again at every tick. */
struct slow {
	bool known;
	int64_t value;
};

struct memory {
	int root_fd;
	int fds[MEMORY_FILES]; /* negative: the errno of the last attempt to open it */
	char reasons[MEMORY_FILES][REASON_SIZE];
	int64_t page_bytes;

	bool slow_done; /* slow_ns is valid */
	int64_t slow_ns;
	struct slow watermark, swappiness;

	bool swap_primed;  /* swap_out_bytes is valid */
	bool swap_on_disk; /* at the last reading */
	int64_t swap_out_bytes;
	int64_t disk_out_bytes;

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

	if (r >= 0)
		r = procfs_read(r, memory->text, sizeof(memory->text));
	if (r >= 0)
		return 0;
	memory_explain(memory, file, procfs_strerror(r));
	return r;
}

static void memory_unknown(struct memory *memory, enum memory_file file, unsigned first,
			   unsigned last, struct batch *batch)
{
	for (unsigned metric = first; metric <= last; metric++)
		batch_unknown(batch, metric, memory->reasons[file]);
}

/* Hands in meminfo. *ret_no_swap: it says that there is none. */
static void memory_read_meminfo(struct memory *memory, struct batch *batch, bool *ret_no_swap)
{
	int64_t values[MEMORY_FIELDS];
	int r = memory_load(memory, FILE_MEMINFO);

	*ret_no_swap = false;
	if (r == 0) {
		r = memory_parse_meminfo(memory->text, values);
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
		if (i == MEMORY_AVAILABLE && r == MEMORY_WITHOUT_AVAILABLE)
			batch_unknown(batch, i,
				      "/proc/meminfo has no MemAvailable: needs kernel 3.14");
		else
			batch_value(batch, i, values[i]);
	}
	*ret_no_swap = values[MEMORY_SWAP_TOTAL] == 0;
}

/*
 * Hands in what swap there is. Returns 0 and the kind, or negative errno. A kernel without swap
 * support has no such file; meminfo must agree.
 */
static int memory_read_swaps(struct memory *memory, bool no_swap, struct batch *batch,
			     enum swap_kind *ret_kind)
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
	*ret_kind = swaps.kind;
	return 0;
}

/*
 * Adds the growth of pswpout to the disk's sum. Swap that was switched off since the last reading
 * was there for a part of the growth, so the kind before counts as well.
 */
static void memory_sum_disk_out(struct memory *memory, enum swap_kind kind, int64_t out_bytes)
{
	bool on_disk = kind == SWAP_DISK || kind == SWAP_MIXED;

	/* A fall is a wrap of a 32-bit kernel: the growth is then not known. */
	if (memory->swap_primed && (on_disk || memory->swap_on_disk) &&
	    out_bytes > memory->swap_out_bytes &&
	    __builtin_add_overflow(memory->disk_out_bytes, out_bytes - memory->swap_out_bytes,
				   &memory->disk_out_bytes))
		memory->disk_out_bytes = INT64_MAX;
	memory->swap_primed = true;
	memory->swap_on_disk = on_disk;
	memory->swap_out_bytes = out_bytes;
}

static void memory_read_vmstat(struct memory *memory, int kind_error, enum swap_kind kind,
			       struct batch *batch)
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
	if (kind_error < 0) {
		/* The growth waits in pswpout until the kind is known again. */
		batch_unknown(batch, MEM_SWAP_DISK_OUT, memory->reasons[FILE_SWAPS]);
	} else {
		memory_sum_disk_out(memory, kind, values[MEMORY_SWAP_OUT]);
		batch_value(batch, MEM_SWAP_DISK_OUT, memory->disk_out_bytes);
	}
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

static void memory_refresh_slow(struct memory *memory)
{
	struct slow *watermark = &memory->watermark, *swappiness = &memory->swappiness;

	watermark->known = swappiness->known = false;
	if (memory_load(memory, FILE_ZONEINFO) == 0) {
		watermark->known = memory_parse_zoneinfo(memory->text, memory->page_bytes,
							 &watermark->value) == 0;
		if (!watermark->known)
			memory_explain(memory, FILE_ZONEINFO, "cut off or malformed");
	}
	if (memory_load(memory, FILE_SWAPPINESS) == 0) {
		swappiness->known = procfs_integer(memory->text, &swappiness->value) == 0 &&
				    swappiness->value >= 0 && swappiness->value <= 200;
		if (!swappiness->known)
			memory_explain(memory, FILE_SWAPPINESS, "not a number from 0 to 200");
	}
}

static void memory_add_slow(struct memory *memory, unsigned metric, enum memory_file file,
			    const struct slow *slow, struct batch *batch)
{
	if (slow->known)
		batch_value(batch, metric, slow->value);
	else
		batch_unknown(batch, metric, memory->reasons[file]);
}

static int memory_open(void *self, const void *conf, const struct env *env)
{
	struct memory *memory = self;

	(void)conf;
	memory->root_fd = env->root_fd;
	memory->page_bytes = sysconf(_SC_PAGESIZE);
	for (unsigned i = 0; i < MEMORY_FILES; i++)
		memory->fds[i] = -ENOENT;
	memory_open_missing(memory);
	return 0;
}

static int memory_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct memory *memory = self;
	enum swap_kind kind = SWAP_NONE;
	bool no_swap;

	if (!memory->slow_done || now_ns - memory->slow_ns >= SLOW_NS) {
		memory_open_missing(memory);
		memory_refresh_slow(memory);
		memory->slow_ns = now_ns;
		memory->slow_done = true;
	}
	memory_read_meminfo(memory, ret_batch, &no_swap);
	int r = memory_read_swaps(memory, no_swap, ret_batch, &kind);
	memory_read_vmstat(memory, r, kind, ret_batch);
	memory_read_pressure(memory, ret_batch);
	memory_add_slow(memory, MEM_WATERMARK_HIGH, FILE_ZONEINFO, &memory->watermark, ret_batch);
	memory_add_slow(memory, MEM_SWAPPINESS, FILE_SWAPPINESS, &memory->swappiness, ret_batch);
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
