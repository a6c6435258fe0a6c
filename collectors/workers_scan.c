/* SPDX-License-Identifier: MIT */
/*
 * On an x86-64 virtual machine a listing of 230 processes takes 75 us, and a look at one of them (open,
 * read and close its stat) 3 us. So it is the looks that have to be few: what was looked at twice, in
 * two listings, is noted and left alone. Twice, because a process may be between fork and exec the
 * first time; and some old ones are looked at again with each listing, because a shell script may wait
 * before it becomes a web server. Kernel threads never become anything else.
 *
 * New workers are children of known masters: one read of /proc/PID/task/PID/children lists them all,
 * and only a list that is not the one of last time is worked through. The kernel may leave out some
 * while others end; the next list has them. It needs CONFIG_PROC_CHILDREN, which Debian and
 * Raspberry Pi OS have; where it is missing, /proc is listed more often.
 */
#include "collectors/workers_scan.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"

#define PERIOD_NS (10 * NS_PER_S)
/* Without the lists of children, and for what has no place in the table. */
#define PERIOD_BLIND_NS (2 * NS_PER_S)
#define PERIOD_HURRY_NS NS_PER_S
#define HURRY_NS (15 * NS_PER_S)
/* A system with 50 processes of users is gone through in two minutes. */
#define OLD_LOOKS 4
#define LOOKS 2
/* New children in one reading; Apache forks at most 32 a second. */
#define CHILDREN_LOOKS 16
/* 52 numbers, of which few are long, and a name. */
#define STAT_SIZE 1024
#define PATH_SIZE 24

void workers_scan_open(struct workers_scan *scan, int proc_fd, const struct workers_names *names,
		       struct workers_table *table)
{
	scan->proc_fd = proc_fd;
	scan->names = names;
	scan->table = table;
	scan->known = scan->notes[0];
	scan->due_ns = INT64_MIN;
	scan->hurry_until_ns = INT64_MIN;
}

