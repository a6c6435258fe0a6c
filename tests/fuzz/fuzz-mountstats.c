/* SPDX-License-Identifier: MIT */
/* /proc/self/mountstats, in pieces whose size the input chooses. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/nfs_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int scan_in_pieces(struct nfs_scan *scan, const char *text, size_t size, size_t piece,
			  struct nfs_stats *ret_stats)
{
	nfs_scan_start(scan);
	for (size_t at = 0; at < size; at += piece)
		nfs_scan_bytes(scan, text + at, size - at < piece ? size - at : piece);
	return nfs_scan_finish(scan, ret_stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nfs_scan scan;
	struct nfs_stats stats = {0}, again = {0};

	if (size == 0)
		return 0;
	/* Memory of exactly that size, so that a byte too far is seen. */
	char *text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data, size);

	int r = scan_in_pieces(&scan, text, size, size, &stats);
	if (r == 0 && (stats.sends < 0 || stats.receives < 0 || stats.operations < 0 ||
		       stats.transmissions < 0 || stats.timeouts < 0 || stats.rtt_ms < 0 ||
		       stats.execute_ms < 0 || nfs_step(stats.sends, stats.receives) < 0 ||
		       !scan.source[0] || strlen(scan.source) >= sizeof(scan.source)))
		abort();
	/* Where the file was cut into reads must not matter. */
	if (scan_in_pieces(&scan, text, size, 1 + (size_t)data[0], &again) != r ||
	    memcmp(&stats, &again, sizeof(stats)) != 0)
		abort();
	free(text);
	return 0;
}
