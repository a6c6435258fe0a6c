/* SPDX-License-Identifier: MIT */
/*
 * Parents are stopped before their children and resumed after them. A shell with job control that saw its
 * child stop would take the terminal back and go on with the next command; stopped itself, it sees nothing,
 * and when it wakes its children run again.
 *
 * A process stands on the list before it is stopped and until it was resumed, so that whoever has to clean
 * up after us finds all of them, and at worst resumes one that runs.
 */
#include "agent/ctl/guard_freeze.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The default kernel.pid_max of a 32-bit kernel. Pages that are not used cost nothing. */
#define LIST_SIZE 32768
/* Each round finds what was started during the one before; a fork bomb is caught at the next look. */
#define ROUNDS 20
/* A process that was stopped needs to get the processor once; one that waits for the card cannot. */
#define STOP_STEP_NS 500000
#define STOP_STEPS 60

struct freeze_list {
	atomic_int count;
	struct {
		_Atomic(pid_t) pid; /* 0: it has ended, or is no longer on the list */
		unsigned long long start;
	} entries[LIST_SIZE];
};

int freeze_open(struct freeze *freeze)
{
	void *memory = mmap(NULL, sizeof(struct freeze_list), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*freeze = (struct freeze){.list = memory};
	return 0;
}

void freeze_close(struct freeze *freeze)
{
	munmap(freeze->list, sizeof(*freeze->list));
	tree_free(&freeze->tree);
}

static struct guard_process get(const struct freeze_list *list, int index)
{
	return (struct guard_process){
		.pid = atomic_load(&list->entries[index].pid),
		.start = list->entries[index].start,
	};
}

/* The place of a process on the list, or -1. */
static int find(const struct freeze_list *list, const struct guard_process *process)
{
	int count = atomic_load(&list->count);

	for (int i = 0; i < count; i++)
		if (atomic_load(&list->entries[i].pid) == process->pid &&
		    list->entries[i].start == process->start)
			return i;
	return -1;
}

/* Returns the place, or -1: the list is full. */
static int put(struct freeze_list *list, const struct guard_process *process)
{
	int index = atomic_load(&list->count);

	if (index == LIST_SIZE)
		return -1;
	list->entries[index].start = process->start;
	atomic_store(&list->entries[index].pid, process->pid);
	atomic_store(&list->count, index + 1);
	return index;
}

static bool has_children(const struct tree *tree, size_t index)
{
	/* They stand behind it, one level down. */
	for (size_t i = index + 1; i < tree->count; i++) {
		if (tree->rows[i].parent == tree->rows[index].process.pid)
			return true;
		if (tree->rows[i].depth > tree->rows[index].depth + 1)
			break;
	}
	return false;
}

/* Until it has stopped, or cannot for now; steps are what is left of the patience. */
static void await_stop(const struct guard_process *process, int *steps)
{
	struct tree_row row;

	while (*steps > 0 && tree_look(process->pid, &row) == 0 && row.state != 'D' &&
	       !tree_is_stopped(&row) && !tree_is_gone(&row)) {
		nanosleep(&(struct timespec){.tv_nsec = STOP_STEP_NS}, NULL);
		(*steps)--;
	}
}

/* Returns whether it was running, and is not now. */
static bool stop_one(struct freeze *freeze, const struct tree_row *row)
{
	int index = find(freeze->list, &row->process), result;
	bool known = index >= 0;

	if (tree_is_stopped(row) || tree_is_gone(row))
		return false; /* by us, or by somebody else whose business it is */
	if (!known)
		index = put(freeze->list, &row->process);
	if (index < 0) {
		freeze->overflow = true;
		return false;
	}
	result = tree_signal(&row->process, SIGSTOP);
	if (result == 0)
		return !known;
	atomic_store(&freeze->list->entries[index].pid, 0);
	/* One that may not be stopped comes again with each sweep: it must not use up the list. */
	if (index == atomic_load(&freeze->list->count) - 1)
		atomic_store(&freeze->list->count, index);
	if (result == -EPERM)
		freeze->denied = row->process.pid;
	return false;
}

/* Stops what is not stopped in the tree. Returns how many were new. */
static int stop_tree(struct freeze *freeze, int *steps)
{
	int found = 0;

	for (size_t i = 0; i < freeze->tree.count; i++) {
		const struct tree_row *row = &freeze->tree.rows[i];

		if (!stop_one(freeze, row))
			continue;
		found++;
		if (has_children(&freeze->tree, i))
			await_stop(&row->process, steps);
	}
	return found;
}

int freeze_all(struct freeze *freeze, pid_t root)
{
	int steps = STOP_STEPS;

	freeze->denied = 0;
	freeze->overflow = false;
	for (int round = 0; round < ROUNDS; round++) {
		int result = tree_scan(&freeze->tree, root);

		if (result < 0)
			return result;
		if (stop_tree(freeze, &steps) == 0 && !freeze->tree.torn)
			break;
	}
	return freeze_count(freeze);
}

int freeze_count(const struct freeze *freeze)
{
	int count = atomic_load(&freeze->list->count), used = 0;

	for (int i = 0; i < count; i++)
		used += atomic_load(&freeze->list->entries[i].pid) != 0;
	return used;
}

long long freeze_memory(const struct freeze *freeze)
{
	long long bytes = 0;

	for (int i = 0; i < atomic_load(&freeze->list->count); i++) {
		struct guard_process process = get(freeze->list, i);

		if (process.pid != 0)
			bytes += tree_memory(process.pid);
	}
	return bytes;
}

int freeze_thaw(struct freeze *freeze)
{
	int resumed = 0;

	for (int i = atomic_load(&freeze->list->count); i-- > 0;) {
		struct guard_process process = get(freeze->list, i);

		if (process.pid == 0)
			continue;
		resumed += tree_signal(&process, SIGCONT) == 0;
		atomic_store(&freeze->list->entries[i].pid, 0);
	}
	atomic_store(&freeze->list->count, 0);
	return resumed;
}

int freeze_signal_all(struct freeze *freeze, pid_t root, int number)
{
	int result = tree_scan(&freeze->tree, root), living = 0;

	if (result < 0)
		return result;
	for (size_t i = 0; i < freeze->tree.count; i++) {
		if (tree_is_gone(&freeze->tree.rows[i]))
			continue;
		living++;
		tree_signal(&freeze->tree.rows[i].process, number);
	}
	return living;
}
