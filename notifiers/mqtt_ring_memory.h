/* SPDX-License-Identifier: MIT */
/*
 * The memory of the ring: a file in run_dir, mapped, if that is a tmpfs; so it survives the process but not a
 * reboot. Anonymous memory otherwise: never a file on a disk. Parts are reserved before they are first
 * written (a full tmpfs would answer a write with SIGBUS) and given back when they are empty.
 */
#ifndef HOSTINGPI_MQTT_RING_MEMORY_H
#define HOSTINGPI_MQTT_RING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The budget of the design: 512 KiB, of which events have a part of their own. */
#define MQTT_RING_BYTES (512 * 1024)

struct mqtt_ring_memory {
	char *bytes; /* MQTT_RING_BYTES, page-aligned; zero where nothing was ever written */
	/*
	 * Before a part is first written: 0 or -ENOSPC, and then it must not be touched. Offset and
	 * length are multiples of 4096. NULL: all of it may be written.
	 */
	int (*reserve)(void *context, size_t offset, size_t length);
	/* Gives a part back; what it reads as from then on is not told. NULL: stays. */
	void (*release)(void *context, size_t offset, size_t length);
	void *context;
};

struct mqtt_ring_file; /* opaque */

/*
 * Opens RUN_DIR/mqtt-ring (mode 0600), or anonymous memory where that is not possible: no such
 * directory, not a tmpfs, no right to write, in use by another process; ret_reason then says why in a few words, and is empty else.
 * Returns 0 or -ENOMEM.
 */
int mqtt_ring_file_open(struct mqtt_ring_file **ret_file, const char *run_dir, char *ret_reason,
			size_t size);
const struct mqtt_ring_memory *mqtt_ring_file_memory(const struct mqtt_ring_file *file);
/*
 * True once if somebody has cut the file short while it was in use. It is anonymous memory since then, what was
 * in it reads as zero, and ret_reason says so.
 */
bool mqtt_ring_file_was_cut(struct mqtt_ring_file *file, char *ret_reason, size_t size);
/* Unmaps; what is in the file stays there. NULL is fine. */
void mqtt_ring_file_close(struct mqtt_ring_file *file);

#endif
