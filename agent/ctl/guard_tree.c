/* SPDX-License-Identifier: MIT */
/*
 * Neither process group nor session says who belongs to a command: shells with job control, setsid and
 * timeout make their own. Descent does, as long as nobody is lost when its parent ends; for that the caller
 * is the one who inherits orphans (PR_SET_CHILD_SUBREAPER).
 *
 * /proc is read while the processes live on, so one look is no picture of a moment. A process is missed only
 * if it was made while we looked, by one that was not stopped yet; who looks again until nothing new is
 * found, and stops all that he finds, has got all of them. A row whose parent is not among the rows was
 * orphaned while we looked: the tree says so.
 */
#include "agent/ctl/guard_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "agent/procfs.h"

/* 52 numbers of at most 20 digits, and the name. */
#define STAT_SIZE 1200

/* What struct tree_row.depth means while the rows are sorted out. */
enum {
	DEPTH_OPEN = -1,
	DEPTH_FOREIGN = 0,
};

int tree_parse_stat(const char *text, struct tree_row *ret_row)
{
	/* The name may hold anything, brackets and blanks as well; nothing behind it does. */
	const char *rest = strrchr(text, ')');
	struct tree_row row = {0};

	if (rest == NULL || sscanf(text, "%d (", &row.process.pid) != 1)
		return -EINVAL;
	/* proc(5): fields 3 (state), 4 (ppid), 20 (threads) and 22 (start time). */
	if (sscanf(rest,
		   ") %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d %*s %llu",
		   &row.state, &row.parent, &row.threads, &row.process.start) != 4)
		return -EINVAL;
	if (row.process.pid <= 0 || row.parent < 0)
		return -EINVAL;
	*ret_row = row;
	return 0;
}

int tree_look(pid_t pid, struct tree_row *ret_row)
{
	char path[32], text[STAT_SIZE];
	int length;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	length = procfs_read_path(AT_FDCWD, path, text, sizeof(text));
	return length < 0 ? length : tree_parse_stat(text, ret_row);
}

bool tree_is_stopped(const struct tree_row *row)
{
	return row->state == 'T' || row->state == 't';
}

bool tree_is_gone(const struct tree_row *row)
{
	/* Where the first thread has ended before the others, the process shows as a zombie and lives. */
	return (row->state == 'Z' && row->threads <= 1) || row->state == 'X';
}

int tree_signal(const struct guard_process *process, int number)
{
	int fd = pidfd_open(process->pid, 0), result;
	struct tree_row row;

	/* The number may be another process's now, but cannot become that while the descriptor is open. */
	if (fd < 0 && errno == ESRCH)
		return -ESRCH;
	if (process->start != 0 &&
	    (tree_look(process->pid, &row) < 0 || row.process.start != process->start))
		result = -ESRCH;
	else if (fd >= 0)
		result = pidfd_send_signal(fd, number, NULL, 0) < 0 ? -errno : 0;
	else /* a filter of system calls that is older than pidfd */
		result = kill(process->pid, number) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return result;
}

static int by_pid(const void *a, const void *b)
{
	pid_t first = ((const struct tree_row *)a)->process.pid;
	pid_t second = ((const struct tree_row *)b)->process.pid;

	return (first > second) - (first < second);
}

static int by_depth(const void *a, const void *b)
{
	const struct tree_row *first = a, *second = b;

	if (first->depth != second->depth)
		return (first->depth > second->depth) - (first->depth < second->depth);
	return by_pid(a, b);
}

static struct tree_row *find(const struct tree *tree, pid_t pid)
{
	struct tree_row key = {.process.pid = pid};

	return bsearch(&key, tree->rows, tree->count, sizeof(key), by_pid);
}

/* Sets the depth of a row. A chain can have no more links than there are rows, even one that is torn. */
static void settle(struct tree *tree, struct tree_row *row, pid_t root)
{
	struct tree_row *step = row;
	int links = 1;

	/* 0 and 1 are above everybody; the files of 1 may be hidden from us. */
	while (step->parent != root && step->parent > 1 && (size_t)links <= tree->count) {
		struct tree_row *parent = find(tree, step->parent);

		if (parent == NULL) {
			tree->torn = true;
			break;
		}
		if (parent->depth != DEPTH_OPEN) {
			row->depth = parent->depth == DEPTH_FOREIGN ? DEPTH_FOREIGN
								    : parent->depth + links;
			return;
		}
		step = parent;
		links++;
	}
	row->depth = step->parent == root ? links : DEPTH_FOREIGN;
}

/* Leaves the descendants alone, in order. */
static void sort_out(struct tree *tree, pid_t root)
{
	size_t kept = 0;

	qsort(tree->rows, tree->count, sizeof(tree->rows[0]), by_pid);
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->rows[i].process.pid == root)
			tree->rows[i].depth = DEPTH_FOREIGN;
		else
			settle(tree, &tree->rows[i], root);
	}
	for (size_t i = 0; i < tree->count; i++)
		if (tree->rows[i].depth > DEPTH_FOREIGN)
			tree->rows[kept++] = tree->rows[i];
	tree->count = kept;
	qsort(tree->rows, tree->count, sizeof(tree->rows[0]), by_depth);
}

static int add(struct tree *tree, const struct tree_row *row)
{
	if (tree->count == tree->room) {
		size_t room = tree->room > 0 ? 2 * tree->room : 256;
		struct tree_row *rows = reallocarray(tree->rows, room, sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		tree->rows = rows;
		tree->room = room;
	}
	tree->rows[tree->count++] = *row;
	return 0;
}

int tree_scan(struct tree *tree, pid_t root)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int result = 0;

	tree->count = 0;
	tree->torn = false;
	if (folder == NULL)
		return -errno;
	while (result == 0 && (entry = readdir(folder)) != NULL) {
		struct tree_row row;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (tree_look(atoi(entry->d_name), &row) < 0)
			continue;
		row.depth = DEPTH_OPEN;
		result = add(tree, &row);
	}
	closedir(folder);
	if (result < 0)
		tree->count = 0;
	else
		sort_out(tree, root);
	return result;
}

void tree_free(struct tree *tree)
{
	free(tree->rows);
	*tree = (struct tree){0};
}

long long tree_memory(pid_t pid)
{
	long long resident, shared;
	char path[32], text[128];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (procfs_read_path(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%*s %lld %lld", &resident, &shared) != 2 || resident < shared)
		return 0;
	return (resident - shared) * sysconf(_SC_PAGESIZE);
}
