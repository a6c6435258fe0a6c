/* SPDX-License-Identifier: MIT */
/*
 * Kernel files are generated on read, so one pread from offset 0 into a buffer that is large enough
 * gives one consistent picture. A file that does not fit is not the file we think it is.
 *
 * A link in a tree that is not the real root, be it absolute or with "..", must lead to a file of
 * that tree and not to one of this machine, so the kernel is asked to take root_fd for "/". On the
 * real root that changes nothing (but for magic links such as /proc/PID/exe, which nobody opens).
 *
 * Where the root is on NFS, looking up "proc" in it asks the server, who may be silent. So the folders
 * that are in memory are kept open from the start, and their files are looked up from there.
 */
#include "agent/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/*
 * A "..", of which the links in /sys/block have some, is refused with EAGAIN if a rename anywhere in
 * the system came between. That window is less than a microsecond; 8 in a row do not happen.
 */
#define OPEN_ATTEMPTS 8

static const char *const kept_names[] = {"proc/", "sys/", "dev/", "run/"};

#define KEPT (sizeof(kept_names) / sizeof(kept_names[0]))

/* Set once by procfs_keep() before there is a second thread. */
static struct {
	bool kept;
	int root_fd;
	int fds[KEPT]; /* negative: not there */
} folders;

void procfs_keep(int root_fd)
{
	folders.root_fd = root_fd;
	for (size_t i = 0; i < KEPT; i++)
		folders.fds[i] = openat(root_fd, kept_names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
	folders.kept = true;
}

void procfs_forget(void)
{
	for (size_t i = 0; folders.kept && i < KEPT; i++)
		if (folders.fds[i] >= 0)
			close(folders.fds[i]);
	folders.kept = false;
}

int procfs_at(int root_fd, const char **path)
{
	const char *below = **path == '/' ? *path + 1 : *path;

	if (!folders.kept || (**path != '/' && root_fd != folders.root_fd))
		return root_fd;
	for (size_t i = 0; i < KEPT; i++) {
		size_t length = strlen(kept_names[i]);
		if (folders.fds[i] < 0 || strncmp(below, kept_names[i], length) != 0 ||
		    below[length] == '\0' || below[length] == '/')
			continue;
		*path = below + length;
		return folders.fds[i];
	}
	return root_fd;
}

bool procfs_exists(int root_fd, const char *path)
{
	int fd = procfs_at(root_fd, &path);
	return faccessat(fd, path, F_OK, 0) == 0;
}

int procfs_open(int root_fd, const char *path)
{
	/*
	 * An absolute path means this machine, whatever root_fd is, and a folder that was kept is one
	 * of this machine too.
	 */
	bool absolute = path[0] == '/';
	int from_fd = procfs_at(root_fd, &path);
	struct open_how how = {.flags = OPEN_FLAGS,
			       .resolve = absolute || from_fd != root_fd ? 0 : RESOLVE_IN_ROOT};
	int fd;

	for (int i = 0; i < OPEN_ATTEMPTS; i++) {
		fd = (int)syscall(SYS_openat2, from_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	/* Before Linux 5.6, or behind a filter of system calls that does not know this one. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
		fd = openat(from_fd, path, OPEN_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* A read of less than end_below bytes is the last one. */
static int read_until(int fd, char *buffer, size_t size, size_t end_below)
{
	size_t used = 0;
	for (;;) {
		ssize_t got = pread(fd, buffer + used, size - used, (off_t)used);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		used += (size_t)got;
		if (used == size)
			return -EFBIG;
		if ((size_t)got < end_below)
			break;
	}
	if (used == 0)
		return -ENODATA;
	buffer[used] = '\0';
	return (int)used;
}

int procfs_read(int fd, char *buffer, size_t size)
{
	/* seq_file hands out a few records at a time: only a read of nothing is the end. */
	return read_until(fd, buffer, size, 1);
}

/*
 * seq_file collects records in a buffer of at least one page, as long as the next one fits
 * (fs/seq_file.c, seq_read_iter). A read that returns less than a page without the longest record
 * had room for another one, so there was none. Of a regular file less than was asked for is the end
 * in any case.
 */
int procfs_read_records(int fd, char *buffer, size_t size, size_t longest)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return read_until(fd, buffer, size, longest < page ? page - longest : 1);
}

int procfs_read_path(int root_fd, const char *path, char *buffer, size_t size)
{
	int fd = procfs_open(root_fd, path);
	if (fd < 0)
		return fd;
	int length = procfs_read(fd, buffer, size);
	close(fd);
	return length;
}

int procfs_read_line(int root_fd, const char *path, char *buffer, size_t size)
{
	int length = procfs_read_path(root_fd, path, buffer, size);
	if (length < 0)
		return length;

	size_t start = strspn(buffer, " \t\r\n");
	size_t end = (size_t)length;
	/* Device tree strings end with a NUL byte that counts as part of the file. */
	while (end > start && strchr(" \t\r\n", buffer[end - 1]))
		end--;
	memmove(buffer, buffer + start, end - start);
	buffer[end - start] = '\0';
	return (int)(end - start);
}

int procfs_number(const char *text, const char **ret_end, int64_t *ret_value)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;

	int64_t value = 0;
	while (*text >= '0' && *text <= '9') {
		int digit = *text++ - '0';
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_add_overflow(value, (int64_t)digit, &value))
			return -ERANGE;
	}
	*ret_end = text;
	*ret_value = value;
	return 0;
}

int procfs_integer(const char *text, int64_t *ret_value)
{
	bool negative = *text == '-';
	const char *end = text;
	int64_t value = 0;
	int r = procfs_number(text + negative, &end, &value);
	if (r < 0)
		return r;
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*ret_value = negative ? -value : value;
	return 0;
}

/* One line "KEY   123 kB" or "KEY 123": 0 and the value if the rest of the line is well formed. */
static int table_row(const char *rest, const struct procfs_key *key, int64_t *ret_value)
{
	const char *start = rest + strspn(rest, " \t");
	if (start == rest)
		return -ENOENT; /* a longer key that begins with ours */

	int64_t value = 0;
	const char *end = start;
	int r = procfs_number(start, &end, &value);
	if (r < 0)
		return r;
	if (strncmp(end, " kB", 3) == 0)
		end += 3;
	if (*end != '\n')
		return -EINVAL;
	if (__builtin_mul_overflow(value, key->scale, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

void procfs_table(const char *text, const struct procfs_key *keys, size_t count,
		  int64_t *ret_values, uint64_t *ret_found)
{
	uint64_t found = 0, bad = 0;

	for (const char *line = text, *next; *line; line = next) {
		const char *end = strchr(line, '\n');
		if (!end)
			break;
		next = end + 1;

		for (size_t i = 0; i < count; i++) {
			size_t length = strlen(keys[i].key);
			if (line[0] != keys[i].key[0] || strncmp(line, keys[i].key, length) != 0)
				continue;
			int64_t value = 0;
			int r = table_row(line + length, &keys[i], &value);
			if (r == -ENOENT)
				continue;
			if (r < 0 || (found >> i) & 1)
				bad |= UINT64_C(1) << i;
			else
				ret_values[i] = value;
			found |= UINT64_C(1) << i;
			break;
		}
	}
	*ret_found = found & ~bad;
}

const char *procfs_strerror(int error)
{
	switch (error < 0 ? -error : error) {
	case ENOENT:
		return "the file is not there";
	case EACCES:
	case EPERM:
		return "permission denied";
	case EOPNOTSUPP:
		return "switched off in this kernel";
	case EFBIG:
		return "far too long for a kernel file";
	case ENODATA:
		return "the file is empty";
	case EINVAL:
		return "not in the expected form";
	case ERANGE:
		return "a number is out of range";
	case ENODEV:
	case ENXIO:
		return "the device is gone";
	case EIO:
		return "input/output error";
	case ESTALE:
		return "stale file handle";
	default:
		return "cannot be read";
	}
}
