/* SPDX-License-Identifier: MIT */
/*
 * How much memory the web workers hold, how many there are, and how large one of them becomes. They
 * are told by their names; workers_scan.c finds them, workers_table.c knows and reads them, and
 * workers_size.c remembers the size of one. Nothing here needs a right that an ordinary user has not
 * got, except that /proc must show the processes of other users.
 *
 * A reading costs one read for each web server and for a few workers in turn; the sum takes the others
 * as they were last seen. While the agent samples quickly, because memory is short, more are read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/module.h"
#include "agent/procfs.h"
#include "agent/state.h"
#include "agent/units.h"
#include "collectors/collectors.h"
#include "collectors/workers_parse.h"
#include "collectors/workers_scan.h"
#include "collectors/workers_size.h"
#include "collectors/workers_table.h"

/* 20 workers are read within 2.5 s in calm, and within a second under pressure. */
#define READS_CALM 8
#define READS_FAST 16
#define FAST_NS (600 * NS_PER_MS)
/* One look at a stat (its processor time) in about two seconds. */
#define CHECK_NS (1900 * NS_PER_MS)
#define REASON_SIZE 96
/* A line of the configuration has at most 198 bytes, "names = " included. */
#define NAMES_SIZE 192
/* Kinds of processes that are named in web.servers; a Pi has one or two. */
#define KINDS 4

enum {
	METRIC_SERVERS,
	METRIC_MEMORY,
	METRIC_WORKERS,
	METRIC_WORKER,
	METRICS,
};

static const struct metric metrics[METRICS] = {
	[METRIC_SERVERS] = {.group = "web",
			    .name = "servers",
			    .unit = UNIT_TEXT,
			    .help = "web servers found, with workers and the mean size of one"},
	[METRIC_MEMORY] = {.group = "web",
			   .name = "memory_bytes",
			   .unit = UNIT_BYTES,
			   .role = ROLE_WEB_BYTES,
			   .help = "anonymous memory of all processes of the web servers"},
	[METRIC_WORKERS] = {.group = "web",
			    .name = "workers",
			    .unit = UNIT_COUNT,
			    .role = ROLE_WEB_WORKERS,
			    .help = "worker processes of the web servers"},
	[METRIC_WORKER] = {.group = "web",
			   .name = "worker_bytes",
			   .unit = UNIT_BYTES,
			   .role = ROLE_WORKER_BYTES,
			   .idle_unknown = true,
			   .help = "size of one worker: 90th percentile, forgotten slowly"},
};

struct workers_conf {
	char names[NAMES_SIZE];
};

static const struct conf_item conf_items[] = {
	CONF_ROW(struct workers_conf, names, CONF_TEXT,
		 "apache2, httpd, php-fpm*, php-cgi*, nginx, lighttpd, caddy, uwsgi*, gunicorn*",
		 .help = "names of the web servers' processes; empty: do not look"),
	{0},
};

struct workers {
	const struct workers_conf *conf;
	bool real_root;
	int proc_fd; /* negative: errno */
	int64_t last_ns, checked_ns;
	struct workers_names names;
	struct workers_size size;
	char servers[STATE_TEXT_SIZE];
	char reason[REASON_SIZE];
	struct workers_table table;
	struct workers_scan scan;
};

static int workers_check(const void *settings, char *ret_error, size_t size)
{
	const struct workers_conf *conf = settings;
	struct workers_names names;

	return workers_names_parse(conf->names, &names, ret_error, size);
}

static int workers_open(void *self, const void *settings, const struct env *env)
{
	struct workers *workers = self;
	char error[CONF_ERROR_SIZE];

	workers->conf = settings;
	workers->real_root = env->real_root;
	int r = workers_names_parse(workers->conf->names, &workers->names, error, sizeof(error));
	if (r < 0)
		return r;
	workers->proc_fd = procfs_open(env->root_fd, "proc");
	if (workers->proc_fd < 0)
		return 0;
	workers_table_open(&workers->table, workers->proc_fd);
	workers_scan_open(&workers->scan, workers->proc_fd, &workers->names, &workers->table);
	return 0;
}

/* Appends to the text as long as it fits; false when it does not. */
static bool append(char *text, size_t size, const char *more)
{
	size_t used = strlen(text), length = strlen(more);

	if (used + length >= size)
		return false;
	memcpy(text + used, more, length + 1);
	return true;
}

