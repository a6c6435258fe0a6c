/* SPDX-License-Identifier: MIT */
/*
 * The only trace of an error that a retry has repaired. Only drivers for SDHCI count, those of Pi 4
 * and 5: on a Pi 2 or 3 everything stays zero. Starting a card at boot leaves errors behind, so what
 * counts is what is added to them.
 */
#include "collectors/err_stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"

/* Repaired errors are a matter of days. */
#define PERIOD_NS (60 * NS_PER_S)

void err_stats_open(struct err_stats *stats, int root_fd, const char *device)
{
	/* Since Linux 4.7 a disk has the number of its host. */
	char path[64];
	const char *end;
	int64_t host;

	*stats = (struct err_stats){.fd = -1};
	if (strncmp(device, "mmcblk", 6) != 0 || procfs_number(device + 6, &end, &host) < 0 ||
	    *end) {
		snprintf(stats->reason, sizeof(stats->reason),
			 "%s is no card: its host counts no errors", device);
		return;
	}
	snprintf(path, sizeof(path), "sys/kernel/debug/mmc%lld/err_stats", (long long)host);
	stats->fd = procfs_open(root_fd, path);
	if (stats->fd < 0)
		snprintf(stats->reason, sizeof(stats->reason),
			 "%s: %s: needs Linux 6.0, debugfs and CAP_DAC_READ_SEARCH", path,
			 procfs_strerror(stats->fd));
}

void err_stats_close(struct err_stats *stats)
{
	if (stats->fd >= 0)
		close(stats->fd);
	stats->fd = -1;
}

int err_stats_parse(const char *text, int64_t *ret_sum)
{
	int64_t sum = 0;

	if (!*text)
		return -EINVAL;
	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n');
		const char *colon = end ? memchr(line, ':', (size_t)(end - line)) : NULL;
		if (line[0] != '#' || !colon)
			return -EINVAL;
		const char *at = colon + 1 + strspn(colon + 1, "\t ");
		/* The kernel prints its 32 bits as if they had a sign. */
		bool negative = *at == '-';
		int64_t count;
		if (procfs_number(at + negative, &at, &count) < 0 || at != end ||
		    count > UINT32_MAX)
			return -EINVAL;
		sum += negative ? (INT64_C(1) << 32) - count : count;
		line = end + 1;
	}
	*ret_sum = sum;
	return 0;
}

void err_stats_read(struct err_stats *stats, int64_t now_ns)
{
	/* 15 lines of at most 45 bytes; room for twice as many. */
	char text[1536];
	int64_t sum;

	if (stats->fd < 0 || now_ns < stats->next_ns)
		return;
	stats->next_ns = now_ns + PERIOD_NS;
	int r = procfs_read(stats->fd, text, sizeof(text));
	if (r >= 0)
		r = err_stats_parse(text, &sum);
	if (r < 0) {
		snprintf(stats->reason, sizeof(stats->reason), "err_stats: %s", procfs_strerror(r));
		stats->known = false;
		return;
	}
	/* Less than before: somebody wrote to the file. */
	if (stats->known && sum > stats->sum)
		stats->errors += sum - stats->sum;
	stats->sum = sum;
	stats->known = true;
}
