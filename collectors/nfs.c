/* SPDX-License-Identifier: MIT */
/*
 * A root file system on NFS: how long the server takes, what had to be sent again, and whether it
 * answers at all. All of it comes from counters of the kernel that cost no packet, through a
 * descriptor that stays open: where the server is gone, whatever touches a path blocks without end,
 * and so would we.
 *
 * A stall is judged from the counters of the connections: since the last sign of life (an answer
 * received, an operation ended) requests were sent, and none was answered for stall_after. That more
 * was sent than received says nothing by itself: what was sent again has two sends and one answer,
 * for ever. Requests sent between the last answer and the reading that saw it are not taken for
 * waiting ones, which errs by one request on a machine that sends no other. And where the connection
 * is broken, nothing is sent and these counters rest as on an idle machine: then the kernel log
 * speaks ("server not responding").
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/nfs_parse.h"

#define STATS_PATH "proc/self/mountstats"
/* An NFS mount takes 6 KiB, another one 100 bytes; 1 MiB is a hundred of the first. */
#define MOST_BYTES (1024 * 1024)
/* Short enough to follow a server that gets slow, long enough for the few requests of a calm Pi. */
#define WINDOW_NS (10 * NS_PER_S)
/* One reading a second: the window, its older edge, and one for a reading that came early. */
#define WINDOW_POINTS 12

struct nfs_conf {
	int64_t stall_after;
};

struct nfs_point {
	int64_t at_ns;
	struct nfs_stats stats;
};

struct nfs {
	const struct nfs_conf *conf;
	int fd; /* negative: nothing to watch, the reason says why */
	char reason[128];
	char idle_reason[64];
	struct complaint complaint;
	struct nfs_scan scan;

	bool primed; /* what follows is valid */
	struct nfs_stats last;
	int64_t retransmits, timeouts; /* since the agent's start */
	int64_t life_sends;	       /* sends at the last sign of life */
	bool waiting;		       /* requests were sent since */
	int64_t waiting_ns;	       /* when that was seen first; the last reading if not */
	bool stalled;
	struct nfs_point points[WINDOW_POINTS]; /* oldest first */
	size_t point_count;
};

enum {
	NFS_SOURCE,
	NFS_RTT,
	NFS_EXECUTE,
	NFS_RETRANSMITS,
	NFS_TIMEOUTS,
	NFS_STALLED,
	NFS_METRICS,
};

static const struct metric nfs_metrics[NFS_METRICS] = {
	[NFS_SOURCE] = {.group = "fs",
			.name = "nfs_source",
			.unit = UNIT_TEXT,
			.help = "server and path of the root file system"},
	[NFS_RTT] = {.group = "fs",
		     .name = "nfs_rtt_ms",
		     .unit = UNIT_MS,
		     .idle_unknown = true,
		     .help = "mean time from request to answer, last 10 s"},
	[NFS_EXECUTE] = {.group = "fs",
			 .name = "nfs_execute_ms",
			 .unit = UNIT_MS,
			 .idle_unknown = true,
			 .help = "mean time of an operation with its waiting, last 10 s"},
	[NFS_RETRANSMITS] = {.group = "fs",
			     .name = "nfs_retransmits",
			     .kind = METRIC_COUNTER,
			     .help = "requests of ended operations that were sent again"},
	[NFS_TIMEOUTS] = {.group = "fs",
			  .name = "nfs_timeouts",
			  .kind = METRIC_COUNTER,
			  .help = "time-outs of ended operations"},
	[NFS_STALLED] = {.group = "fs",
			 .name = "nfs_stalled",
			 .unit = UNIT_BOOL,
			 .role = ROLE_STORAGE_FAILING,
			 .help = "requests were sent and none is answered"},
};

static const struct conf_item nfs_items[] = {
	CONF_ROW(
		struct nfs_conf, stall_after, CONF_DURATION, "10s", .min = NS_PER_S,
		.max = 3600 * NS_PER_S,
		.help = "requests to the server of the root file system while none is answered for "
			"this long are a stall"),
	{0},
};

