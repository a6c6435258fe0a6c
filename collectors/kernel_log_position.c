/* SPDX-License-Identifier: MIT */
/*
 * One line, "BOOT-ID NUMBER", always of the same length, so that it is written over in place through a
 * descriptor that stays open: the directory may be gone by the time it counts.
 */
#include "collectors/kernel_log_position.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"

#define LINE_SIZE (KLOG_BOOT_ID_SIZE + 32)
/* run_dir has at most 79 bytes. */
#define PATH_SIZE 128
/* An agent that is killed counts what it read since the last time again. */
#define KEEP_EVERY_NS NS_PER_S

static int format(char line[LINE_SIZE], const char *boot_id, uint64_t next)
{
	return snprintf(line, LINE_SIZE, "%s %020" PRIu64 "\n", boot_id, next);
}

int klog_position_parse(const char *text, size_t length, const char *boot_id, uint64_t *ret_next)
{
	char line[LINE_SIZE];
	uint64_t next = 0;
	size_t id_length = strlen(boot_id);
	if (length == 0)
		return KLOG_POSITION_NONE;
	if (length != id_length + 22 || text[id_length] != ' ')
		return -EINVAL;
	for (size_t i = id_length + 1; i < length - 1; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(next, UINT64_C(10), &next) ||
		    __builtin_add_overflow(next, (uint64_t)(text[i] - '0'), &next))
			return -EINVAL;
	}
	if (text[length - 1] != '\n')
		return -EINVAL;
	format(line, boot_id, next);
	if (memcmp(line, text, length) != 0)
		return KLOG_POSITION_NONE;
	*ret_next = next;
	return 0;
}

/* Reads what an earlier life left. */
static bool restore(struct klog_position *position, const char *path, uint64_t *ret_next)
{
	char text[LINE_SIZE];
	ssize_t length = pread(position->fd, text, sizeof(text), 0);
	int r = length < 0 ? -errno
			   : klog_position_parse(text, (size_t)length, position->boot_id, ret_next);
	if (r < 0) {
		log_warning("kernel_log: %s is no position (%s); begins anew", path, strerror(-r));
		if (ftruncate(position->fd, 0) < 0) {
			close(position->fd);
			position->fd = -1;
		}
	}
	position->known = r == 0;
	position->next = r == 0 ? *ret_next : 0;
	return position->known;
}

bool klog_position_open(struct klog_position *position, const struct env *env, uint64_t *ret_next)
{
	char path[PATH_SIZE];
	*position = (struct klog_position){.fd = -1};
	if (procfs_read_line(env->root_fd, "proc/sys/kernel/random/boot_id", position->boot_id,
			     sizeof(position->boot_id)) <= 0)
		return false;
	snprintf(path, sizeof(path), "%s/kernel_log", env->run_dir);
	position->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (position->fd < 0) {
		log_debug("kernel_log: %s: %s; a restart begins anew", path, strerror(errno));
		return false;
	}
	return restore(position, path, ret_next);
}

/*
 * A page of a tmpfs may be swapped out, and then a write to it would wait for the card. One that is mapped
 * and locked may not. It is never read or written by way of the mapping; without the right to lock it
 * nothing is worse than before.
 */
static void pin(struct klog_position *position)
{
	position->pinned = true;
	position->page = mmap(NULL, LINE_SIZE, PROT_READ, MAP_SHARED, position->fd, 0);
	if (position->page != MAP_FAILED)
		mlock(position->page, LINE_SIZE);
}

void klog_position_keep(struct klog_position *position, uint64_t next, int64_t now_ns)
{
	char line[LINE_SIZE];
	if (position->fd < 0 || now_ns < position->due_ns ||
	    (position->known && position->next == next))
		return;
	int length = format(line, position->boot_id, next);
	position->due_ns = now_ns + KEEP_EVERY_NS;
	position->known = pwrite(position->fd, line, (size_t)length, 0) == length;
	position->next = next;
	if (!position->pinned)
		pin(position);
}

void klog_position_close(struct klog_position *position)
{
	if (position->pinned && position->page != MAP_FAILED)
		munmap(position->page, LINE_SIZE);
	position->pinned = false;
	if (position->fd >= 0)
		close(position->fd);
	position->fd = -1;
}
