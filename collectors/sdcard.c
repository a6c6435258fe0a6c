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
#include "collectors/card.h"
#include "collectors/disk.h"
#include "collectors/disk_window.h"
#include "collectors/err_stats.h"
#include "collectors/sdcard_metrics.h"
#include "collectors/sdcard_stall.h"

/* Short enough to follow a card that gets slow, long enough for the few writes of a calm Pi. */
#define RECENT_NS (10 * NS_PER_S)
/* What the health of a card is judged by: a mean of fewer than STEADY_WRITES is chance. */
#define STEADY_NS (60 * NS_PER_S)
#define STEADY_WRITES 20
#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS (24 * HOUR_NS)
/* A disk that is not there yet is looked for at this pace. */
#define RETRY_NS (10 * NS_PER_S)
#define AUTO "auto"

struct sdcard_conf {
	char device[DISK_NAME_SIZE];
	int64_t stall_after;
	bool err_stats;
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

	bool primed; /* last and last_ns are valid */
	struct disk_stat last;
	int64_t last_ns;
	int64_t busy_ns; /* summed up since the start */
	struct sdcard_stall stall;
	struct disk_window recent, steady, day;

	struct card card;
	struct err_stats err_stats;
};

static const struct conf_item sdcard_items[] = {
	CONF_ROW(struct sdcard_conf, device, CONF_NAME, AUTO, .min = 1,
		 .help = "disk to watch: auto (the one under the root file system) or a name "
			 "such as mmcblk0, sda"),
	CONF_ROW(struct sdcard_conf, stall_after, CONF_DURATION, "10s", .min = NS_PER_S,
		 .max = 3600 * NS_PER_S,
		 .help = "requests that wait while none finishes for this long are a stall"),
	CONF_ROW(struct sdcard_conf, err_stats, CONF_BOOL, "no",
		 .help = "read the host controller's error counters in debugfs (for root only)"),
	{0},
};

/* So that the first day is known from the beginning: at boot all counters were zero. */
static void start_day(struct sdcard *sd)
{
	char text[64];
	const char *end;
	int64_t up_s;

	sd->day = (struct disk_window){0};
	if (procfs_read_path(sd->env->root_fd, "proc/uptime", text, sizeof(text)) < 0 ||
	    procfs_number(text, &end, &up_s) < 0 || up_s > INT32_MAX)
		return;
	sd->day.points[0].at_ns = env_now_ns(sd->env) - up_s * NS_PER_S;
	sd->day.count = 1;
}

