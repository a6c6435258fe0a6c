/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own words about the card, swap, memory and the supply, from /dev/kmsg. The device hands
 * out one record per read() and is watched by the loop, because from the first swap read error to the
 * panic it may take less than three seconds. What was logged before the agent's first start since the boot
 * is not counted; a restart goes on where the life before it stopped. Below another root directory
 * dev/kmsg is a plain file of such records: counted from its beginning, new lines at each sample.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/kernel_log_position.h"
#include "collectors/kernel_log_tally.h"

/* 8 KiB is what the kernel itself provides for a record with its continuation lines. */
#define RECORD_SIZE 8192
/* Records per call of the loop: well below a millisecond. The rest waits in the kernel's ring. */
#define RECORDS_AT_ONCE 128
/* Such calls for the history, at the start: 65,536 records, more than usual rings hold. */
#define HISTORY_CALLS 512
/* Chunks of RECORD_SIZE per sample from a plain file: half a megabyte. */
#define CHUNKS_AT_ONCE 64
/* Swap comes and goes: zram is often set up after our start. */
#define DISKS_EVERY_NS (60 * NS_PER_S)

struct kernel_log {
	const struct env *env;
	int fd;
	bool is_file;
	bool skipping;	/* inside a line of a plain file that is too long */
	off_t offset;	/* of the first byte of a plain file that was not taken yet */
	bool resumed;	/* goes on where an earlier life of the agent stopped */
	bool caught_up; /* all that was there at the start was read */
	struct watch *watch;
	int64_t disks_due_ns; /* when to look for swap and cards again */
	char reason[160];     /* why there is no log */
	struct klog_position position;
	struct klog_tally tally;
};

/* The counters come first, in the order of enum klog_counter, then the alarms in theirs. */
enum {
	LOG_ALARMS = KLOG_COUNTERS,
	LOG_STORAGE_FAILING = LOG_ALARMS + KLOG_ALARM_STORAGE - 1,
	LOG_SWAP_FAILING = LOG_ALARMS + KLOG_ALARM_SWAP - 1,
	LOG_NFS_SILENT = LOG_ALARMS + KLOG_ALARM_NFS - 1,
	LOG_OUT_OF_MEMORY = LOG_ALARMS + KLOG_ALARM_MEMORY - 1,
	LOG_KERNEL_FAILING = LOG_ALARMS + KLOG_ALARM_KERNEL - 1,
	LOG_METRICS = LOG_ALARMS + KLOG_ALARMS - 1,
};

#define COUNTER(in, field, text)                                                                   \
	{                                                                                          \
		.group = (in), .name = (field), .kind = METRIC_COUNTER, .help = (text)             \
	}
#define ALARM(in, what, text)                                                                      \
	{                                                                                          \
		.group = (in), .unit = UNIT_BOOL, .role = (what), .help = (text)                   \
	}

static const struct metric kernel_log_metrics[LOG_METRICS] = {
	[KLOG_COUNT_SD_WRITE] =
		COUNTER("sd", "write_errors", "failed disk writes told by the kernel"),
	[KLOG_COUNT_SD_READ] = COUNTER("sd", "read_errors", "failed disk reads told by the kernel"),
	[KLOG_COUNT_SD_TIMEOUT] =
		COUNTER("sd", "timeouts", "card and controller timeouts told by the kernel"),
	[KLOG_COUNT_SD_CONTROLLER] =
		COUNTER("sd", "controller_errors",
			"trouble between controller and card, told by the kernel"),
	[KLOG_COUNT_SD_CQE] =
		COUNTER("sd", "cqe_recoveries", "times the card's command queue was restarted"),
	[KLOG_COUNT_SWAP_READ] =
		COUNTER("swap", "read_errors", "pages that could not be read back"),
	[KLOG_COUNT_SWAP_WRITE] =
		COUNTER("swap", "write_errors", "pages that could not be swapped out"),
	[KLOG_COUNT_STORAGE] = {.group = "sd",
				.kind = METRIC_COUNTER,
				.role = ROLE_STORAGE_ERRORS,
				.help = "failed requests of our disks told by the kernel"},
	[KLOG_COUNT_LOST] = COUNTER("self", "kernel_log_lost",
				    "records of the kernel log that came too fast to be read"),
	[LOG_STORAGE_FAILING] =
		ALARM("sd", ROLE_STORAGE_FAILING, "the kernel said that storage is lost"),
	[LOG_SWAP_FAILING] =
		ALARM("swap", ROLE_SWAP_FAILING,
		      "the kernel said in the last 60 s that swap on another disk is lost"),
	[LOG_NFS_SILENT] = ALARM("fs", ROLE_STORAGE_FAILING,
				 "the kernel said that the NFS server of the root is silent"),
	[LOG_OUT_OF_MEMORY] = ALARM("mem", ROLE_OUT_OF_MEMORY,
				    "the kernel killed a process for memory in the last 10 s"),
	[LOG_KERNEL_FAILING] =
		ALARM("self", ROLE_KERNEL_FAILING, "the kernel itself failed in the last 60 s"),
};