/* "apache2 12 x 14.2 MB, nginx 4 x 2.1 MB": workers of each kind and their mean size. */
static void name_servers(struct workers *workers)
{
	/* Ends what does not fit; there is always room for it. */
	static const char more[] = ", ...";
	const struct workers_table *table = &workers->table;
	const char *kinds[KINDS];
	unsigned count = 0;

	workers->servers[0] = '\0';
	for (unsigned i = 0; i < table->count; i++) {
		const char *comm = table->rows[i].comm;
		unsigned known = 0, members = 0;
		int64_t bytes = 0;
		char part[WORKERS_COMM_SIZE + 64];

		while (known < count && strcmp(kinds[known], comm) != 0)
			known++;
		if (known < count)
			continue;
		for (unsigned j = i; j < table->count; j++) {
			const struct workers_process *process = &table->rows[j];
			if (process->master || strcmp(process->comm, comm) != 0)
				continue;
			members++;
			bytes += workers_own_bytes(process);
		}
		int64_t tenths = members ? (bytes / members + 50000) / 100000 : 0;
		snprintf(part, sizeof(part), "%s%s %u x %" PRId64 ".%" PRId64 " MB",
			 count ? ", " : "", comm, members, tenths / 10, tenths % 10);
		if (count == KINDS ||
		    !append(workers->servers, sizeof(workers->servers) - sizeof(more), part)) {
			append(workers->servers, sizeof(workers->servers), more + (count ? 0 : 2));
			return;
		}
		kinds[count++] = comm;
	}
}

/* Why there is nothing to hand in; NULL if there is something. */
static const char *lacking(struct workers *workers, int error)
{
	const struct workers_scan *scan = &workers->scan;

	if (!workers->names.count)
		return NOT_APPLICABLE "switched off ([workers] names is empty)";
	if (error < 0) {
		snprintf(workers->reason, sizeof(workers->reason), "/proc: %s",
			 procfs_strerror(error));
		return workers->reason;
	}
	if (scan->too_many) {
		snprintf(workers->reason, sizeof(workers->reason),
			 "there are more than %d processes: too many to go through", WORKERS_NOTES);
		return workers->reason;
	}
	if (workers->table.count)
		return NULL;
	if (scan->untracked)
		return "no descriptor is left for the workers (LimitNOFILE in the unit)";
	if (scan->refused || (workers->real_root && !scan->init))
		return "processes of other users are hidden: 'mount -o remount,hidepid=0 /proc', "
		       "or put the agent into the group of the mount option gid=";
	return "no web server runs under the names of [workers] names";
}

static void hand_in_size(struct workers *workers, const struct workers_sum *sum,
			 struct batch *batch)
{
	int64_t bytes;

	if (workers_size_get(&workers->size, &bytes))
		batch_value(batch, METRIC_WORKER, bytes);
	else if (sum->workers && !sum->sizeable)
		batch_unknown(batch, METRIC_WORKER,
			      "one process serves many requests; [control] worker_size can say it");
	else
		batch_unknown(
			batch, METRIC_WORKER,
			"no worker has done much yet; meanwhile [control] worker_size counts");
}

static void hand_in(struct workers *workers, struct batch *batch)
{
	const unsigned untracked = workers->scan.untracked;
	struct workers_sum sum;
	char part[32];

	workers_table_sum(&workers->table, &sum);
	int64_t bytes = sum.worker_bytes;
	if (untracked && sum.workers)
		bytes = mul_div(bytes, sum.workers + untracked, sum.workers);
	batch_value(batch, METRIC_MEMORY, bytes + sum.master_bytes);
	batch_value(batch, METRIC_WORKERS, sum.workers + untracked);
	hand_in_size(workers, &sum, batch);

	name_servers(workers);
	if (untracked) {
		/* The sum is scaled up then; rather lose a name than this. */
		snprintf(part, sizeof(part), " and %u not measured", untracked);
		workers->servers[sizeof(workers->servers) - 1 - strlen(part)] = '\0';
		append(workers->servers, sizeof(workers->servers), part);
	}
	batch_text(batch, METRIC_SERVERS, workers->servers);
}

static int sample(struct workers *workers, int64_t now_ns)
{
	struct workers_table *table = &workers->table;
	bool fast = now_ns - workers->last_ns < FAST_NS;

	workers->last_ns = now_ns;
	if (workers->proc_fd < 0)
		return workers->proc_fd;
	workers_table_read(table, fast ? READS_FAST : READS_CALM);
	int r = workers_scan_run(&workers->scan, now_ns);
	if (r < 0)
		return r;
	if (now_ns - workers->checked_ns >= CHECK_NS) {
		workers->checked_ns = now_ns;
		workers_scan_check(&workers->scan);
	}
	workers_size_update(&workers->size, table->sizes, workers_table_sizes(table), now_ns);
	return 0;
}

static int workers_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct workers *workers = self;
	int r = workers->names.count ? sample(workers, now_ns) : 0;
	const char *why = lacking(workers, r);

	if (!why) {
		hand_in(workers, ret_batch);
		return 0;
	}
	for (unsigned i = 0; i < METRICS; i++)
		batch_unknown(ret_batch, i, why);
	return 0;
}

static void workers_close(void *self)
{
	struct workers *workers = self;

	workers_table_close(&workers->table);
	if (workers->proc_fd > 0)
		close(workers->proc_fd);
	workers->proc_fd = -ENOENT;
}

const struct collector workers_collector = {
	.module =
		{
			.name = "workers",
			.metrics = metrics,
			.metric_count = METRICS,
			.conf = conf_items,
			.conf_size = sizeof(struct workers_conf),
			.self_size = sizeof(struct workers),
			.check = workers_check,
			.open = workers_open,
			.read = workers_read,
			.close = workers_close,
		},
};
