/* SPDX-License-Identifier: MIT */
/*
 * Parsers of /proc/meminfo, vmstat, swaps and pressure/memory, and of zram's bd_stat. They trust
 * nothing: a key counts only at the start of a line, a number only if it ends where a number ends,
 * and a text whose last line has no line end was cut off. The sums are checked for overflow, because
 * the tests feed these functions with everything that a kernel would never write.
 */
#include "collectors/memory_parse.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "agent/procfs.h"
#include "collectors/memory_words.h"

#define KIB INT64_C(1024)
#define BIT(n) (UINT64_C(1) << (n))

int memory_parse_meminfo(const char *text, int64_t *ret_values, uint64_t *ret_found)
{
	static const struct procfs_key keys[MEMORY_FIELDS] = {
		[MEMORY_TOTAL] = {"MemTotal:", KIB},
		[MEMORY_FREE] = {"MemFree:", KIB},
		[MEMORY_AVAILABLE] = {"MemAvailable:", KIB},
		[MEMORY_FILE_ACTIVE] = {"Active(file):", KIB},
		[MEMORY_FILE_INACTIVE] = {"Inactive(file):", KIB},
		[MEMORY_FILE_DIRTY] = {"Dirty:", KIB},
		[MEMORY_FILE_WRITEBACK] = {"Writeback:", KIB},
		[MEMORY_SLAB_RECLAIMABLE] = {"SReclaimable:", KIB},
		[MEMORY_ANON] = {"AnonPages:", KIB},
		[MEMORY_SWAP_TOTAL] = {"SwapTotal:", KIB},
	};
	const uint64_t needed =
		(BIT(MEMORY_FIELDS) - 1) & ~(BIT(MEMORY_AVAILABLE) | BIT(MEMORY_ANON));
	int64_t values[MEMORY_FIELDS];
	uint64_t found = 0;

	procfs_table(text, keys, MEMORY_FIELDS, values, &found);
	if ((found & needed) != needed || values[MEMORY_TOTAL] == 0)
		return -EBADMSG;
	/* Everything but swap is a part of the whole; the two file lists together as well. */
	for (unsigned i = 0; i < MEMORY_READINGS; i++)
		if ((found & BIT(i)) && values[i] > values[MEMORY_TOTAL])
			return -EPROTO;
	if (values[MEMORY_FILE_ACTIVE] > values[MEMORY_TOTAL] - values[MEMORY_FILE_INACTIVE])
		return -EPROTO;
	for (unsigned i = 0; i < MEMORY_FIELDS; i++)
		if (found & BIT(i))
			ret_values[i] = values[i];
	*ret_found = found;
	return 0;
}

/* Adds up those of values[first..last] that were found. Returns false if there is none. */
static bool sum_found(const int64_t *values, uint64_t found, unsigned first, unsigned last,
		      int64_t *ret_sum)
{
	int64_t sum = 0;
	bool any = false;

	for (unsigned i = first; i <= last; i++) {
		if (!(found & BIT(i)))
			continue;
		if (__builtin_add_overflow(sum, values[i], &sum))
			return false;
		any = true;
	}
	*ret_sum = sum;
	return any;
}

void memory_parse_vmstat(const char *text, int64_t page_bytes, int64_t *ret_values,
			 uint64_t *ret_found)
{
	/*
	 * Until 5.9 there was one refault counter, and it counted file pages only. Until 4.10 there
	 * was one counter of stalls, since then one for each zone that the kernel knows.
	 */
	enum {
		REFAULT_UNTIL_5_9 = MEMORY_COUNTERS,
		STALL_DMA,
		STALL_DMA32,
		STALL_NORMAL,
		STALL_HIGH,
		STALL_MOVABLE,
		STALL_DEVICE,
		KEYS,
	};
	const struct procfs_key keys[KEYS] = {
		[MEMORY_SWAP_IN] = {"pswpin", page_bytes},
		[MEMORY_SWAP_OUT] = {"pswpout", page_bytes},
		[MEMORY_FILE_REFAULT] = {"workingset_refault_file", page_bytes},
		[MEMORY_ANON_REFAULT] = {"workingset_refault_anon", page_bytes},
		[MEMORY_ALLOC_STALLS] = {"allocstall", 1},
		[MEMORY_OOM_KILLS] = {"oom_kill", 1},
		[REFAULT_UNTIL_5_9] = {"workingset_refault", page_bytes},
		[STALL_DMA] = {"allocstall_dma", 1},
		[STALL_DMA32] = {"allocstall_dma32", 1},
		[STALL_NORMAL] = {"allocstall_normal", 1},
		[STALL_HIGH] = {"allocstall_high", 1},
		[STALL_MOVABLE] = {"allocstall_movable", 1},
		[STALL_DEVICE] = {"allocstall_device", 1},
	};
	int64_t values[KEYS];
	uint64_t found = 0;

	procfs_table(text, keys, KEYS, values, &found);
	if (!(found & BIT(MEMORY_FILE_REFAULT)) && (found & BIT(REFAULT_UNTIL_5_9))) {
		values[MEMORY_FILE_REFAULT] = values[REFAULT_UNTIL_5_9];
		found |= BIT(MEMORY_FILE_REFAULT);
	}
	if (!(found & BIT(MEMORY_ALLOC_STALLS)) &&
	    sum_found(values, found, STALL_DMA, STALL_DEVICE, &values[MEMORY_ALLOC_STALLS]))
		found |= BIT(MEMORY_ALLOC_STALLS);
	found &= BIT(MEMORY_COUNTERS) - 1;
	for (unsigned i = 0; i < MEMORY_COUNTERS; i++)
		if (found & BIT(i))
			ret_values[i] = values[i];
	*ret_found = found;
}

