/* SPDX-License-Identifier: MIT */
/*
 * What the NFS client counts about the root file system, out of /proc/self/mountstats (statvers 1.1).
 * Pure: bytes come in as they are read, in pieces of any size, so that the file may be long.
 */
#ifndef HOSTINGPI_COLLECTORS_NFS_PARSE_H
#define HOSTINGPI_COLLECTORS_NFS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 2 KiB: NFS limits a path to 1 KiB; only lines of options are longer, and nobody needs those. */
#define NFS_LINE_SIZE 2048

/* All but milliseconds are `unsigned long`: 32 bits on a 32-bit kernel. */
struct nfs_stats {
	/* Of the connections, which mounts of the same server share. */
	int64_t sends, receives;
	/* Of the operations that have ended, all kinds together. */
	int64_t operations, transmissions, timeouts;
	int64_t rtt_ms, execute_ms;
};

enum {
	NFS_OTHER = 1, /* the root file system is not NFS */
};

enum nfs_root {
	NFS_ROOT_UNSEEN,
	NFS_ROOT_OTHER,
	NFS_ROOT_NFS,
};

struct nfs_scan {
	enum nfs_root root;
	bool inside;	 /* in the lines of the root file system */
	bool operations; /* in its table of operations */
	bool bad;
	bool has_transport, has_operation;
	struct nfs_stats stats;
	char source[64]; /* "SERVER:/PATH", cut if longer: for people */
	bool skip;	 /* the line is too long */
	size_t used;
	char line[NFS_LINE_SIZE];
};

void nfs_scan_start(struct nfs_scan *scan);
/* Takes the next bytes of the file, up to its end. */
void nfs_scan_bytes(struct nfs_scan *scan, const char *bytes, size_t length);
/*
 * At the end. Returns 0 and the counters of the root file system; NFS_OTHER; -ENOENT if there is no
 * root file system in the file; -EINVAL if its lines are not in the expected form.
 */
int nfs_scan_finish(const struct nfs_scan *scan, struct nfs_stats *ret_stats);

/* How far a counter went on, given that it may have wrapped at 2^32; 0 if it was reset. */
int64_t nfs_step(int64_t before, int64_t after);

#endif
