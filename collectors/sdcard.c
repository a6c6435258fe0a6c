/* SPDX-License-Identifier: MIT */
/*
 * The block layer's counters of the disk under the root file system. A dying card is slow long before
 * the kernel log says a word: a write may take 3 s, a busy card 10 s, a request 60 s, and retries
 * multiply. So the latency of finished writes is watched, and whether anything finishes at all. The
 * counters come through one descriptor that stays open: with the card gone no file opens any more.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/disk.h"

/* Short enough to follow a card that gets slow, long enough for the few writes of a calm Pi. */
#define WINDOW_NS (10 * NS_PER_S)
/* One reading a second: the window, its older edge, and one for a reading that came early. */
#define WINDOW_POINTS 12
/* A disk that is not there yet is looked for at this pace. */
#define RETRY_NS (10 * NS_PER_S)
#define AUTO "auto"

struct sdcard_conf {
	char device[DISK_NAME_SIZE];
	int64_t stall_after;
};

struct point {
	int64_t at_ns, writes, write_ms;
};

struct sdcard {
	const struct env *env;
	const struct sdcard_conf *conf;
	int stat_fd;
	char device[DISK_NAME_SIZE]; /* empty: not known yet */
	char reason[160];	     /* why there are no readings */
	char latency_reason[64];
	bool gone; /* it was there; for the file systems on it this is final */
	bool gone_told;
	int64_t retry_ns;
	struct complaint complaint;

	bool primed; /* last and progress_ns are valid */
	struct disk_stat last;
	int64_t progress_ns; /* when a request was last seen to finish, or none waited */
	bool stalled;
	struct point points[WINDOW_POINTS]; /* oldest first */
	size_t point_count;
};

enum {
	SD_DEVICE,
	SD_WRITE_LATENCY,
	SD_WRITE_BYTES,
	SD_IN_FLIGHT,
	SD_STALLED,
	SD_METRICS,
};

static const struct metric sdcard_metrics[SD_METRICS] = {
	[SD_DEVICE] = {.group = "sd",
		       .name = "device",
		       .unit = UNIT_TEXT,
		       .help = "disk that is watched"},
	[SD_WRITE_LATENCY] = {.group = "sd",
			      .name = "write_latency_ms",
			      .unit = UNIT_MS,
			      .idle_unknown = true,
			      .help = "mean time of a finished write, last 10 s"},
	[SD_WRITE_BYTES] = {.group = "sd",
			    .rate_name = "write_bytes_s",
			    .kind = METRIC_COUNTER,
			    .unit = UNIT_BYTES,
			    .help = "bytes written to the disk"},
	[SD_IN_FLIGHT] = {.group = "sd",
			  .name = "in_flight",
			  .unit = UNIT_COUNT,
			  .help = "requests that wait for the disk"},
	[SD_STALLED] = {.group = "sd",
			.name = "stalled",
			.unit = UNIT_BOOL,
			.role = ROLE_STORAGE_FAILING,
			.help = "requests wait and none finishes"},
};

static const struct conf_item sdcard_items[] = {
	CONF_ROW(struct sdcard_conf, device, CONF_NAME, AUTO, .min = 1,
		 .help = "disk to watch: auto (the one under the root file system) or a name "
			 "such as mmcblk0, sda"),
	CONF_ROW(struct sdcard_conf, stall_after, CONF_DURATION, "10s", .min = NS_PER_S,
		 .max = 3600 * NS_PER_S,
		 .help = "requests that wait while none finishes for this long are a stall"),
	{0},
};

