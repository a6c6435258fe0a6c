/* SPDX-License-Identifier: MIT */
/*
 * A log is rotated by renaming it, making a new one and telling the web server, which may take a
 * while; a child that ends slowly writes to the old file for longer. So the old file stays open until
 * nothing came for a minute and the new one has got lines (or there is no new one).
 *
 * Each poll looks at the name anew: one stat, which also tells the size, and which works where nobody
 * tells of a rotation (access_log_notice.c). It needs no disk: an open file keeps its name and the
 * directories above it in memory. A file is opened only when another one stands at the name, which was
 * made a moment ago.
 *
 * A device and inode number means one file only while that file is open, so it is compared with those
 * of open files only. After a read that failed, the name is left alone for a while: on a dying disk a
 * look that goes beyond memory may never return.
 */
#include "collectors/access_log_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/units.h"

#define QUIET_NS (60 * NS_PER_S)
/* After trouble with the disk, and between two tries to open what may not be opened. */
#define TROUBLE_PAUSE_NS (60 * NS_PER_S)
#define DENIED_PAUSE_NS (10 * NS_PER_S)

/* The path relative to the root directory. */
static const char *below(const struct access_log_follow *follow)
{
	return follow->path + strspn(follow->path, "/");
}

static void drop(struct access_log_follow *follow, unsigned index,
		 struct access_log_reading *reading)
{
	access_log_file_close(&follow->files[index], reading);
	follow->count--;
	memmove(&follow->files[index], &follow->files[index + 1],
		(follow->count - index) * sizeof(follow->files[0]));
}

/* True if one of the files stands at path (again); it becomes the last one. */
static bool is_open(struct access_log_follow *follow, const struct stat *stat)
{
	for (unsigned i = 0; i < follow->count; i++) {
		if (!access_log_file_is(&follow->files[i], stat))
			continue;
		struct access_log_file found = follow->files[i];
		memmove(&follow->files[i], &follow->files[i + 1],
			(follow->count - i - 1) * sizeof(found));
		follow->files[follow->count - 1] = found;
		return true;
	}
	return false;
}

static int open_another(struct access_log_follow *follow, int root_fd, int64_t now_ns,
			struct access_log_reading *reading, struct stat *ret_stat)
{
	struct access_log_file file;
	/*
	 * The first one was there before us, unless we have seen that it was not. One that could not be
	 * read for long has old lines, which would all look as if they came now.
	 */
	bool late = follow->trouble_ns && now_ns - follow->trouble_ns > QUIET_NS;
	bool from_end = !follow->missed || late;
	int r = access_log_file_open(root_fd, below(follow), from_end, now_ns, &file, ret_stat);
	if (r < 0)
		return r;
	follow->missed = true;
	if (is_open(follow, ret_stat)) { /* it came back between stat and open */
		close(file.fd);
		return 0;
	}
	if (follow->count == ACCESS_LOG_FILES)
		drop(follow, 0, reading);
	if (late)
		reading->skipped_bytes += file.offset;
	follow->files[follow->count++] = file;
	follow->changed_ns = now_ns;
	return 0;
}

/* Returns 0 if the last file is the one at path, whose stat it fills in, or the errno. */
static int look(struct access_log_follow *follow, int root_fd, int64_t now_ns,
		struct access_log_reading *reading, struct stat *ret_stat)
{
	if (fstatat(root_fd, below(follow), ret_stat, 0) < 0) {
		follow->missed |= errno == ENOENT;
		return -errno;
	}
	if (is_open(follow, ret_stat))
		return 0;
	if (!S_ISREG(ret_stat->st_mode))
		return -ENOTSUP;
	return open_another(follow, root_fd, now_ns, reading, ret_stat);
}

/* Whether nobody will write to the file at index any more. */
static bool is_over(const struct access_log_follow *follow, unsigned index, int64_t now_ns)
{
	const struct access_log_file *file = &follow->files[index];
	bool last = index == follow->count - 1;
	if (last && follow->current)
		return false;
	if (!last && follow->files[index + 1].seen == 0)
		return false;
	return now_ns - file->grown_ns >= QUIET_NS && now_ns - follow->changed_ns >= QUIET_NS;
}

int access_log_follow_poll(struct access_log_follow *follow, int root_fd, int64_t now_ns,
			   char *buffer, int64_t *budget, struct access_log_reading *reading)
{
	struct stat current, old;
	bool looked = now_ns >= follow->look_ns;
	if (looked) {
		bool had = follow->current;
		follow->error = look(follow, root_fd, now_ns, reading, &current);
		follow->current = follow->error == 0;
		if (follow->current || follow->error == -ENOENT)
			follow->trouble_ns = 0;
		else if (!follow->trouble_ns)
			follow->trouble_ns = now_ns;
		if (had && !follow->current)
			follow->changed_ns = now_ns;
		if (follow->error && follow->error != -ENOENT)
			follow->look_ns = now_ns + DENIED_PAUSE_NS;
	}

	bool more = false;
	for (unsigned i = 0; i < follow->count;) {
		struct access_log_file *file = &follow->files[i];
		bool known = looked && follow->current && i == follow->count - 1;
		int r = !known && fstat(file->fd, &old) < 0 ? -errno : 0;
		if (r == 0)
			r = access_log_file_read(file, known ? &current : &old, now_ns, buffer,
						 budget, reading);
		if (r < 0)
			follow->look_ns = now_ns + TROUBLE_PAUSE_NS;
		if (r == ACCESS_LOG_MORE)
			more = true;
		else if (is_over(follow, i, now_ns)) {
			drop(follow, i, reading);
			continue;
		}
		i++;
	}
	return more ? ACCESS_LOG_MORE : 0;
}

bool access_log_follow_shares(const struct access_log_follow *one,
			      const struct access_log_follow *other)
{
	for (unsigned i = 0; i < one->count; i++) {
		const struct access_log_file *file = &one->files[i];
		for (unsigned j = 0; j < other->count; j++)
			if (file->device == other->files[j].device &&
			    file->inode == other->files[j].inode)
				return true;
	}
	return false;
}

void access_log_follow_close(struct access_log_follow *follow, struct access_log_reading *reading)
{
	while (follow->count > 0)
		drop(follow, 0, reading);
}
