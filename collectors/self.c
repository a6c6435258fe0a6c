/* SPDX-License-Identifier: MIT */
/*
 * What the agent itself costs: resident memory, processor time, bytes sent to storage. Always from
 * the real /proc, never below --root, because the agent is not part of the recorded tree. The files
 * are those of this process as it was when they were opened: the agent does not fork into the
 * background.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"

/* statm is one line of seven numbers, io has seven short lines. */
#define TEXT_SIZE 512
#define REASON_SIZE 128

enum self_metric {
	SELF_RSS,
	SELF_CPU,
	SELF_WRITTEN,
	SELF_METRICS,
};

static const struct metric self_metrics[SELF_METRICS] = {
	[SELF_RSS] = {.group = "self",
		      .name = "rss_bytes",
		      .unit = UNIT_BYTES,
		      .help = "resident memory of the agent"},
	[SELF_CPU] = {.group = "self",
		      .rate_name = "cpu_ms_s",
		      .kind = METRIC_COUNTER,
		      .unit = UNIT_US,
		      .help = "processor time of the agent"},
	[SELF_WRITTEN] = {.group = "self",
			  .name = "written_bytes",
			  .kind = METRIC_COUNTER,
			  .unit = UNIT_BYTES,
			  .help = "bytes that the agent sent to storage"},
};

struct self {
	int statm_fd; /* negative: errno */
	int io_fd;    /* negative: errno */
	int64_t page_bytes;
	char rss_reason[REASON_SIZE];
	char written_reason[REASON_SIZE];
};

/* The second number of statm is the resident pages. */
static int self_read_rss(const struct self *self, int64_t *ret_bytes)
{
	char text[TEXT_SIZE];
	const char *at = text;
	int64_t pages;
	int r = self->statm_fd < 0 ? self->statm_fd
				   : procfs_read(self->statm_fd, text, sizeof(text));

	if (r < 0)
		return r;
	r = procfs_number(at, &at, &pages);
	if (r < 0)
		return r;
	r = *at == ' ' ? procfs_number(at + 1, &at, &pages) : -EINVAL;
	if (r < 0)
		return r;
	return __builtin_mul_overflow(pages, self->page_bytes, ret_bytes) ? -ERANGE : 0;
}

static int self_read_written(const struct self *self, int64_t *ret_bytes)
{
	static const struct procfs_key key = {"write_bytes:", 1};
	char text[TEXT_SIZE];
	uint64_t found;
	int r = self->io_fd < 0 ? self->io_fd : procfs_read(self->io_fd, text, sizeof(text));

	if (r < 0)
		return r;
	procfs_table(text, &key, 1, ret_bytes, &found);
	return found ? 0 : -EINVAL;
}

static int self_open(void *self, const void *conf, const struct env *env)
{
	struct self *own = self;

	(void)conf;
	(void)env;
	own->statm_fd = procfs_open(AT_FDCWD, "/proc/self/statm");
	own->io_fd = procfs_open(AT_FDCWD, "/proc/self/io");
	own->page_bytes = sysconf(_SC_PAGESIZE);
	return 0;
}

static int64_t timeval_us(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static int self_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct self *own = self;
	struct rusage usage;
	int64_t bytes;
	int r = self_read_rss(own, &bytes);

	(void)now_ns;
	if (r < 0) {
		snprintf(own->rss_reason, sizeof(own->rss_reason), "/proc/self/statm: %s",
			 procfs_strerror(r));
		batch_unknown(ret_batch, SELF_RSS, own->rss_reason);
	} else {
		batch_value(ret_batch, SELF_RSS, bytes);
	}
	r = self_read_written(own, &bytes);
	if (r < 0) {
		/* The file is missing without CONFIG_TASK_IO_ACCOUNTING, and not ours to read in a
		 * process that changed its user or gained capabilities. */
		snprintf(own->written_reason, sizeof(own->written_reason), "/proc/self/io: %s",
			 procfs_strerror(r));
		batch_unknown(ret_batch, SELF_WRITTEN, own->written_reason);
	} else {
		batch_value(ret_batch, SELF_WRITTEN, bytes);
	}
	getrusage(RUSAGE_SELF, &usage); /* cannot fail for ourselves */
	batch_value(ret_batch, SELF_CPU, timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime));
	return 0;
}

static void self_close(void *self)
{
	struct self *own = self;

	if (own->statm_fd >= 0)
		close(own->statm_fd);
	if (own->io_fd >= 0)
		close(own->io_fd);
	own->statm_fd = own->io_fd = -ENOENT;
}

const struct collector self_collector = {
	.module.name = "self",
	.module.metrics = self_metrics,
	.module.metric_count = SELF_METRICS,
	.module.self_size = sizeof(struct self),
	.module.period_ns = 10 * NS_PER_S,
	.module.open = self_open,
	.module.read = self_read,
	.module.close = self_close,
};