static void give_up(struct kernel_log *log, const char *reason)
{
	watch_end(log->watch);
	log->watch = NULL;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	snprintf(log->reason, sizeof(log->reason), "/dev/kmsg: %s", reason);
	log_warning("kernel_log: %s", log->reason);
}

/* The device has nothing more for now. */
static void catch_up(struct kernel_log *log)
{
	if (!log->caught_up && !klog_tally_caught_up(&log->tally) && log->resumed)
		log_warning("kernel_log: the position in %s is beyond the log; begins anew",
			    log->env->run_dir);
	log->caught_up = true;
}

/* Takes what the device has, at most RECORDS_AT_ONCE. Returns true if there is news to tell. */
static bool take_device(struct kernel_log *log, int64_t now_ns)
{
	char record[RECORD_SIZE];
	bool news = false;

	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		ssize_t length = read(log->fd, record, sizeof(record));
		if (length > 0) {
			news |= klog_tally_record(&log->tally, record, (size_t)length, now_ns);
			continue;
		}
		if (length == 0) {
			/* Seen where a container hides the device behind /dev/null. */
			give_up(log, "it ends, so it is no kernel log");
			return true;
		}
		switch (errno) {
		case EAGAIN:
			catch_up(log);
			return news;
		case EINTR:
			break;
		case EPIPE: /* the next read goes on with the oldest record that is left */
			klog_tally_overrun(&log->tally);
			break;
		case EINVAL: /* the kernel has skipped it already */
			news |= klog_tally_too_long(&log->tally, now_ns);
			break;
		default:
			give_up(log, procfs_strerror(errno));
			return true;
		}
	}
	return news;
}

static void on_readable(void *context, unsigned events)
{
	struct kernel_log *log = context;
	(void)events;
	if (take_device(log, env_now_ns(log->env)))
		env_wake(log->env);
}

/*
 * Takes the complete lines of a chunk; returns how many bytes that were. Continuation lines begin with
 * a blank and are no records.
 */
static size_t take_lines(struct kernel_log *log, const char *chunk, size_t length, int64_t now_ns)
{
	size_t used = 0;
	while (used < length) {
		const char *line = chunk + used;
		const char *end = memchr(line, '\n', length - used);
		if (!end)
			break;
		if (!log->skipping)
			klog_tally_record(&log->tally, line, (size_t)(end - line), now_ns);
		log->skipping = false;
		used = (size_t)(end - chunk) + 1;
	}
	return used;
}

/* Takes what was added to a plain file. Returns true if there is more than one sample may take. */
static bool take_file(struct kernel_log *log, int64_t now_ns)
{
	char chunk[RECORD_SIZE];
	struct stat stat;

	if (fstat(log->fd, &stat) == 0 && stat.st_size < log->offset)
		log->offset = 0; /* it was written anew */
	for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
		ssize_t length = pread(log->fd, chunk, sizeof(chunk), log->offset);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return false;
		size_t used = take_lines(log, chunk, (size_t)length, now_ns);
		if (used == 0 && (size_t)length < sizeof(chunk))
			return false; /* the rest of the last line is still to come */
		if (used == 0) {
			if (!log->skipping)
				klog_tally_too_long(&log->tally, now_ns);
			log->skipping = true;
			used = (size_t)length;
		}
		log->offset += (off_t)used;
	}
	return true;
}

static const char *open_reason(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "permission denied: give CAP_SYSLOG (AmbientCapabilities in the unit) or set "
		       "sysctl kernel.dmesg_restrict=0";
	case ENOENT:
		return "missing: make the host's /dev/kmsg visible here (container?)";
	default:
		return procfs_strerror(error);
	}
}

/*
 * From where an earlier life of the agent stopped, else from what is logged from now on. Where a position
 * is kept, the history is read all the same, for its last number: it may be long until the next one.
 */