/* Looks for the disk and opens its counters; without success the reason says what to do. */
static void find_device(struct sdcard *sd)
{
	const struct env *env = sd->env;
	const char *wanted = sd->conf->device;
	char device[DISK_NAME_SIZE];

	if (strcmp(wanted, AUTO) == 0) {
		if (disk_find_root(env->root_fd, device, sizeof(device), sd->reason,
				   sizeof(sd->reason)) != 0)
			return;
	} else if (disk_of_device(env->root_fd, wanted, device, sizeof(device)) < 0) {
		snprintf(sd->reason, sizeof(sd->reason),
			 "sys/block/%s is missing: connect it, or set device in [sdcard]", wanted);
		return;
	}

	char path[sizeof("sys/block//stat") + DISK_NAME_SIZE];
	snprintf(path, sizeof(path), "sys/block/%s/stat", device);
	int fd = procfs_open(env->root_fd, path);
	if (fd < 0) {
		snprintf(sd->reason, sizeof(sd->reason), "%s: %s", path, procfs_strerror(fd));
		return;
	}
	sd->stat_fd = fd;
	strcpy(sd->device, device);
	log_info("sdcard: watching %s", device);
}

static int sdcard_open(void *self, const void *conf, const struct env *env)
{
	struct sdcard *sd = self;
	sd->env = env;
	sd->conf = conf;
	sd->stat_fd = -1;
	find_device(sd);
	if (sd->stat_fd < 0)
		log_info("sdcard: %s", sd->reason);
	sd->retry_ns = env_now_ns(env) + RETRY_NS;
	return 0;
}

static void sdcard_close(void *self)
{
	struct sdcard *sd = self;
	if (sd->stat_fd >= 0)
		close(sd->stat_fd);
	sd->stat_fd = -1;
}

/* Mean time of the writes that finished since the oldest point of the window. */
static void put_latency(struct sdcard *sd, const struct disk_stat *stat, int64_t now_ns,
			struct batch *batch)
{
	if (sd->primed && disk_stat_step(sd->last.writes, stat->writes) < 0)
		sd->point_count = 0; /* another device by the same name */

	/* The newest point stays whatever its age: an agent may sample less often than the window. */
	size_t old = 0;
	while (old + 1 < sd->point_count && now_ns - sd->points[old].at_ns > WINDOW_NS)
		old++;
	if (old == 0 && sd->point_count == WINDOW_POINTS)
		old = 1;
	sd->point_count -= old;
	memmove(sd->points, sd->points + old, sd->point_count * sizeof(sd->points[0]));

	const struct point *first = &sd->points[0];
	int64_t writes = sd->point_count ? disk_stat_step(first->writes, stat->writes) : -1;
	if (writes > 0) {
		int64_t ms = disk_stat_step_ms(first->write_ms, stat->write_ms);
		batch_value(batch, SD_WRITE_LATENCY, (ms + writes / 2) / writes);
	} else if (writes == 0) {
		snprintf(sd->latency_reason, sizeof(sd->latency_reason),
			 "no writes finished in the last %lld s",
			 (long long)((now_ns - first->at_ns + NS_PER_S / 2) / NS_PER_S));
		batch_unknown(batch, SD_WRITE_LATENCY, sd->latency_reason);
	} else {
		batch_unknown(batch, SD_WRITE_LATENCY, "the first reading: a mean needs two");
		sd->point_count = 0;
	}
	sd->points[sd->point_count++] =
		(struct point){.at_ns = now_ns, .writes = stat->writes, .write_ms = stat->write_ms};
}

static void put_stalled(struct sdcard *sd, const struct disk_stat *stat, int64_t now_ns,
			struct batch *batch)
{
	bool finished = !sd->primed || stat->reads != sd->last.reads ||
			stat->writes != sd->last.writes || stat->discards != sd->last.discards ||
			stat->flushes != sd->last.flushes;
	int64_t quiet_s = sd->primed ? (now_ns - sd->progress_ns) / NS_PER_S : 0;
	if (finished || stat->in_flight == 0)
		sd->progress_ns = now_ns;

