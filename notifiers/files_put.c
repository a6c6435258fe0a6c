/* SPDX-License-Identifier: MIT */
/*
 * Written beside and renamed; no link is followed, whoever put it there. Without fsync: in memory there is
 * nothing to wait for.
 *
 * Where there is no room it is tried once more without the old one, which must not stay with old news in it
 * anyway: what it took may be what lacks.
 */
#include "notifiers/files_put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

static int write_file(int dir_fd, const char *name, const char *text, size_t length, bool always)
{
	int fd, result = 0;
	ssize_t put;

	fd = openat(dir_fd, FILES_BESIDE, FLAGS, 0644);
	/* Left by a life that was killed just then. */
	if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, FILES_BESIDE, 0) == 0)
		fd = openat(dir_fd, FILES_BESIDE, FLAGS, 0644);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0644); /* everybody may know, whatever the umask says */
	put = write(fd, text, length);
	if (put != (ssize_t)length)
		result = put < 0 ? -errno : -ENOSPC;
	if ((result == 0 || always) && renameat(dir_fd, FILES_BESIDE, dir_fd, name) < 0)
		result = -errno;
	if (result == 0)
		return fd;
	close(fd);
	unlinkat(dir_fd, FILES_BESIDE, 0);
	return result;
}

int files_put(int dir_fd, const char *name, const char *text, size_t length, bool always)
{
	int fd = write_file(dir_fd, name, text, length, always);

	if (fd >= 0)
		return fd;
	if (unlinkat(dir_fd, name, 0) < 0)
		return fd;
	return write_file(dir_fd, name, text, length, always);
}
