/* SPDX-License-Identifier: MIT */
/*
 * Which disk a line is about, and whether it is one of ours: the disk under the root file system, or
 * one with swap on it. A broken USB stick is somebody's trouble, but it does not take this Pi down.
 */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_DISKS_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/disk.h"
#include "collectors/kernel_log_match.h"

/* A root on a mirror of two disks, or encrypted, and swap on two more. */
#define KLOG_OWN_DISKS 6
/* The kernel has at most 32 swap areas; nobody has more than a few, or zram on each processor. */
#define KLOG_SWAP_NUMBERS 16

struct klog_swap_number {
	int64_t major, minor;
	char disk[DISK_NAME_SIZE]; /* empty: zram */
};

struct klog_disks {
	char root
		[DISK_NAME_SIZE]; /* the device that is mounted on "/"; empty: none, or not known */
	bool all_ours;		  /* nobody knows where the root is: all disks count */
	bool hosts_known;	  /* the next one is valid */
	uint32_t mmc_hosts; /* bit per mmc host that carries a disk; the radio chip's does not */
	char nfs_server
		[64]; /* of a root on NFS, as lines of the kernel name it; empty: no such root */
	unsigned own_count, root_count; /* those of the root come first and stay */
	char own[KLOG_OWN_DISKS][DISK_NAME_SIZE];
	unsigned number_count;
	struct klog_swap_number numbers[KLOG_SWAP_NUMBERS];
};

/* Looks for the root's disk and everything else, below root_fd; real_root: that is "/". */
void klog_disks_find(struct klog_disks *disks, int root_fd, bool real_root);
/*
 * Looks again for swap and for cards that were put in: both come and go. Reads below proc and sys only, and
 * keeps what it cannot read.
 */
void klog_disks_refresh(struct klog_disks *disks, int root_fd);

/* What a line is about. */
struct klog_place {
	char disk[DISK_NAME_SIZE];
	bool ours;
	bool below_root; /* the disk under the root file system; false: one with swap, or not ours */
	bool root;	 /* the root file system, or the card that it is on */
};

/* False for what is no storage at all: the radio chip, loop, zram and optical drives. Pure. */
bool klog_disks_place(const struct klog_disks *disks, const struct klog_match *match,
		      struct klog_place *ret_place);

/* "mmcblk0p2" to "mmcblk0", by the kernel's rules for names. disk has room for DISK_NAME_SIZE. Pure. */
void klog_disk_of(const char *device, char *ret_disk);

/*
 * The device of the next line of /proc/swaps, without "/dev/"; empty for a file. Moves *text behind the
 * line. False at the end. Pure.
 */
bool klog_swaps_next(const char **text, char *ret_device, size_t size);

#endif
