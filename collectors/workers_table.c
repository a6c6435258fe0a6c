/* SPDX-License-Identifier: MIT */
/*
 * A process is a master when it is the parent of another one of the same name, and stays one when
 * its last child has ended (PHP-FPM with pm = ondemand). All others are workers. Masters count for the
 * sum, not for the size of a worker.
 *
 * A worker is forked by its master and shares its memory until one of them writes to it. The kernel
 * counts such pages for both, and tells nobody but root how many are left (smaps_rollup). Counted in
 * full, each worker that ends would free less than it seemed to hold, and somebody else would seem to
 * have taken the difference; not counted at all, what a worker has written to would be missed. Half
 * of what the master has is at most wrong by that half. With Apache and small pages 616 kB are
 * counted for a worker, 216 kB are its own, and 344 kB come out here.
 *
 * Sizes are believed only of workers that have used some processor time: a worker that has just been
 * forked is small, and says nothing of what requests will make of it. Apache's event and worker MPM,
 * uWSGI and gunicorn may serve one request in each thread.
 */
#include "collectors/workers_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"

/* "/task//children" and two numbers */
#define PATH_SIZE 48
/* Three numbers of statm that matter, and four that do not. */
#define STATM_SIZE 192
/* More than any machine has; the sum of a whole table of these still fits. */
#define MOST_BYTES (INT64_C(1) << 48)
/* A fifth of a second: some requests on the slowest Pi, thousands of static files. */
#define SEASONED_PER_S 5

/* One process of these serves any number of requests at once. */
static const char *const many_requests_names[] = {"nginx", "lighttpd", "caddy", "node", NULL};

void workers_table_open(struct workers_table *table, int proc_fd)
{
	table->proc_fd = proc_fd;
	table->page_bytes = sysconf(_SC_PAGESIZE);
	table->seasoned_ticks = sysconf(_SC_CLK_TCK) / SEASONED_PER_S;
}

static void close_children(struct workers_process *process)
{
	if (process->children_fd >= 0)
		close(process->children_fd);
	process->children_fd = -1;
	process->children_hash = 0;
}

void workers_table_close(struct workers_table *table)
{
	while (table->count > 0)
		workers_table_drop(table, &table->rows[table->count - 1]);
}

struct workers_process *workers_table_find(struct workers_table *table, int pid)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->rows[i].pid == pid)
			return &table->rows[i];
	return NULL;
}

/* The parent, if it is of the same kind. */
static struct workers_process *find_master(struct workers_table *table,
					   const struct workers_process *process)
{
	struct workers_process *parent = workers_table_find(table, process->parent);

	return parent && strcmp(parent->comm, process->comm) == 0 ? parent : NULL;
}

