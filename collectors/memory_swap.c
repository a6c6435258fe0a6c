/* SPDX-License-Identifier: MIT */
/*
 * Writing to a disk is what wears a card and stalls a Pi; writing to zram costs processor time. The
 * kernel counts both in pswpout, so the growth of pswpout is a disk's while there is swap on a disk,
 * and nobody's while there is none.
 *
 * Where there are both, zram usually has the higher priority and is filled first, and counting all of
 * it as a disk's would be an alarm without end. zram's block device counts the bytes that were
 * written to it: what pswpout grew by beyond that went to a disk (to the page, in a guest with Linux
 * 6.1). pswpout is read first, so zram's counter may be ahead by what was swapped between the two
 * readings; that is remembered until pswpout has caught up. While the areas change nothing can be
 * split: then all of it counts, on the careful side.
 *
 * A zram device may have a backing device, to which it writes what nobody uses (rpi-swap of
 * Raspberry Pi OS sets one up). Those writes are in no other counter, so they are added. A backing
 * device is chosen before the first use, so it is enough to ask when a device becomes swap.
 */
#include "collectors/memory_swap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "collectors/disk.h"

/* "sys/block/zram" N "/backing_dev" */
#define PATH_SIZE 64
/*
 * stat has 17 numbers of at most 20 digits with their blanks, bd_stat three. Both are one record:
 * nothing comes after the first read.
 */
#define TEXT_SIZE 512

static int open_file(const struct memory_swap *swap, int number, const char *file)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/block/zram%d/%s", number, file);
	return procfs_open(swap->root_fd, path);
}

static bool has_backing(const struct memory_swap *swap, int number)
{
	char path[PATH_SIZE];
	char line[PATH_MAX];

	snprintf(path, sizeof(path), "sys/block/zram%d/backing_dev", number);
	return procfs_read_line(swap->root_fd, path, line, sizeof(line)) > 0 &&
	       strcmp(line, "none") != 0;
}

void memory_swap_open(struct memory_swap *swap, int root_fd)
{
	*swap = (struct memory_swap){.root_fd = root_fd};
}

void memory_swap_close(struct memory_swap *swap)
{
	for (unsigned i = 0; i < swap->zram_count; i++) {
		if (swap->zrams[i].stat_fd >= 0)
			close(swap->zrams[i].stat_fd);
		if (swap->zrams[i].backing_fd >= 0)
			close(swap->zrams[i].backing_fd);
	}
	swap->zram_count = 0;
	swap->stored.known = swap->written.known = false;
}

static bool same_zrams(const struct memory_swap *swap, const struct memory_swaps *now)
{
	return swap->zram_count == now->zram_count &&
	       memcmp(swap->numbers, now->zrams, now->zram_count * sizeof(now->zrams[0])) == 0;
}

static void open_zrams(struct memory_swap *swap, const struct memory_swaps *now)
{
	memory_swap_close(swap);
	for (unsigned i = 0; i < now->zram_count; i++) {
		swap->numbers[i] = now->zrams[i];
		swap->zrams[i] = (struct memory_zram){
			.stat_fd = open_file(swap, now->zrams[i], "stat"),
			.backing_fd = has_backing(swap, now->zrams[i])
					      ? open_file(swap, now->zrams[i], "bd_stat")
					      : -ENOENT,
		};
	}
	swap->zram_count = now->zram_count;
}

static int read_stored(int fd, int64_t *ret_bytes)
{
	char text[TEXT_SIZE];
	struct disk_stat stat;
	int r = fd < 0 ? fd : procfs_read_records(fd, text, sizeof(text), sizeof(text));

	if (r >= 0)
		r = disk_stat_parse(text, &stat);
	if (r >= 0)
		*ret_bytes = stat.write_bytes;
	return r;
}

static int read_written(int fd, int64_t *ret_bytes)
{
	char text[TEXT_SIZE];
	int r = procfs_read_records(fd, text, sizeof(text), sizeof(text));

	return r < 0 ? r : memory_parse_zram_backing(text, ret_bytes);
}

/*
 * Takes a new sum over and tells by how much it grew. Returns false if that is not known: one of the
 * two is not, or it fell (the device was set up anew).
 */
static bool sum_step(struct memory_zram_sum *sum, bool known, int64_t bytes, int64_t *ret_growth)
{
	bool steps = sum->known && known && bytes >= sum->bytes;

	if (steps)
		*ret_growth = bytes - sum->bytes;
	sum->known = known;
	sum->bytes = bytes;
	return steps;
}

/* By how much more was written to zram. Returns false if that is not known. */
static bool stored_step(struct memory_swap *swap, int64_t *ret_growth)
{
	bool known = true;
	int64_t sum = 0;

	for (unsigned i = 0; i < swap->zram_count && known; i++) {
		int64_t bytes;

		known = read_stored(swap->zrams[i].stat_fd, &bytes) >= 0 &&
			!__builtin_add_overflow(sum, bytes, &sum);
	}
	return sum_step(&swap->stored, known, sum, ret_growth);
}

/* By how much more zram wrote to backing devices; 0 where it has none or does not tell. */
static int64_t written_step(struct memory_swap *swap)
{
	int64_t sum = 0;
	int64_t growth = 0;
	bool known = true;

	for (unsigned i = 0; i < swap->zram_count && known; i++) {
		int64_t bytes;

		if (swap->zrams[i].backing_fd < 0)
			continue;
		known = read_written(swap->zrams[i].backing_fd, &bytes) >= 0 &&
			!__builtin_add_overflow(sum, bytes, &sum);
	}
	return sum_step(&swap->written, known, sum, &growth) ? growth : 0;
}

static void add(struct memory_swap *swap, int64_t bytes)
{
	if (__builtin_add_overflow(swap->disk_out_bytes, bytes, &swap->disk_out_bytes))
		swap->disk_out_bytes = INT64_MAX;
}

/* Adds what of the growth of pswpout went to a disk. splits: zram stored that much of it. */
static void add_growth(struct memory_swap *swap, int64_t growth, bool splits, int64_t stored)
{
	int64_t share = growth;

	if (!splits)
		swap->ahead_bytes = 0;
	else if (__builtin_sub_overflow(growth + swap->ahead_bytes, stored, &share))
		share = 0;
	if (splits)
		swap->ahead_bytes = share < 0 ? share : 0;
	if (share > 0)
		add(swap, share);
}

int64_t memory_swap_update(struct memory_swap *swap, const struct memory_swaps *now,
			   int64_t out_bytes)
{
	bool same = same_zrams(swap, now);
	bool splits = false;
	int64_t stored = 0;

	if (!same)
		open_zrams(swap, now);
	if (now->kind == SWAP_MIXED)
		splits = stored_step(swap, &stored) && same && swap->kind == SWAP_MIXED;
	else
		swap->stored.known = false;
	add(swap, written_step(swap));

	/*
	 * Swap that was switched off since the last reading was there for a part of the growth, so
	 * the kind before counts as well. A fall is a wrap of a 32-bit kernel: the growth is then not
	 * known.
	 */
	bool on_disk = now->kind == SWAP_DISK || now->kind == SWAP_MIXED ||
		       swap->kind == SWAP_DISK || swap->kind == SWAP_MIXED;
	if (swap->primed && on_disk && out_bytes >= swap->out_bytes)
		add_growth(swap, out_bytes - swap->out_bytes, splits, stored);
	else
		swap->ahead_bytes = 0;
	swap->primed = true;
	swap->kind = now->kind;
	swap->out_bytes = out_bytes;
	return swap->disk_out_bytes;
}
