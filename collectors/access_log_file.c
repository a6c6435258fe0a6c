/* SPDX-License-Identifier: MIT */
/*
 * The log lies on the disk whose trouble this agent must outlive, so only what is in memory is read
 * (RWF_NOWAIT, preadv2(2)). What a web server wrote a second ago is there. Where it is not, the kernel
 * is asked to fetch it and the next poll finds it. File systems that do not know this flag (overlay,
 * NFS, some in memory) are read as ever and may make us wait.
 *
 * Each read begins one byte early. That byte is the end of the line before, unless the file was
 * emptied and has grown beyond our place again since the last look: its size alone would not tell.
 *
 * A reader sets the file's access time, which makes ext4 wait for its journal where the file system is
 * not mounted with noatime (Raspberry Pi OS: it is). O_NOATIME spares that, but the kernel grants it
 * only to the file's owner and to root.
 */
#include "collectors/access_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/units.h"

/* More than this behind: what is older is given up. At 1 MB/s that is a quarter of a minute. */
#define BACKLOG_BYTES (INT64_C(16) << 20)

int access_log_file_open(int root_fd, const char *path, bool from_end, int64_t now_ns,
			 struct access_log_file *ret_file, struct stat *ret_stat)
{
	/* O_NONBLOCK: should it be a FIFO by now, nobody waits for its writer. */
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat stat;

	int fd = openat(root_fd, path, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(root_fd, path, flags);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &stat) < 0 ? -errno : S_ISREG(stat.st_mode) ? 0 : -ENOTSUP;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_stat = stat;
	*ret_file = (struct access_log_file){
		.fd = fd,
		.device = stat.st_dev,
		.inode = stat.st_ino,
		.offset = from_end ? stat.st_size : 0,
		.seen = from_end ? stat.st_size : 0,
		.grown_ns = now_ns,
		.within = from_end,
	};
	return 0;
}

static ssize_t read_at(struct access_log_file *file, char *buffer, size_t length, int64_t offset)
{
	struct iovec part = {.iov_base = buffer, .iov_len = length};
	for (;;) {
		ssize_t got =
			preadv2(file->fd, &part, 1, (off_t)offset, file->waits ? 0 : RWF_NOWAIT);
		if (got >= 0)
			return got;
		if (errno == EOPNOTSUPP && !file->waits)
			file->waits = true;
		else if (errno != EINTR)
			return -errno;
	}
}

static void skip_to(struct access_log_file *file, int64_t offset,
		    struct access_log_reading *reading)
{
	reading->skipped_bytes += offset - file->offset;
	file->offset = file->seen = offset;
	file->within = true;
}

static void start_over(struct access_log_file *file, struct access_log_reading *reading)
{
	reading->rewrites++;
	file->offset = file->seen = 0;
	file->within = false;
}

/* Takes the lines of what was read at offset; full: as much as the buffer holds. */
static void take(struct access_log_file *file, const char *text, size_t length, bool full,
		 struct access_log_tally *tally)
{
	size_t used = 0;
	if (file->within) {
		const char *end = memchr(text, '\n', length);
		file->within = !end;
		used = end ? (size_t)(end - text) + 1 : length;
	}
	used += access_log_count(tally, text + used, length - used);
	if (used == 0 && full) {
		/* Too long: its beginning says what it is, the rest is passed over. */
		access_log_count_line(tally, text, length);
		file->within = true;
		used = length;
	}
	file->seen = file->offset + (int64_t)length;
	file->offset += (int64_t)used;
}

/*
 * Reads one buffer, not beyond size: what lies behind it would make the next size look like a smaller
 * one where sizes are old (NFS). Returns 0, ACCESS_LOG_MORE if the next buffer can be read at once, or
 * the errno.
 */
static int read_on(struct access_log_file *file, int64_t size, char *buffer, int64_t *budget,
		   struct access_log_reading *reading)
{
	int64_t early = file->offset > 0;
	int64_t start = file->offset - early;
	size_t length = (size_t)clamp_i64(size - start, 0, ACCESS_LOG_BUFFER_SIZE);
	ssize_t got = read_at(file, buffer, length, start);
	if (got < 0)
		return got == -EAGAIN ? 0 : (int)got;
	if (got <= early)
		return 0; /* it was emptied just now; the next look tells */

	*budget -= got;
	bool line_start = !early || buffer[0] == '\n';
	if (!line_start && !file->within) {
		start_over(file, reading);
		return ACCESS_LOG_MORE;
	}
	if (line_start)
		file->within = false;
	bool full = got == ACCESS_LOG_BUFFER_SIZE;
	take(file, buffer + early, (size_t)(got - early), full, &reading->tally);
	return full ? ACCESS_LOG_MORE : 0;
}

int access_log_file_read(struct access_log_file *file, const struct stat *stat, int64_t now_ns,
			 char *buffer, int64_t *budget, struct access_log_reading *reading)
{
	int64_t size = stat->st_size;
	if (size < file->offset)
		start_over(file, reading);
	else if (size < file->seen)
		file->seen = file->offset;
	if (size > file->seen)
		file->grown_ns = now_ns;
	if (size - file->offset > BACKLOG_BYTES)
		skip_to(file, size, reading);

	int64_t before = *budget;
	int r = ACCESS_LOG_MORE;
	while (r == ACCESS_LOG_MORE && file->seen<size && * budget> 0)
		r = read_on(file, size, buffer, budget, reading);
	if (r < 0) {
		skip_to(file, size, reading);
		return r;
	}
	if (file->seen >= size)
		return 0;
	if (r == 0) /* the rest is not in memory */
		posix_fadvise(file->fd, (off_t)file->seen, ACCESS_LOG_BUFFER_SIZE,
			      POSIX_FADV_WILLNEED);
	return r == ACCESS_LOG_MORE || *budget < before ? ACCESS_LOG_MORE : 0;
}

void access_log_file_close(struct access_log_file *file, struct access_log_reading *reading)
{
	struct stat stat;
	if (fstat(file->fd, &stat) == 0 && stat.st_size > file->offset)
		skip_to(file, stat.st_size, reading);
	close(file->fd);
}