/* Returns what nfs_scan_finish() does, or the errno of the file. */
static int read_stats(struct nfs *nfs, struct nfs_stats *ret_stats)
{
	/* seq_file hands out 4 KiB, or one mount if that is longer. */
	char chunk[8192];
	off_t offset = 0;

	nfs_scan_start(&nfs->scan);
	for (;;) {
		ssize_t got = pread(nfs->fd, chunk, sizeof(chunk), offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return nfs_scan_finish(&nfs->scan, ret_stats);
		offset += got;
		if (offset > MOST_BYTES)
			return -EFBIG;
		nfs_scan_bytes(&nfs->scan, chunk, (size_t)got);
	}
}

static void nfs_close(void *self)
{
	struct nfs *nfs = self;
	if (nfs->fd >= 0)
		close(nfs->fd);
	nfs->fd = -1;
}

static const char *trouble(int error)
{
	return error == -ENOENT ? "names no root file system" : procfs_strerror(error);
}

/* A root file system does not change its kind while it is in use: looked at once. */
static int nfs_open(void *self, const void *conf, const struct env *env)
{
	struct nfs *nfs = self;
	struct nfs_stats stats;
	nfs->conf = conf;
	nfs->fd = procfs_open(env->root_fd, STATS_PATH);
	if (nfs->fd < 0) {
		snprintf(nfs->reason, sizeof(nfs->reason), "/%s: %s", STATS_PATH,
			 procfs_strerror(nfs->fd));
		return 0;
	}
	int r = read_stats(nfs, &stats);
	if (r == 0) {
		log_info("nfs: root is on %s", nfs->scan.source);
	} else if (nfs->scan.root != NFS_ROOT_NFS) {
		nfs_close(nfs);
		if (r == NFS_OTHER)
			snprintf(nfs->reason, sizeof(nfs->reason), "%sroot is not on NFS",
				 NOT_APPLICABLE);
		else
			snprintf(nfs->reason, sizeof(nfs->reason), "/%s: %s", STATS_PATH,
				 trouble(r));
	}
	return 0;
}

/* Means over the operations that ended since the oldest point of the window. */
static void put_latency(struct nfs *nfs, const struct nfs_stats *stats, int64_t now_ns,
			struct batch *batch)
{
	/* The newest point stays whatever its age: an agent may sample less often than the window. */
	size_t old = 0;
	while (old + 1 < nfs->point_count && now_ns - nfs->points[old].at_ns > WINDOW_NS)
		old++;
	if (old == 0 && nfs->point_count == WINDOW_POINTS)
		old = 1;
	nfs->point_count -= old;
	memmove(nfs->points, nfs->points + old, nfs->point_count * sizeof(nfs->points[0]));

	const struct nfs_point *first = &nfs->points[0];
	int64_t count = nfs->point_count ? nfs_step(first->stats.operations, stats->operations) : 0;
	if (count > 0) {
		int64_t rtt_ms = nfs_step(first->stats.rtt_ms, stats->rtt_ms);
		int64_t execute_ms = nfs_step(first->stats.execute_ms, stats->execute_ms);
		batch_value(batch, NFS_RTT, mul_div(rtt_ms, 1, count));
		batch_value(batch, NFS_EXECUTE, mul_div(execute_ms, 1, count));
	} else {
		const char *reason = "the first reading: a mean needs two";
		if (nfs->point_count) {
			reason = nfs->idle_reason;
			snprintf(nfs->idle_reason, sizeof(nfs->idle_reason),
				 "no operation ended in the last %lld s",
				 (long long)((now_ns - first->at_ns + NS_PER_S / 2) / NS_PER_S));
		}
		batch_unknown(batch, NFS_RTT, reason);
		batch_unknown(batch, NFS_EXECUTE, reason);
	}
	nfs->points[nfs->point_count++] = (struct nfs_point){.at_ns = now_ns, .stats = *stats};
}

static void put_stalled(struct nfs *nfs, const struct nfs_stats *stats, int64_t now_ns,
			struct batch *batch)
{
	bool life = !nfs->primed || stats->receives != nfs->last.receives ||
		    stats->operations != nfs->last.operations;
	int64_t quiet_s = nfs->primed ? (now_ns - nfs->waiting_ns) / NS_PER_S : 0;
	int64_t sent = life ? 0 : nfs_step(nfs->life_sends, stats->sends);
	if (sent == 0)
		nfs->life_sends = stats->sends;
	/* From the first reading that saw it: an agent may sample less often than stall_after. */
	if (sent == 0 || !nfs->waiting)
		nfs->waiting_ns = now_ns;
	nfs->waiting = sent > 0;

	bool stalled = now_ns - nfs->waiting_ns >= nfs->conf->stall_after;
	if (stalled && !nfs->stalled) {
		struct event *event =
			batch_event(batch, "nfs-stall", SEVERITY_CRITICAL,
				    "%s: %lld requests sent and none was answered for %lld s",
				    nfs->scan.source, (long long)sent, (long long)quiet_s);
		event_put(event, "sent", sent);
		event_put(event, "quiet_s", quiet_s);
	} else if (!stalled && nfs->stalled) {
		struct event *event = batch_event(batch, "nfs-stall-end", SEVERITY_INFO,
						  "%s answers requests again, after %lld s",
						  nfs->scan.source, (long long)quiet_s);
		event_put(event, "quiet_s", quiet_s);
	}
	nfs->stalled = stalled;
	batch_value(batch, NFS_STALLED, stalled);
}

static int nfs_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct nfs *nfs = self;
	struct nfs_stats stats;
	int r = nfs->fd >= 0 ? read_stats(nfs, &stats) : -ENOENT;
	if (r == NFS_OTHER)
		r = -ENOENT;
	if (r < 0) {
		if (nfs->fd >= 0) {
			snprintf(nfs->reason, sizeof(nfs->reason), "/%s: %s", STATS_PATH,
				 trouble(r));
			complaint_raise(&nfs->complaint, "nfs: %s", nfs->reason);
		}
		for (unsigned i = 0; i < NFS_METRICS; i++)
			batch_unknown(ret_batch, i, nfs->reason);
		return 0;
	}
	complaint_clear(&nfs->complaint, "nfs");

	if (nfs->primed) {
		nfs->timeouts += nfs_step(nfs->last.timeouts, stats.timeouts);
		int64_t again = nfs_step(nfs->last.transmissions, stats.transmissions) -
				nfs_step(nfs->last.operations, stats.operations);
		if (again > 0)
			nfs->retransmits += again;
	}
	batch_text(ret_batch, NFS_SOURCE, nfs->scan.source);
	put_latency(nfs, &stats, now_ns, ret_batch);
	batch_value(ret_batch, NFS_RETRANSMITS, nfs->retransmits);
	batch_value(ret_batch, NFS_TIMEOUTS, nfs->timeouts);
	put_stalled(nfs, &stats, now_ns, ret_batch);
	nfs->last = stats;
	nfs->primed = true;
	return 0;
}

const struct collector nfs_collector = {
	.module =
		{
			.name = "nfs",
			.metrics = nfs_metrics,
			.metric_count = NFS_METRICS,
			.conf = nfs_items,
			.conf_size = sizeof(struct nfs_conf),
			.self_size = sizeof(struct nfs),
			.period_ns = NS_PER_S,
			.open = nfs_open,
			.read = nfs_read,
			.close = nfs_close,
		},
};