/* Looks for the disk and opens its counters; without success the reason says what to do. */
static void find_device(struct sdcard *sd)
{
	const struct env *env = sd->env;
	const char *wanted = sd->conf->device;
	char device[DISK_NAME_SIZE];

	bool automatic = strcmp(wanted, AUTO) == 0;
	if (automatic || disk_of_device(env->root_fd, wanted, device, sizeof(device)) < 0) {
		int r = disk_find_root(env->root_fd, device, sizeof(device), sd->reason,
				       sizeof(sd->reason));
		/* So it stays an alarm when the agent, or only this collector, starts anew. */
		sd->gone = r == DISK_GONE;
		if (r != DISK_GONE && !automatic)
			snprintf(sd->reason, sizeof(sd->reason),
				 "/sys/block/%s is missing: connect it, or set device in [sdcard]",
				 wanted);
		if (r != 0 || !automatic)
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
	card_read(env->root_fd, device, &sd->card);
	start_day(sd);
	if (sd->conf->err_stats)
		err_stats_open(&sd->err_stats, env->root_fd, device);
	log_info("sdcard: watching %s%s%s%s", device, sd->card.name[0] ? " (" : "", sd->card.name,
		 sd->card.name[0] ? ")" : "");
}

static int sdcard_open(void *self, const void *conf, const struct env *env)
{
	struct sdcard *sd = self;
	sd->env = env;
	sd->conf = conf;
	sd->stat_fd = sd->err_stats.fd = -1;
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
	err_stats_close(&sd->err_stats);
}

/*
 * Mean time of the writes within a minute, as far as it is the card's own: where many requests are at
 * the disk at a time each waits for the others, and a large copy to a healthy card takes seconds per
 * write. By Little's law the mean number of requests is what that waiting multiplies.
 */
static void put_steady_latency(struct sdcard *sd, const struct disk_point *point,
			       struct batch *batch)
{
	struct disk_point way;

	if (!disk_window_take(&sd->steady, STEADY_NS, point, &way) || way.writes <= STEADY_WRITES) {
		batch_unknown(batch, SD_STEADY_LATENCY, "too few writes");
		return;
	}
	int64_t queue_ns = way.queue_ms * NS_PER_MS, mean_ms = way.write_ms / way.writes;
	batch_value(batch, SD_STEADY_LATENCY,
		    queue_ns > way.at_ns ? mul_div(mean_ms, way.at_ns, queue_ns) : mean_ms);
}

static void put_written_day(struct sdcard *sd, const struct disk_point *point, struct batch *batch)
{
	struct disk_point way;

	if (disk_window_take(&sd->day, DAY_NS, point, &way) && way.at_ns >= HOUR_NS)
		batch_value(batch, SD_WRITTEN_DAY,
			    mul_div(way.write_bytes, DAY_NS / NS_PER_S, way.at_ns / NS_PER_S));
	else
		batch_unknown(batch, SD_WRITTEN_DAY, "known an hour after boot");
}

/* Latency, share of time and queue over the last seconds. */
static void put_recent(struct sdcard *sd, const struct disk_point *point, struct batch *batch)
{
	struct disk_point way;

	if (!disk_window_take(&sd->recent, RECENT_NS, point, &way)) {
		batch_unknown(batch, SD_WRITE_LATENCY, "the first reading: a mean needs two");
		batch_unknown(batch, SD_BUSY, "the first reading: a share needs two");
		batch_unknown(batch, SD_QUEUE, "the first reading: a mean needs two");
		return;
	}
	if (way.writes > 0) {
		batch_value(batch, SD_WRITE_LATENCY, (way.write_ms + way.writes / 2) / way.writes);
	} else {
		snprintf(sd->latency_reason, sizeof(sd->latency_reason),
			 "no writes finished in the last %lld s",
			 (long long)((way.at_ns + NS_PER_S / 2) / NS_PER_S));
		batch_unknown(batch, SD_WRITE_LATENCY, sd->latency_reason);
	}
	batch_value(batch, SD_BUSY, mul_div(way.busy_ns, 1000000, way.at_ns));
	batch_value(batch, SD_QUEUE, mul_div(way.queue_ms, 1000 * NS_PER_MS, way.at_ns));
}

/* No counters this time. A disk that vanished is a stall without end; anything else is unknown. */
static void put_trouble(struct sdcard *sd, struct batch *batch)
{
	for (unsigned metric = SD_WRITE_LATENCY; metric < SD_COUNTED; metric++)
		batch_unknown(batch, metric, sd->reason);
	if (!sd->gone) {
		batch_unknown(batch, SD_STALLED, sd->reason);
		return;
	}
	batch_value(batch, SD_STALLED, 1);
	if (!sd->gone_told)
		batch_event(batch, "sd-gone", SEVERITY_CRITICAL, "%s", sd->reason);
	sd->gone_told = true;
}

static void put_stat(struct sdcard *sd, const struct disk_stat *stat, int64_t now_ns,
		     struct batch *batch)
{
	if (sd->primed && disk_stat_step(sd->last.writes, stat->writes) < 0) {
		/* Another device by the same name. */
		sd->primed = false;
		sd->recent = sd->steady = sd->day = (struct disk_window){0};
	}
	if (sd->primed)
		sd->busy_ns += disk_stat_busy_ns(&sd->last, stat, now_ns - sd->last_ns);
	const struct disk_point point = {
		.at_ns = now_ns,
		.writes = stat->writes,
		.write_ms = stat->write_ms,
		.queue_ms = stat->queue_ms,
		.write_bytes = stat->write_bytes,
		.busy_ns = sd->busy_ns,
	};
	put_recent(sd, &point, batch);
	put_steady_latency(sd, &point, batch);
	put_written_day(sd, &point, batch);
	batch_value(batch, SD_WRITE_BYTES, stat->write_bytes);
	batch_value(batch, SD_IN_FLIGHT, stat->in_flight);
	batch_value(batch, SD_FINISHED,
		    stat->reads + stat->writes + stat->discards + stat->flushes);
	sdcard_stall_take(&sd->stall, sd->primed ? &sd->last : NULL, stat, sd->conf->stall_after,
			  now_ns, sd->device, batch);
	batch_value(batch, SD_STALLED, sd->stall.stalled);
	sd->last = *stat;
	sd->last_ns = now_ns;
	sd->primed = true;
}

static void put_retried(struct sdcard *sd, int64_t now_ns, struct batch *batch)
{
	if (!sd->conf->err_stats) {
		batch_unknown(batch, SD_RETRIED, "not asked for: err_stats in [sdcard]");
		return;
	}
	err_stats_read(&sd->err_stats, now_ns);
	if (sd->err_stats.known)
		batch_value(batch, SD_RETRIED, sd->err_stats.errors);
	else
		batch_unknown(batch, SD_RETRIED, sd->err_stats.reason);
}

static void put_card(struct sdcard *sd, int64_t now_ns, struct batch *batch)
{
	static const char only_emmc[] = NOT_APPLICABLE "only an eMMC tells it";
	const struct card *card = &sd->card;

	if (!sd->device[0]) {
		batch_unknown(batch, SD_DEVICE, sd->reason);
		for (unsigned metric = SD_CARD; metric < SD_METRICS; metric++)
			batch_unknown(batch, metric, sd->reason);
		return;
	}
	batch_text(batch, SD_DEVICE, sd->device);
	if (card->name[0])
		batch_text(batch, SD_CARD, card->name);
	else
		batch_unknown(batch, SD_CARD, "only SD cards and eMMC are known by name");
	if (card->life_known)
		batch_value(batch, SD_LIFE_USED, card->life_used_ppm);
	else
		batch_unknown(batch, SD_LIFE_USED, only_emmc);
	if (card->pre_eol_known) {
		/* As in enum card_pre_eol. */
		static const int64_t spare_used_ppm[] = {0, 800000, 900000};
		batch_value(batch, SD_PRE_EOL, card->pre_eol);
		batch_value(batch, SD_SPARE_USED, spare_used_ppm[card->pre_eol]);
	} else {
		batch_unknown(batch, SD_PRE_EOL, only_emmc);
		batch_unknown(batch, SD_SPARE_USED, only_emmc);
	}
	put_retried(sd, now_ns, batch);
}

static int read_stat(struct sdcard *sd, struct disk_stat *ret_stat)
{
	/* 17 numbers of at most 20 digits with their blanks; room for 7 more. */
	char buffer[512];
	/* A file of sysfs is one record: nothing comes after the first read. */
	int r = procfs_read_records(sd->stat_fd, buffer, sizeof(buffer), sizeof(buffer));
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
	snprintf(sd->reason, sizeof(sd->reason), "/sys/block/%s/stat: %s", sd->device,
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
	} else {
		complaint_clear(&sd->complaint, "sdcard");
		put_stat(sd, &stat, now_ns, ret_batch);
	}
	put_card(sd, now_ns, ret_batch);
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
