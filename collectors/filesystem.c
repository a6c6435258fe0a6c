/* SPDX-License-Identifier: MIT */
/*
 * The root file system: what it counts about itself, and whether it can still be written to. ext4 keeps
 * its count of errors on the disk, over reboots and until the next fsck; so what matters is that it
 * grows. Reading these files of sysfs never touches the disk.
 *
 * That a file system went read-only is harder to see. Older kernels made it "ro" in the mount table
 * after an error, Linux 6.15 says "emergency_ro". Between them (6.12, and stable trees such as 6.1.176)
 * nothing stands there: the kernel only refuses to write. Then new errors together with
 * errors=remount-ro prove it; without that option it is the kernel log that tells.
 *
 * A root that is read-only from the beginning is somebody's choice, and so is a change that no error
 * came with, also where nothing counts errors (btrfs, xfs): there, too, it is the kernel log that tells.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/filesystem_metrics.h"
#include "collectors/filesystem_parse.h"

#define PERIOD_NS (5 * NS_PER_S)
/* The mount table is the largest file here, and what it tells the counters tell, too. */
#define MOUNT_NS (10 * NS_PER_S)
#define WRITTEN_NS (60 * NS_PER_S)
/* A broken file system counts without end: each kind of event at most once in that time, with the sum. */
#define NEWS_NS (60 * NS_PER_S)

/* What events have told of a counter. */
struct news {
	bool begun; /* told is valid */
	int64_t told;
	int64_t next_ns; /* no event before */
};

struct filesystem {
	const struct env *env;
	int mounts_fd;
	int64_t mount_ns, written_ns; /* when they are read again */
	bool mounted;		      /* mount is valid */
	struct disk_mount mount;
	char reason[160]; /* why it is not */
	struct fs_files files;
	bool status_stopped;
	int64_t error_s; /* wall clock of the last error, unix seconds; 0: none */

	bool was_writable;     /* since we watch it */
	bool counted_before;   /* errors_before is valid */
	int64_t errors_before; /* at our start, or when it was made writable again */
	bool read_only, stopped;
	bool told; /* that it is read-only */
	struct news errors_news, warnings_news;
};

/* Reads the mount table; another file system than before is a new beginning. */
static void look(struct filesystem *fs)
{
	struct disk_mount mount;

	fs->mounted = false;
	if (fs->mounts_fd < 0)
		fs->mounts_fd = procfs_open(fs->env->root_fd, "proc/self/mountinfo");
	int r = fs->mounts_fd;
	if (r >= 0)
		r = disk_mount_read(fs->mounts_fd, &mount);
	if (r != 0) {
		snprintf(fs->reason, sizeof(fs->reason), "/proc/self/mountinfo%s%s",
			 r < 0 ? ": " : "",
			 r < 0 ? procfs_strerror(r) : " names no root file system");
		return;
	}
	bool same = fs->files.title[0] && mount.major == fs->mount.major &&
		    mount.minor == fs->mount.minor && strcmp(mount.type, fs->mount.type) == 0;
	/* Somebody made it writable again: what errors there were has been dealt with. */
	if (same && fs->mount.read_only && !mount.read_only)
		fs->errors_before = fs->files.counters[FS_COUNT_ERRORS].value;
	fs->mount = mount;
	fs->mounted = true;
	if (same)
		return;
	fs_files_close(&fs->files);
	fs_files_open(&fs->files, &mount);
	log_info("filesystem: root is %s", fs->files.title);
	fs->was_writable = fs->counted_before = fs->status_stopped = false;
	fs->read_only = fs->stopped = fs->told = false;
	fs->error_s = fs->written_ns = 0;
	fs->errors_news = fs->warnings_news = (struct news){0};
}

/* How much a counter that is known grew since an event told it; 0: nothing to tell, or not yet. */
static int64_t take_news(struct news *news, int64_t value, int64_t now_ns)
{
	if (!news->begun || value < news->told)
		news->told = value; /* it is from before our time, or there was an fsck */
	news->begun = true;
	int64_t added = value - news->told;
	if (added == 0 || now_ns < news->next_ns)
		return 0;
	news->told = value;
	news->next_ns = now_ns + NEWS_NS;
	return added;
}

/* < 0: not known. A Pi has no clock of its own: the time of an error may be years off. */
static int64_t error_age_s(const struct filesystem *fs)
{
	return fs->error_s ? env_wall_ms(fs->env) / 1000 - fs->error_s : -1;
}

static void tell_errors(struct filesystem *fs, int64_t added, struct batch *batch)
{
	char first[FS_FUNCTION_SIZE], last[FS_FUNCTION_SIZE], age[32] = "";
	int64_t count = fs->files.counters[FS_COUNT_ERRORS].value, age_s = error_age_s(fs);

	fs_files_function(&fs->files, "first_error_func", first);
	fs_files_function(&fs->files, "last_error_func", last);
	if (age_s >= 0) {
		filesystem_age_text(age_s, age, sizeof(age) - 5);
		strcat(age, " ago");
	}
	struct event *event =
		batch_event(batch, "fs-error-count", SEVERITY_CRITICAL,
			    "%s: new errors: %lld, on record: %lld; first in %s, last in %s%s%s",
			    fs->files.title, (long long)added, (long long)count, first, last,
			    age[0] ? " " : "", age);
	event_put(event, "new", added);
	event_put(event, "errors", count);
	if (age_s >= 0)
		event_put(event, "age_s", age_s);
}

