/* SPDX-License-Identifier: MIT */
/*
 * Everything goes through the folder's descriptor, and no link is followed: whoever may write here must not
 * make us read or write elsewhere. A scan looks at a bounded number of entries, so that a folder full of
 * rubbish costs a bounded time at the start.
 */
#include "notifiers/post_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/memory_fs.h"
#include "agent/sentence.h"
#include "notifiers/post_outbox.h"

/* A hundred times as many as we ever leave. */
#define ENTRIES 4096
/* While it is written. One at a time: the loop does it. */
#define BESIDE ".new"

int post_folder_open(const char *run_dir, const char *name, char *ret_error, size_t size)
{
	char path[256];
	struct statfs fs;
	int fd, result;

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		result = -errno;
		return sentence_fail(result, ret_error, size, "%s: %s", path,
				     strerrordesc_np(-result));
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0) {
		result = -errno;
		if (fd >= 0)
			close(fd);
		return sentence_fail(result, ret_error, size, "%s: %s", path,
				     strerrordesc_np(-result));
	}
	if (memory_fs_is(&fs))
		return fd;
	close(fd);
	return sentence_fail(-ENOTSUP, ret_error, size,
			     "%s is on a disk; set [agent] run_dir to a folder of a tmpfs", path);
}

int post_folder_read(int fd, const char *name, char *buffer, size_t size)
{
	int file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	size_t length = 0;
	struct stat st;
	int result = 0;

	if (file < 0)
		return -errno;
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		result = -EINVAL;
	while (result == 0 && length < size) {
		ssize_t got = read(file, buffer + length, size - length);
		if (got < 0)
			result = -errno;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	close(file);
	if (result == 0 && length == size)
		return -EFBIG;
	if (result < 0)
		return result;
	buffer[length] = '\0';
	return (int)length;
}

int post_folder_write(int fd, const char *name, const char *bytes, size_t length)
{
	int file, result = 0;

	unlinkat(fd, BESIDE, 0); /* left by a life that was killed just then */
	file = openat(fd, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	while (length > 0 && result == 0) {
		ssize_t put = write(file, bytes, length);
		if (put < 0) {
			result = -errno;
			break;
		}
		bytes += put;
		length -= (size_t)put;
	}
	if (close(file) < 0 && result == 0)
		result = -errno;
	if (result == 0 && renameat(fd, BESIDE, fd, name) < 0)
		result = -errno;
	if (result < 0)
		unlinkat(fd, BESIDE, 0);
	return result;
}

/* "00000001.json" and up to 89999999: far from where the count could overflow. */
static bool number_of(const char *name, uint32_t *ret_number)
{
	uint32_t number = 0;

	if (strlen(name) != 13 || strcmp(name + 8, ".json") != 0)
		return false;
	for (size_t i = 0; i < 8; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = 10 * number + (uint32_t)(name[i] - '0');
	}
	*ret_number = number;
	return number > 0 && number < 90000000;
}

static void scan_file(int fd, const char *name, post_folder_fn *fn, void *context)
{
	static char bytes[POST_FILE_SIZE];
	char error[128] = "its name is none of ours";
	uint32_t number;
	int length;

	if (number_of(name, &number)) {
		length = post_folder_read(fd, name, bytes, sizeof(bytes));
		if (length >= 0 && fn(context, number, bytes, (size_t)length, error, sizeof(error)))
			return;
		if (length < 0)
			snprintf(error, sizeof(error), "%s", strerrordesc_np(-length));
	}
	log_warning("post: outbox: %.64s is not taken (%s): removing it", name, error);
	if (unlinkat(fd, name, 0) < 0 && unlinkat(fd, name, AT_REMOVEDIR) < 0)
		log_warning("post: outbox: %.64s cannot be removed: %s", name,
			    strerrordesc_np(errno));
}

void post_folder_scan(int fd, post_folder_fn *fn, void *context)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!folder) {
		if (again >= 0)
			close(again);
		return;
	}
	for (int i = 0; i < ENTRIES && (entry = readdir(folder)); i++) {
		char first = entry->d_name[0];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    (first >= 'a' && first <= 'z'))
			continue;
		scan_file(fd, entry->d_name, fn, context);
	}
	closedir(folder);
}
