/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own words about the card, swap, memory and the supply, from /dev/kmsg. The device hands
 * out one record per read() and is watched by the loop, because from the first swap read error to the
 * panic it may take less than three seconds. What was logged before our start is not counted. Below
 * another root directory dev/kmsg is a plain file of such records: counted from its beginning, new
 * lines at each sample.
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
#include "collectors/kernel_log_tally.h"

/* 8 KiB is what the kernel itself provides for a record with its continuation lines. */
#define RECORD_SIZE 8192
/* Records per call of the loop: well below a millisecond. The rest waits in the kernel's ring. */
#define RECORDS_AT_ONCE 128
/* Chunks of RECORD_SIZE per sample from a plain file: half a megabyte. */
#define CHUNKS_AT_ONCE 64

struct kernel_log {
	const struct env *env;
	int fd;
	bool is_file;
	bool skipping; /* inside a line of a plain file that is too long */
	off_t offset;  /* of the first byte of a plain file that was not taken yet */
	struct watch *watch;
	char reason[160]; /* why there is no log */
	struct klog_tally tally;
};

enum {
	LOG_SD_WRITE_ERRORS,
	LOG_SD_READ_ERRORS,
	LOG_SD_TIMEOUTS,
	LOG_SWAP_READ_ERRORS,
	LOG_SWAP_WRITE_ERRORS,
	LOG_FAILING,
	LOG_METRICS,
};

_Static_assert(LOG_FAILING == (int)KLOG_COUNTERS, "the counters come first, in the same order");

static const struct metric kernel_log_metrics[LOG_METRICS] = {
	[LOG_SD_WRITE_ERRORS] = {.group = "sd",
				 .name = "write_errors",
				 .kind = METRIC_COUNTER,
				 .help = "failed disk writes told by the kernel"},
	[LOG_SD_READ_ERRORS] = {.group = "sd",
				.name = "read_errors",
				.kind = METRIC_COUNTER,
				.help = "failed disk reads told by the kernel"},
	[LOG_SD_TIMEOUTS] = {.group = "sd",
			     .name = "timeouts",
			     .kind = METRIC_COUNTER,
			     .help = "card and controller timeouts told by the kernel"},
	[LOG_SWAP_READ_ERRORS] = {.group = "swap",
				  .name = "read_errors",
				  .kind = METRIC_COUNTER,
				  .help = "pages that could not be read back"},
	[LOG_SWAP_WRITE_ERRORS] = {.group = "swap",
				   .name = "write_errors",
				   .kind = METRIC_COUNTER,
				   .help = "pages that could not be swapped out"},
	[LOG_FAILING] = {.group = "sd",
			 .unit = UNIT_BOOL,
			 .role = ROLE_STORAGE_FAILING,
			 .help = "the kernel said in the last 60 s that storage is lost"},
};

static void give_up(struct kernel_log *log, const char *reason)
{
	watch_end(log->watch);
	log->watch = NULL;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	snprintf(log->reason, sizeof(log->reason), "dev/kmsg: %s", reason);
	log_warning("kernel_log: %s", log->reason);
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

/* Which mmc hosts carry a disk: since Linux 4.7 a disk has the number of its host. */
static uint32_t find_mmc_hosts(int root_fd)
{
	uint32_t hosts = 0;
	/* 8: no board has more slots than four. */
	for (unsigned i = 0; i < 8; i++) {
		char path[32];
		snprintf(path, sizeof(path), "sys/block/mmcblk%u", i);
		if (faccessat(root_fd, path, F_OK, 0) == 0)
			hosts |= UINT32_C(1) << i;
	}
	return hosts;
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

static int kernel_log_open(void *self, const void *conf, const struct env *env)
{
	struct kernel_log *log = self;
	(void)conf;
	log->env = env;
	log->tally.context.mmc_hosts = find_mmc_hosts(env->root_fd);

	log->fd = procfs_open(env->root_fd, "dev/kmsg");
	if (log->fd < 0) {
		give_up(log, open_reason(log->fd));
		return 0;
	}
	struct stat stat;
	log->is_file = fstat(log->fd, &stat) == 0 && S_ISREG(stat.st_mode);
	if (!env->real_root || log->is_file)
		return 0;

	/* ESPIPE: somebody put a pipe there; it has no history. */
	if (lseek(log->fd, 0, SEEK_END) < 0 && errno != ESPIPE) {
		give_up(log, procfs_strerror(errno));
		return 0;
	}
	/* Without a watch, at worst, the records are taken with the next sample. */
	log->watch = env_watch(env, log->fd, WATCH_READ, on_readable, log);
	return 0;
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
	more |= klog_tally_events(&log->tally, now_ns, ret_batch);
	for (unsigned i = 0; i < LOG_METRICS; i++) {
		bool failing = klog_tally_failing(&log->tally, now_ns);
		if (log->fd < 0 && !(i == LOG_FAILING && failing))
			batch_unknown(ret_batch, i, log->reason);
		else
			batch_value(ret_batch, i,
				    i == LOG_FAILING ? failing : log->tally.counters[i]);
	}
	if (more)
		env_wake(log->env);
	return 0;
}

static void kernel_log_close(void *self)
{
	struct kernel_log *log = self;
	watch_end(log->watch);
	log->watch = NULL;
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
