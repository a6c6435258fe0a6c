/* SPDX-License-Identifier: MIT */
/* Who this Pi is: its id in topics, the board and the kernel. Read once at start. */
#ifndef HOSTINGPI_IDENTITY_H
#define HOSTINGPI_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "agent/env.h"
#include "agent/report.h"

struct identity {
	char id[65];
	char model[96];	      /* empty: unknown */
	char kernel[96];      /* empty: unknown */
	char serial_hash[13]; /* of the SoC's serial number; empty: it has none */
	const char *origin;   /* where the id comes from, for people; static */
};

/*
 * Fills identity. configured is the id from the configuration or empty; then the id is derived from
 * the SoC serial number, else from the machine id, hashed so that neither leaves the Pi, else from
 * the boot id (that one changes at each boot, and origin says so).
 */
void identity_read(int root_fd, const char *configured, struct identity *ret_identity);

/* FNV-1a, 64 bits: for identifiers and digests, not for secrets. Start with hash 0. */
uint64_t identity_hash(uint64_t hash, const void *bytes, size_t size);

/*
 * Names a message: the time and a random number, so that it is another one on every Pi and after every
 * start. Services know by it that a second attempt is no second message.
 */
void identity_name_message(const struct env *env, char ret_id[static OPERATOR_ID_SIZE]);

#endif