/*
 * The number of /dev/zramN, or -1. The kernel writes the path of the device node itself here, never
 * that of a link to it; a node that was removed meanwhile is still swapped to.
 */
static int zram_number(const char *name, size_t length)
{
	static const char prefix[] = "/dev/zram";
	static const char gone[] = "\\040(deleted)";
	const size_t start = sizeof(prefix) - 1;
	const size_t tail = sizeof(gone) - 1;
	const char *after;
	int64_t number;

	if (length > tail && memcmp(name + length - tail, gone, tail) == 0)
		length -= tail;
	if (length <= start || memcmp(name, prefix, start) != 0 ||
	    procfs_number(name + start, &after, &number) < 0 || after != name + length ||
	    number > INT_MAX)
		return -1;
	return (int)number;
}

/* NAME TYPE SIZE USED PRIORITY, sizes in KiB; blanks in NAME are written as \040. */
static int parse_swap(const char *line, const char *end, struct memory_swaps *swaps)
{
	const char *name;
	const char *type;
	size_t name_length;
	size_t type_length;
	int64_t total;
	int64_t used;

	if (!words_take(&line, end, &name, &name_length) ||
	    !words_take(&line, end, &type, &type_length) ||
	    words_take_number(&line, end, KIB, &total) < 0 ||
	    words_take_number(&line, end, KIB, &used) < 0 || used > total ||
	    __builtin_add_overflow(swaps->total_bytes, total, &total))
		return -EBADMSG;
	swaps->total_bytes = total;
	swaps->used_bytes += used; /* not more than total_bytes */

	int number = zram_number(name, name_length);
	enum swap_kind kind = number < 0 ? SWAP_DISK : SWAP_ZRAM;

	if (number >= 0) {
		if (swaps->zram_count == MEMORY_SWAP_AREAS)
			return -EBADMSG;
		swaps->zrams[swaps->zram_count++] = number;
	}
	swaps->kind = swaps->kind == SWAP_NONE || swaps->kind == kind ? kind : SWAP_MIXED;
	return 0;
}

int memory_parse_swaps(const char *text, struct memory_swaps *ret_swaps)
{
	struct memory_swaps swaps = {.kind = SWAP_NONE};
	const char *line;
	size_t length;

	/* Without any swap there is still the heading. */
	if (!words_take_line(&text, &line, &length) || strncmp(line, "Filename", 8) != 0)
		return -EBADMSG;
	while (words_take_line(&text, &line, &length))
		if (parse_swap(line, line + length, &swaps) < 0)
			return -EBADMSG;
	if (*text != '\0')
		return -EBADMSG;
	*ret_swaps = swaps;
	return 0;
}

int memory_parse_pressure(const char *text, int64_t *ret_some_us, int64_t *ret_full_us)
{
	static const char *const kinds[] = {"some", "full"};
	static const char total[] = "total=";
	int64_t values[2] = {-1, -1};
	const char *line;
	size_t length;

	while (words_take_line(&text, &line, &length)) {
		const char *end = line + length;
		const char *after;
		const char *word;
		int64_t *value = NULL;

		if (!words_take(&line, end, &word, &length))
			return -EBADMSG;
		for (unsigned i = 0; i < 2; i++)
			if (words_equal(word, length, kinds[i]))
				value = &values[i];
		if (!value || *value >= 0)
			return -EBADMSG;
		/* The averages are passed over: they lag by 2 s, the total is of this moment. */
		do {
			if (!words_take(&line, end, &word, &length))
				return -EBADMSG;
		} while (strncmp(word, total, sizeof(total) - 1) != 0);
		if (procfs_number(word + sizeof(total) - 1, &after, value) < 0 || after != end)
			return -EBADMSG;
	}
	if (*text != '\0' || values[0] < 0 || values[1] < 0)
		return -EBADMSG;
	*ret_some_us = values[0];
	*ret_full_us = values[1];
	return 0;
}

int memory_parse_zram_backing(const char *text, int64_t *ret_written_bytes)
{
	const int64_t unit = 4096;
	const char *line;
	size_t length;
	int64_t stored;
	int64_t read;
	int64_t written;

	if (!words_take_line(&text, &line, &length) || *text != '\0')
		return -EBADMSG;

	const char *end = line + length;
	const char *more;

	/* Some vendors' kernels have other numbers before these. */
	if (words_take_number(&line, end, unit, &stored) < 0 ||
	    words_take_number(&line, end, unit, &read) < 0 ||
	    words_take_number(&line, end, unit, &written) < 0 ||
	    words_take(&line, end, &more, &length))
		return -EBADMSG;
	*ret_written_bytes = written;
	return 0;
}