/* -ESRCH if it has ended. */
static int read_memory(struct workers_table *table, struct workers_process *process)
{
	char text[STATM_SIZE];
	const struct workers_process *master = find_master(table, process);
	int64_t pages;
	ssize_t got;

	/* The line is generated at once, so that one read gets all of it. */
	do
		got = pread(process->statm_fd, text, sizeof(text) - 1, 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : -ENODATA;
	text[got] = '\0';
	if (workers_statm_parse(text, &pages) < 0 || pages > MOST_BYTES / table->page_bytes)
		return -EINVAL;
	process->anon_bytes = pages * table->page_bytes;
	/* Nothing mapped at all: it has ended, and waits for its parent to ask for it. */
	if (text[0] == '0')
		return -ESRCH;
	process->inherited_bytes = master ? master->anon_bytes : 0;
	return 0;
}

static void take_stat(struct workers_process *process, const struct workers_stat *stat)
{
	process->parent = stat->parent;
	process->threads = stat->threads;
	process->cpu_ticks = stat->cpu_ticks;
	process->start_ticks = stat->start_ticks;
}

int workers_table_add(struct workers_table *table, int pid, const struct workers_stat *stat)
{
	char path[PATH_SIZE];
	struct workers_process process = {.pid = pid, .children_fd = -1, .listed = true};

	if (table->count == WORKERS_ROOM)
		return -ENOSPC;
	memcpy(process.comm, stat->comm, sizeof(process.comm));
	take_stat(&process, stat);
	for (unsigned i = 0; many_requests_names[i]; i++)
		if (strcmp(stat->comm, many_requests_names[i]) == 0)
			process.many_requests = true;

	snprintf(path, sizeof(path), "%d/statm", pid);
	process.statm_fd = procfs_open(table->proc_fd, path);
	if (process.statm_fd < 0)
		return process.statm_fd;
	int r = read_memory(table, &process);
	if (r < 0) {
		close(process.statm_fd);
		return r;
	}
	table->rows[table->count++] = process;
	table->changed = true;
	return 0;
}

bool workers_table_renew(struct workers_table *table, struct workers_process *process,
			 const struct workers_stat *stat)
{
	if (stat->dead || stat->start_ticks != process->start_ticks ||
	    strcmp(stat->comm, process->comm) != 0) {
		workers_table_drop(table, process);
		return false;
	}
	if (stat->parent != process->parent)
		table->changed = true;
	take_stat(process, stat);
	return true;
}

void workers_table_drop(struct workers_table *table, struct workers_process *process)
{
	if (process->root)
		table->root_gone = true;
	close(process->statm_fd);
	close_children(process);
	*process = table->rows[--table->count];
	table->changed = true;
}

static void watch_children(struct workers_table *table, struct workers_process *process)
{
	char path[PATH_SIZE];

	if (process->children_fd >= 0)
		return;
	snprintf(path, sizeof(path), "%d/task/%d/children", process->pid, process->pid);
	process->children_fd = procfs_open(table->proc_fd, path);
}

void workers_table_relate(struct workers_table *table)
{
	unsigned watched = 0;

	if (!table->changed)
		return;
	table->changed = false;
	table->childless = false;
	for (unsigned i = 0; i < table->count; i++) {
		struct workers_process *process = &table->rows[i];
		struct workers_process *master = find_master(table, process);

		process->root = !master;
		process->inherited_bytes = master ? master->anon_bytes : 0;
		if (master)
			master->master = true;
	}
	for (unsigned i = 0; i < table->count; i++) {
		struct workers_process *process = &table->rows[i];

		if (!process->root || watched == WORKERS_ROOTS) {
			table->childless |= process->root;
			close_children(process);
			continue;
		}
		watched++;
		watch_children(table, process);
		table->childless |= process->children_fd < 0;
	}
}

void workers_table_read(struct workers_table *table, unsigned limit)
{
	if (limit > table->count)
		limit = table->count;
	for (unsigned i = 0; i < limit && table->count > 0; i++) {
		if (table->read_next >= table->count)
			table->read_next = 0;
		/* The last one moves to the place of a dropped one: it is its turn then. */
		if (read_memory(table, &table->rows[table->read_next]) < 0)
			workers_table_drop(table, &table->rows[table->read_next]);
		else
			table->read_next++;
	}
}

struct workers_process *workers_table_next(struct workers_table *table)
{
	if (table->count == 0)
		return NULL;
	if (table->check_next >= table->count)
		table->check_next = 0;
	return &table->rows[table->check_next++];
}

int64_t workers_own_bytes(const struct workers_process *process)
{
	int64_t shared = process->inherited_bytes < process->anon_bytes ? process->inherited_bytes
									: process->anon_bytes;
	return process->anon_bytes - shared / 2;
}

void workers_table_sum(const struct workers_table *table, struct workers_sum *ret_sum)
{
	struct workers_sum sum = {0};

	for (unsigned i = 0; i < table->count; i++) {
		const struct workers_process *process = &table->rows[i];

		if (process->master) {
			sum.master_bytes += process->anon_bytes;
			continue;
		}
		sum.workers++;
		sum.worker_bytes += workers_own_bytes(process);
		sum.sizeable |= !process->many_requests;
	}
	*ret_sum = sum;
}

size_t workers_table_sizes(struct workers_table *table)
{
	size_t count = 0;

	for (unsigned i = 0; i < table->count; i++) {
		const struct workers_process *process = &table->rows[i];

		if (!process->master && !process->many_requests &&
		    process->cpu_ticks >= table->seasoned_ticks)
			table->sizes[count++] = workers_own_bytes(process) /
						(process->threads ? process->threads : 1);
	}
	return count;
}