static int begin_device(struct kernel_log *log, bool has_history)
{
	uint64_t next = UINT64_MAX;
	if (!log->env->passing)
		log->resumed = klog_position_open(&log->position, log->env, &next);
	if (log->position.fd < 0 || (!log->resumed && !has_history)) {
		log->caught_up = true;
		/* ESPIPE: somebody put a pipe there. */
		return lseek(log->fd, 0, SEEK_END) < 0 && errno != ESPIPE ? -errno : 0;
	}
	klog_tally_resume(&log->tally, next);
	if (log->resumed)
		return 0; /* the loop takes it in parts */
	for (int i = 0; i < HISTORY_CALLS && !log->caught_up && log->fd >= 0; i++)
		take_device(log, 0);
	catch_up(log);
	return 0;
}

static int kernel_log_open(void *self, const void *conf, const struct env *env)
{
	struct kernel_log *log = self;
	(void)conf;
	log->env = env;
	log->position.fd = -1;
	klog_disks_find(&log->tally.disks, env->root_fd, env->real_root);
	log->disks_due_ns = env_now_ns(env) + DISKS_EVERY_NS;

	log->fd = procfs_open(env->root_fd, "dev/kmsg");
	if (log->fd < 0) {
		give_up(log, open_reason(log->fd));
		return 0;
	}
	struct stat stat;
	log->is_file = fstat(log->fd, &stat) == 0 && S_ISREG(stat.st_mode);
	log->tally.has_gaps = log->is_file;
	if (log->is_file)
		return 0;

	int r = begin_device(log, S_ISCHR(stat.st_mode));
	if (r < 0)
		give_up(log, procfs_strerror(r));
	if (log->fd < 0)
		return 0;
	/* Without a watch, at worst, the records are taken with the next sample. */
	log->watch = env_watch(env, log->fd, WATCH_READ, on_readable, log);
	return 0;
}

/*
 * Never while storage fails: a page of a tmpfs that could not be locked may be lost with it, and an agent
 * that is started anew in the middle of it shall see it again.
 */
static void keep_position(struct kernel_log *log, int64_t now_ns)
{
	if (log->tally.sequence_known && !log->tally.resuming &&
	    !klog_tally_alarm(&log->tally, KLOG_ALARM_STORAGE, now_ns))
		klog_position_keep(&log->position, log->tally.next_sequence, now_ns);
}

/* Nor this: what is known of a card that was pulled must stay. */
static void look_for_disks(struct kernel_log *log, int64_t now_ns)
{
	if (now_ns < log->disks_due_ns || klog_tally_alarm(&log->tally, KLOG_ALARM_STORAGE, now_ns))
		return;
	klog_disks_refresh(&log->tally.disks, log->env->root_fd);
	log->disks_due_ns = now_ns + DISKS_EVERY_NS;
}

static void put_alarm(const struct kernel_log *log, enum klog_alarm alarm, int64_t now_ns,
		      struct batch *batch)
{
	unsigned metric = LOG_ALARMS + (unsigned)alarm - 1;
	bool on = klog_tally_alarm(&log->tally, alarm, now_ns);
	/* What was seen before the log was lost holds all the same. */
	if (log->fd < 0 && !on)
		batch_unknown(batch, metric, log->reason);
	else
		batch_value(batch, metric, on);
}

static int kernel_log_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct kernel_log *log = self;
	bool more = false;

	if (log->fd >= 0 && log->is_file)
		more = take_file(log, now_ns);
	else if (log->fd >= 0 && !log->watch)
		take_device(log, now_ns);

	/* Incidents that were seen before the log was lost are told all the same. */
	more |= klog_incidents_tell(&log->tally.incidents, now_ns, ret_batch);
	for (unsigned i = 0; i < KLOG_COUNTERS; i++) {
		if (log->fd < 0)
			batch_unknown(ret_batch, i, log->reason);
		else
			batch_value(ret_batch, i, log->tally.counters[i]);
	}
	for (unsigned i = KLOG_ALARM_NONE + 1; i < KLOG_ALARMS; i++)
		put_alarm(log, i, now_ns, ret_batch);
	if (more)
		env_wake(log->env);
	keep_position(log, now_ns);
	look_for_disks(log, now_ns);
	return 0;
}

static void kernel_log_close(void *self)
{
	struct kernel_log *log = self;
	int64_t now_ns = env_now_ns(log->env);
	watch_end(log->watch);
	log->watch = NULL;
	log->position.due_ns = now_ns;
	keep_position(log, now_ns);
	klog_position_close(&log->position);
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

const struct collector kernel_log_collector = {
	.module =
		{
			.name = "kernel_log",
			.metrics = kernel_log_metrics,
			.metric_count = LOG_METRICS,
			.self_size = sizeof(struct kernel_log),
			.open = kernel_log_open,
			.read = kernel_log_read,
			.close = kernel_log_close,
		},
};
