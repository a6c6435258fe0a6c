/* SPDX-License-Identifier: MIT */
/*
 * A host name is no identity: it changes, and images are cloned with it (several Pis then collapse
 * into one device at the subscriber). Serial number and machine id are stable but personal, so only
 * a hash of them is shown.
 */
#include "agent/identity.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

uint64_t identity_hash(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	if (hash == 0)
		hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * UINT64_C(1099511628211);
	return hash;
}

/*
 * 48 bits of the hash of a number that identifies the board or its system, in hexadecimal. That keeps
 * the number from being read, not from being guessed: a serial number has few bits. Returns whether
 * there is such a number.
 */
static bool hash_of(int root_fd, const char *path, char ret_hash[13])
{
	char text[128];
	int length = procfs_read_line(root_fd, path, text, sizeof(text));

	/* Shorter than this is "uninitialized" or a placeholder of zeroes. */
	if (length < 8 || strspn(text, "0-") == (size_t)length)
		return false;
	uint64_t hash = identity_hash(0, "hostingpi", 9);
	hash = identity_hash(hash, text, (size_t)length);
	snprintf(ret_hash, 13, "%012llx", (unsigned long long)(hash & UINT64_C(0xffffffffffff)));
	return true;
}

static void derive_id(int root_fd, struct identity *identity)
{
	static const struct {
		const char *path, *origin;
	} sources[] = {
		{"etc/machine-id", "machine id"},
		{"proc/sys/kernel/random/boot_id",
		 "boot id: it changes at each boot, set [agent] id"},
	};
	char hash[13];

	if (identity->serial_hash[0]) {
		snprintf(identity->id, sizeof(identity->id), "pi-%s", identity->serial_hash);
		identity->origin = "SoC serial number";
		return;
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!hash_of(root_fd, sources[i].path, hash))
			continue;
		snprintf(identity->id, sizeof(identity->id), "pi-%s", hash);
		identity->origin = sources[i].origin;
		return;
	}
	snprintf(identity->id, sizeof(identity->id), "pi-unnamed");
	identity->origin = "nothing found to derive it from, set [agent] id";
}

void identity_read(int root_fd, const char *configured, struct identity *ret_identity)
{
	struct identity identity = {.origin = "configuration"};

	if (!hash_of(root_fd, "proc/device-tree/serial-number", identity.serial_hash))
		identity.serial_hash[0] = '\0';
	if (configured[0])
		snprintf(identity.id, sizeof(identity.id), "%s", configured);
	else
		derive_id(root_fd, &identity);
	if (procfs_read_line(root_fd, "proc/device-tree/model", identity.model,
			     sizeof(identity.model)) < 0 &&
	    procfs_read_line(root_fd, "sys/class/dmi/id/product_name", identity.model,
			     sizeof(identity.model)) < 0)
		identity.model[0] = '\0';
	if (procfs_read_line(root_fd, "proc/sys/kernel/osrelease", identity.kernel,
			     sizeof(identity.kernel)) < 0)
		identity.kernel[0] = '\0';
	*ret_identity = identity;
}

void identity_name_message(const struct env *env, char ret_id[static OPERATOR_ID_SIZE])
{
	snprintf(ret_id, OPERATOR_ID_SIZE, "%08" PRIx32 "-%08" PRIx32,
		 (uint32_t)(env_wall_ms(env) / 1000), env_entropy(env));
}