/* The place of a number in the notes, or where it would be. */
static unsigned note_place(const struct workers_scan *scan, int pid)
{
	unsigned low = 0, high = scan->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (scan->known[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct workers_note *note_find(const struct workers_scan *scan, int pid)
{
	unsigned place = note_place(scan, pid);

	return place < scan->count && scan->known[place].pid == pid ? &scan->known[place] : NULL;
}

/* NULL if there is no room. */
static struct workers_note *note_make(struct workers_scan *scan, int pid)
{
	unsigned place = note_place(scan, pid);
	struct workers_note *note = &scan->known[place];

	if (place < scan->count && note->pid == pid)
		return note;
	if (scan->count == WORKERS_NOTES) {
		scan->too_many = true;
		return NULL;
	}
	memmove(note + 1, note, (scan->count - place) * sizeof(*note));
	scan->count++;
	*note = (struct workers_note){.pid = pid};
	return note;
}

/* Negative errno: it cannot be read, or is not in the expected form. */
static int read_stat(const struct workers_scan *scan, int pid, struct workers_stat *ret_stat)
{
	char path[PATH_SIZE], text[STAT_SIZE];

	snprintf(path, sizeof(path), "%d/stat", pid);
	int fd = procfs_open(scan->proc_fd, path);
	if (fd < 0)
		return fd;
	/* The line is generated at once: one read gets all of it. */
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	int r = got < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	text[got] = '\0';
	return workers_stat_parse(text, ret_stat);
}

static void look(struct workers_scan *scan, struct workers_note *note)
{
	struct workers_stat stat;
	int r = read_stat(scan, note->pid, &stat);
	bool ours = note->ours;

	note->ours = false;
	if (r == -EACCES || r == -EPERM) {
		scan->refused = true;
		return; /* asked again with the next listing: it may be another one then */
	}
	if (note->looks < LOOKS)
		note->looks++;
	if (r < 0)
		return; /* it has ended */
	note->kernel = stat.kernel;
	if (stat.kernel || stat.dead || !workers_names_match(scan->names, stat.comm))
		return;
	r = workers_table_add(scan->table, note->pid, &stat);
	if (r == -ESRCH || r == -ENOENT)
		return; /* it has ended between */
	/* The next listing counts those without a place anew. */
	scan->untracked += r < 0 && !ours;
	note->ours = true;
}

/* The number that the name of an entry of /proc is; 0 if it is none. */
static int entry_pid(const char *name)
{
	const char *end;
	int64_t pid;

	if (procfs_number(name, &end, &pid) < 0 || *end || pid <= 0 || pid > INT_MAX)
		return 0;
	return (int)pid;
}

static void take_entry(struct workers_scan *scan, int pid, struct workers_note *next,
		       unsigned *next_count)
{
	const struct workers_note *note = note_find(scan, pid);
	struct workers_process *process;
	unsigned place = *next_count;

	scan->init |= pid == 1;
	if (*next_count == WORKERS_NOTES) {
		scan->too_many = true;
		return;
	}
	/* The kernel lists in rising order; a directory that was copied may have any. */
	while (place > 0 && next[place - 1].pid > pid)
		place--;
	memmove(&next[place + 1], &next[place], (*next_count - place) * sizeof(*next));
	next[place] = note ? *note : (struct workers_note){.pid = pid};
	(*next_count)++;
	if (next[place].ours && (process = workers_table_find(scan->table, pid)) != NULL)
		process->listed = true;
}

static int list(struct workers_scan *scan, struct workers_note *next, unsigned *ret_count)
{
	ssize_t got;

	*ret_count = 0;
	scan->init = scan->too_many = scan->refused = false;
	if (lseek(scan->proc_fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((got = getdents64(scan->proc_fd, scan->listing, sizeof(scan->listing))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(scan->listing + at);
			int pid = entry_pid(entry->d_name);

			at += entry->d_reclen;
			if (pid)
				take_entry(scan, pid, next, ret_count);
		}
	}
	return got < 0 ? -errno : 0;
}

/* Whether a look at it can tell anything new. */
static bool wants_look(const struct workers_scan *scan, const struct workers_note *note)
{
	if (note->kernel)
		return false;
	if (note->ours)
		return scan->table->count < WORKERS_ROOM &&
		       !workers_table_find(scan->table, note->pid);
	return note->looks < LOOKS;
}

/* Those that want a look: new ones, and of the old ones the next few in turn. */
static void look_around(struct workers_scan *scan)
{
	unsigned old = 0;

	for (unsigned i = 0; i < scan->count; i++) {
		struct workers_note *note = &scan->known[i];
		if (wants_look(scan, note))
			look(scan, note);
	}
	for (unsigned i = 0; i < scan->count && old < OLD_LOOKS; i++) {
		struct workers_note *note = &scan->known[scan->old_next++ % scan->count];

		if (note->kernel || note->ours)
			continue;
		look(scan, note);
		old++;
	}
	scan->old_next %= scan->count + 1;
}

static int scan_proc(struct workers_scan *scan)
{
	struct workers_table *table = scan->table;
	struct workers_note *next = scan->notes[scan->known == scan->notes[0] ? 1 : 0];
	unsigned count;

	for (unsigned i = 0; i < table->count; i++)
		table->rows[i].listed = false;
	int r = list(scan, next, &count);
	if (r < 0)
		return r;
	scan->known = next;
	scan->count = count;
	for (unsigned i = table->count; i-- > 0;)
		if (!table->rows[i].listed && !scan->too_many)
			workers_table_drop(table, &table->rows[i]);
	scan->untracked = 0;
	for (unsigned i = 0; i < count; i++) {
		struct workers_note *note = &next[i];

		if (!note->ours || workers_table_find(table, note->pid))
			continue;
		if (table->count == WORKERS_ROOM) {
			scan->untracked++;
			continue;
		}
		/* It was dropped, or there is a place now: as if it were new. */
		*note = (struct workers_note){.pid = note->pid};
	}
	look_around(scan);
	return 0;
}

/* A list that is new. Returns false if there was more in it than could be looked at. */
static bool take_children(struct workers_scan *scan, const char *text)
{
	int pid;

	while ((pid = workers_children_next(&text)) != 0) {
		struct workers_note *note = note_find(scan, pid);

		if (note && !wants_look(scan, note))
			continue;
		if (scan->budget == 0)
			return false;
		scan->budget--;
		if (!note)
			note = note_make(scan, pid);
		if (!note)
			return true;
		look(scan, note);
	}
	return true;
}

/* FNV-1a, never 0 */
static uint64_t hash(const char *text, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return value ? value : 1;
}

static void scan_children(struct workers_scan *scan)
{
	struct workers_table *table = scan->table;

	scan->budget = CHILDREN_LOOKS;
	/* Those that are added on the way come last and are no parents yet. */
	for (unsigned i = 0, count = table->count; i < count; i++) {
		struct workers_process *process = &table->rows[i];
		if (process->children_fd < 0)
			continue;
		ssize_t got =
			pread(process->children_fd, scan->children, sizeof(scan->children) - 1, 0);
		if (got < 0)
			continue; /* it has ended; its memory tells */
		scan->children[got] = '\0';
		uint64_t now = hash(scan->children, (size_t)got);
		if (now == process->children_hash)
			continue;
		process->children_hash = take_children(scan, scan->children) ? now : 0;
	}
}

/* Ticks have jitter: one that is a little early must not skip a whole turn. */
static void plan(struct workers_scan *scan, int64_t now_ns)
{
	const struct workers_table *table = scan->table;
	int64_t period_ns = PERIOD_NS;

	if (table->childless || scan->untracked)
		period_ns = PERIOD_BLIND_NS;
	if (now_ns < scan->hurry_until_ns)
		period_ns = PERIOD_HURRY_NS;
	scan->due_ns = now_ns + period_ns - period_ns / 10;
}

int workers_scan_run(struct workers_scan *scan, int64_t now_ns)
{
	int r = 0;

	if (scan->table->root_gone) {
		scan->table->root_gone = false;
		scan->hurry_until_ns = now_ns + HURRY_NS;
		scan->due_ns = now_ns;
	}
	scan_children(scan);
	if (now_ns >= scan->due_ns) {
		r = scan_proc(scan);
		workers_table_relate(scan->table);
		plan(scan, now_ns);
	}
	workers_table_relate(scan->table);
	return r;
}

void workers_scan_check(struct workers_scan *scan)
{
	struct workers_process *process = workers_table_next(scan->table);
	struct workers_stat stat;

	if (!process)
		return;
	int pid = process->pid;
	int r = read_stat(scan, pid, &stat);
	if (r == -ENOENT || r == -ESRCH)
		workers_table_drop(scan->table, process);
	else if (r < 0 || workers_table_renew(scan->table, process, &stat))
		return;
	struct workers_note *note = note_find(scan, pid);
	if (note)
		*note = (struct workers_note){.pid = pid};
}