static void read_errors(struct filesystem *fs, int64_t now_ns, struct batch *batch)
{
	struct fs_counter *errors = &fs->files.counters[FS_COUNT_ERRORS];
	bool grew = fs_files_count(&fs->files, FS_COUNT_ERRORS);

	if (!errors->known)
		return;
	if (!fs->counted_before) {
		fs->errors_before = errors->value;
		fs->counted_before = true;
		if (errors->value > 0)
			fs->error_s = fs_files_error_time_s(&fs->files);
	}
	if (errors->value < fs->errors_before)
		fs->errors_before = errors->value; /* an fsck */
	if (grew)
		fs->error_s = fs_files_error_time_s(&fs->files);
	int64_t added = take_news(&fs->errors_news, errors->value, now_ns);
	if (added > 0)
		tell_errors(fs, added, batch);
	if (grew)
		look(fs); /* now, not in ten seconds */
}

static void read_warnings(struct filesystem *fs, int64_t now_ns, struct batch *batch)
{
	const struct fs_counter *warnings = &fs->files.counters[FS_COUNT_WARNINGS];

	fs_files_count(&fs->files, FS_COUNT_WARNINGS);
	if (!warnings->known)
		return;
	int64_t added = take_news(&fs->warnings_news, warnings->value, now_ns);
	if (added == 0)
		return;
	struct event *event =
		batch_event(batch, "fs-warning-count", SEVERITY_WARNING,
			    "%s: new warnings: %lld; the kernel log has them, data may be lost",
			    fs->files.title, (long long)added);
	event_put(event, "new", added);
	event_put(event, "warnings", warnings->value);
}

static void judge_read_only(struct filesystem *fs, struct batch *batch)
{
	const struct fs_counter *errors = &fs->files.counters[FS_COUNT_ERRORS];
	bool new_errors = fs->counted_before && errors->value > fs->errors_before;
	bool stopped =
		fs->mount.stopped || fs->status_stopped || (new_errors && fs->mount.error_stops);
	bool read_only = stopped || fs->mount.read_only;
	if (read_only && fs->was_writable && new_errors)
		stopped = true;

	if (read_only && !fs->read_only && (fs->was_writable || stopped)) {
		/* Where nothing tells of errors it may be either: the kernel log knows. */
		bool counted = fs->counted_before || fs->files.status_fd >= 0;
		const char *why = stopped   ? "the kernel stopped it after an error"
				  : counted ? "it was mounted so, without an error"
					    : "mounted so, or after an error in the kernel log";
		fs->told = true;
		batch_event(batch, "fs-read-only", stopped ? SEVERITY_CRITICAL : SEVERITY_WARNING,
			    "%s is read-only now: %s", fs->files.title, why);
	} else if (!read_only && fs->told) {
		fs->told = false;
		batch_event(batch, "fs-read-only-end", SEVERITY_INFO, "%s can be written to again",
			    fs->files.title);
	}
	fs->was_writable |= !read_only;
	fs->read_only = read_only;
	fs->stopped = stopped;
}

static void put_counters(struct filesystem *fs, struct batch *batch)
{
	for (unsigned i = 0; i < FS_COUNTS; i++) {
		const struct fs_counter *counter = &fs->files.counters[i];
		if (counter->known)
			batch_value(batch, FS_FIRST_COUNT + i, counter->value);
		else
			batch_unknown(batch, FS_FIRST_COUNT + i,
				      fs->files.title[0] ? counter->reason : fs->reason);
	}
	int64_t age_s = error_age_s(fs);
	if (fs->error_s && age_s >= 0)
		batch_value(batch, FS_ERROR_AGE, age_s);
	else
		batch_unknown(batch, FS_ERROR_AGE,
			      fs->error_s ? "the clock is behind the time of the error"
					  : NOT_APPLICABLE "no error with a time is on record");
}

static int filesystem_open(void *self, const void *conf, const struct env *env)
{
	struct filesystem *fs = self;
	(void)conf;
	fs->env = env;
	fs->mounts_fd = -1;
	fs_files_init(&fs->files, env->root_fd);
	look(fs);
	fs->mount_ns = env_now_ns(env) + MOUNT_NS;
	return 0;
}

static int filesystem_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct filesystem *fs = self;

	if (now_ns >= fs->mount_ns) {
		look(fs);
		fs->mount_ns = now_ns + MOUNT_NS;
	}
	read_errors(fs, now_ns, ret_batch);
	read_warnings(fs, now_ns, ret_batch);
	fs->status_stopped = fs_files_stopped(&fs->files);
	if (now_ns >= fs->written_ns) {
		fs_files_count(&fs->files, FS_COUNT_WRITTEN_BYTES);
		fs->written_ns = now_ns + WRITTEN_NS;
	}
	put_counters(fs, ret_batch);
	if (!fs->mounted) {
		batch_unknown(ret_batch, FS_TYPE, fs->reason);
		batch_unknown(ret_batch, FS_READ_ONLY, fs->reason);
		batch_unknown(ret_batch, FS_STOPPED, fs->reason);
		return 0;
	}
	judge_read_only(fs, ret_batch);
	batch_text(ret_batch, FS_TYPE, fs->mount.type);
	batch_value(ret_batch, FS_READ_ONLY, fs->read_only);
	batch_value(ret_batch, FS_STOPPED, fs->stopped);
	return 0;
}

static void filesystem_close(void *self)
{
	struct filesystem *fs = self;
	fs_files_close(&fs->files);
	if (fs->mounts_fd >= 0)
		close(fs->mounts_fd);
	fs->mounts_fd = -1;
}

const struct collector filesystem_collector = {
	.module =
		{
			.name = "filesystem",
			.metrics = filesystem_metrics,
			.metric_count = FS_METRICS,
			.self_size = sizeof(struct filesystem),
			.period_ns = PERIOD_NS,
			.open = filesystem_open,
			.read = filesystem_read,
			.close = filesystem_close,
		},
};
