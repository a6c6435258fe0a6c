/* SPDX-License-Identifier: MIT */
/* /sys/block/NAME/stat and lines of /proc/self/mountinfo. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';

	struct disk_stat stat;
	if (disk_stat_parse(text, &stat) == 0) {
		if (stat.reads < 0 || stat.writes < 0 || stat.write_bytes < 0 ||
		    stat.in_flight < 0 || stat.write_ms < 0 || stat.write_ms > UINT32_MAX ||
		    stat.queue_ms < 0 || stat.queue_ms > UINT32_MAX)
			abort();
		struct disk_stat zero = {0};
		int64_t busy_ns = disk_stat_busy_ns(&zero, &stat, 1000);
		if (busy_ns < 0 || busy_ns > 1000)
			abort();
		int64_t bytes = disk_stat_step_bytes(0, stat.write_bytes);
		if (bytes != stat.write_bytes || disk_stat_step_bytes(stat.write_bytes, 0) < -1)
			abort();
		int64_t step = disk_stat_step(stat.reads, stat.writes);
		if (step < -1 || disk_stat_step(stat.reads, stat.reads) != 0 ||
		    disk_stat_step_ms(stat.write_ms, stat.write_ms) != 0)
			abort();
	}

	struct disk_mount mount;
	if (disk_mount_parse(text, &mount) == 0) {
		if (mount.major < 0 || mount.minor < 0 || !mount.type[0] || !mount.source[0] ||
		    strlen(mount.type) >= sizeof(mount.type) ||
		    strlen(mount.source) >= sizeof(mount.source) ||
		    strlen(mount.lower) >= sizeof(mount.lower) ||
		    (mount.stopped && !mount.read_only))
			abort();
	}
	free(text);
	return 0;
}
