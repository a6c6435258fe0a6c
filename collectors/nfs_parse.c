/* SPDX-License-Identifier: MIT */
/*
 * The file has a paragraph for each mount, NFS or not: a line "device SERVER:/PATH mounted on / with
 * fstype nfs4 statvers=1.1" and, indented, what that file system wants to tell (show_vfsstat() in
 * fs/proc_namespace.c, nfs_show_stats() in fs/nfs/super.c, rpc_clnt_show_stats() in
 * net/sunrpc/stats.c). Blanks in names are escaped. Of that two things are wanted:
 *
 * `xprt:`, one line for each connection, with the requests sent and the answers received, counted as
 * they happen (print_stats() in net/sunrpc/xprtsock.c);
 *
 * `per-op statistics`, a line for each kind of operation, counted when an operation has ended
 * (rpc_count_iostats() in net/sunrpc/stats.c): how many, transmissions, time-outs, bytes sent and
 * received, milliseconds in the queue, to the answer and in all, and, since Linux 5.3, errors.
 */
#include "collectors/nfs_parse.h"

#include <errno.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/sample.h"

/* Columns of an operation. */
enum {
	OP_COUNT,
	OP_TRANSMISSIONS,
	OP_TIMEOUTS,
	OP_SENT,
	OP_RECEIVED,
	OP_QUEUE_MS,
	OP_RTT_MS,
	OP_EXECUTE_MS,
	OP_COLUMNS,
};

/* The columns of a connection that are needed; the others differ from kernel to kernel. */
#define XPRT_COLUMNS 8

void nfs_scan_start(struct nfs_scan *scan)
{
	*scan = (struct nfs_scan){.root = NFS_ROOT_UNSEEN};
}

/*
 * Reads up to count numbers, each after blanks; a number that does not fit, or is negative, becomes
 * -1 (the queue time of a request that was never sent is such a one in older kernels). Returns how
 * many there are, or -EINVAL.
 */
static int read_numbers(const char *text, int64_t *ret_values, int count)
{
	int found = 0;

	for (text += strspn(text, " "); *text && found < count; text += strspn(text, " ")) {
		bool negative = *text == '-';
		int64_t value = -1;
		int r = procfs_number(text + negative, &text, &value);
		if (r == -ERANGE)
			text += negative + strspn(text + negative, "0123456789");
		else if (r < 0)
			return r;
		if (*text && *text != ' ')
			return -EINVAL;
		ret_values[found++] = r < 0 || negative ? -1 : value;
	}
	return found;
}

static void add(struct nfs_scan *scan, int64_t *sum, int64_t value)
{
	if (value < 0 || __builtin_add_overflow(*sum, value, sum))
		scan->bad = true;
}

/* "tcp 832 1 1 0 0 12 12 0 ...": the place of the sends, the receives follow. */
static void take_transport(struct nfs_scan *scan, const char *text)
{
	static const struct {
		const char *name;
		int sends;
	} kinds[] = {
		{"tcp ", 5},
		{"rdma ", 5},
		{"udp ", 2},
	};
	int64_t values[XPRT_COLUMNS];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].name);
		if (strncmp(text, kinds[i].name, length) != 0)
			continue;
		if (read_numbers(text + length, values, XPRT_COLUMNS) < kinds[i].sends + 2) {
			scan->bad = true;
			return;
		}
		add(scan, &scan->stats.sends, values[kinds[i].sends]);
		add(scan, &scan->stats.receives, values[kinds[i].sends + 1]);
		scan->has_transport = true;
		return;
	}
}

/* "GETATTR: 12 12 0 1440 1344 0 9 10 0" */
static void take_operation(struct nfs_scan *scan, const char *text)
{
	int64_t values[OP_COLUMNS];
	const char *colon = strchr(text, ':');

	if (!colon || colon[1] != ' ' || read_numbers(colon + 1, values, OP_COLUMNS) < OP_COLUMNS) {
		scan->bad = true;
		return;
	}
	add(scan, &scan->stats.operations, values[OP_COUNT]);
	add(scan, &scan->stats.transmissions, values[OP_TRANSMISSIONS]);
	add(scan, &scan->stats.timeouts, values[OP_TIMEOUTS]);
	add(scan, &scan->stats.rtt_ms, values[OP_RTT_MS]);
	add(scan, &scan->stats.execute_ms, values[OP_EXECUTE_MS]);
	scan->has_operation = true;
}

/* A line that begins a mount. The last mount on "/" is the one on top. */
static void take_mount(struct nfs_scan *scan, char *line)
{
	static const char device[] = "device ";
	static const char root[] = " mounted on / with fstype ";
	char *at = strstr(line, root);

	scan->inside = false;
	if (!at)
		return;
	const char *type = at + sizeof(root) - 1;
	scan->root = NFS_ROOT_OTHER;
	scan->stats = (struct nfs_stats){0};
	scan->operations = scan->has_transport = scan->has_operation = false;
	if (strncmp(type, "nfs ", 4) != 0 && strncmp(type, "nfs4 ", 5) != 0)
		return;
	scan->root = NFS_ROOT_NFS;
	scan->inside = true;
	scan->bad = strcmp(strchr(type, ' '), " statvers=1.1") != 0;
	*at = '\0';
	text_copy(scan->source, sizeof(scan->source),
		  strncmp(line, device, sizeof(device) - 1) == 0 ? line + sizeof(device) - 1 : "?");
}

static void take_line(struct nfs_scan *scan, char *line)
{
	if (*line != '\t') {
		take_mount(scan, line);
		return;
	}
	if (!scan->inside)
		return;
	const char *text = line + strspn(line, "\t ");
	if (scan->operations)
		take_operation(scan, text);
	else if (strncmp(text, "xprt:\t", 6) == 0)
		take_transport(scan, text + 6);
	else if (strcmp(text, "per-op statistics") == 0)
		scan->operations = true;
}

void nfs_scan_bytes(struct nfs_scan *scan, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	while (bytes < end) {
		const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t part = (size_t)((line_end ? line_end : end) - bytes);
		if (part >= sizeof(scan->line) - scan->used)
			scan->skip = true;
		if (!scan->skip) {
			memcpy(scan->line + scan->used, bytes, part);
			scan->used += part;
		}
		bytes += part;
		if (!line_end)
			break;
		bytes++;
		scan->line[scan->used] = '\0';
		scan->used = 0;
		if (!scan->skip)
			take_line(scan, scan->line);
		scan->skip = false;
	}
}

int nfs_scan_finish(const struct nfs_scan *scan, struct nfs_stats *ret_stats)
{
	switch (scan->root) {
	case NFS_ROOT_UNSEEN:
		return -ENOENT;
	case NFS_ROOT_OTHER:
		return NFS_OTHER;
	case NFS_ROOT_NFS:
		break;
	}
	/* What stands without a line end was cut off. */
	if (scan->bad || scan->used > 0 || !scan->has_transport || !scan->has_operation)
		return -EINVAL;
	*ret_stats = scan->stats;
	return 0;
}

int64_t nfs_step(int64_t before, int64_t after)
{
	const int64_t wrap = INT64_C(1) << 32;
	if (after >= before)
		return after - before;
	/* A step of more than half the range is no wrap: the counter began again at zero. */
	int64_t step = after + wrap - before;
	return before < wrap && step < wrap / 2 ? step : 0;
}