	bool stalled = now_ns - sd->progress_ns >= sd->conf->stall_after;
	if (stalled && !sd->stalled) {
		struct event *event =
			batch_event(batch, "sd-stall", SEVERITY_CRITICAL,
				    "%s: %lld requests wait and none has finished for %lld s",
				    sd->device, (long long)stat->in_flight, (long long)quiet_s);
		event_put(event, "in_flight", stat->in_flight);
		event_put(event, "quiet_s", quiet_s);
	} else if (!stalled && sd->stalled) {
		struct event *event = batch_event(batch, "sd-stall-end", SEVERITY_INFO,
						  "%s finishes requests again, after %lld s",
						  sd->device, (long long)quiet_s);
		event_put(event, "quiet_s", quiet_s);
	}
	sd->stalled = stalled;
	batch_value(batch, SD_STALLED, stalled);
}

/* No counters this time. A disk that vanished is a stall without end; anything else is unknown. */
static void put_trouble(struct sdcard *sd, struct batch *batch)
{
	if (sd->device[0])
		batch_text(batch, SD_DEVICE, sd->device);
	else
		batch_unknown(batch, SD_DEVICE, sd->reason);
	batch_unknown(batch, SD_WRITE_LATENCY, sd->reason);
	batch_unknown(batch, SD_WRITE_BYTES, sd->reason);
	batch_unknown(batch, SD_IN_FLIGHT, sd->reason);
	if (!sd->gone) {
		batch_unknown(batch, SD_STALLED, sd->reason);
		return;
	}
	batch_value(batch, SD_STALLED, 1);
	if (!sd->gone_told)
		batch_event(batch, "sd-gone", SEVERITY_CRITICAL, "%s", sd->reason);
	sd->gone_told = true;
}

static int read_stat(struct sdcard *sd, struct disk_stat *ret_stat)
{
	/* 17 numbers of at most 20 digits with their blanks; room for 7 more. */
	char buffer[512];
	int r = procfs_read(sd->stat_fd, buffer, sizeof(buffer));
	return r < 0 ? r : disk_stat_parse(buffer, ret_stat);
}

/* Remembers why the counters cannot be read. */
static void note_trouble(struct sdcard *sd, int error)
{
	if (error == -ENODEV || error == -ENXIO) {
		/*
		 * The descriptor of a removed device stays dead. A new one is not looked for: the
		 * file systems of the old one do not come back without a restart either.
		 */
		sdcard_close(sd);
		sd->gone = true;
		snprintf(sd->reason, sizeof(sd->reason),
			 "%s is gone: put it back and restart this machine", sd->device);
		return;
	}
	snprintf(sd->reason, sizeof(sd->reason), "sys/block/%s/stat: %s", sd->device,
		 procfs_strerror(error));
	complaint_raise(&sd->complaint, "sdcard: %s", sd->reason);
}

static int sdcard_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct sdcard *sd = self;
	if (sd->stat_fd < 0 && !sd->gone && now_ns >= sd->retry_ns) {
		find_device(sd);
		sd->retry_ns = now_ns + RETRY_NS;
	}

	struct disk_stat stat;
	int r = sd->stat_fd >= 0 ? read_stat(sd, &stat) : -ENOENT;
	if (r < 0) {
		if (sd->stat_fd >= 0)
			note_trouble(sd, r);
		put_trouble(sd, ret_batch);
		return 0;
	}
	complaint_clear(&sd->complaint, "sdcard");

	batch_text(ret_batch, SD_DEVICE, sd->device);
	put_latency(sd, &stat, now_ns, ret_batch);
	batch_value(ret_batch, SD_WRITE_BYTES, stat.write_bytes);
	batch_value(ret_batch, SD_IN_FLIGHT, stat.in_flight);
	put_stalled(sd, &stat, now_ns, ret_batch);
	sd->last = stat;
	sd->primed = true;
	return 0;
}

const struct collector sdcard_collector = {
	.module =
		{
			.name = "sdcard",
			.metrics = sdcard_metrics,
			.metric_count = SD_METRICS,
			.conf = sdcard_items,
			.conf_size = sizeof(struct sdcard_conf),
			.self_size = sizeof(struct sdcard),
			.period_ns = NS_PER_S,
			.open = sdcard_open,
			.read = sdcard_read,
			.close = sdcard_close,
		},
};
