/* SPDX-License-Identifier: MIT */
/*
 * Only the last field of a line speaks of the file system itself, the one before the dash of one mount
 * of it. What stands there after an error depends on the kernel: see filesystem.c.
 */
#include "collectors/disk_mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"

/* Copies the word that ends at a blank or at the end of the text; returns what follows it. */
static const char *copy_word(const char *text, char *word, size_t size)
{
	size_t length = strcspn(text, " \n");
	snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), text);
	return text + length + (text[length] == ' ');
}

/* Skips count words, each followed by one blank; NULL if there are fewer. */
static const char *skip_words(const char *text, unsigned count)
{
	while (count--) {
		text = strchr(text, ' ');
		if (!text)
			return NULL;
		text++;
	}
	return text;
}

/* Whether one of the words between commas is this one. */
static bool has_option(const char *options, const char *name)
{
	size_t wanted = strlen(name);

	for (;;) {
		size_t length = strcspn(options, ", \n");
		if (length == wanted && memcmp(options, name, length) == 0)
			return true;
		if (options[length] != ',')
			return false;
		options += length + 1;
	}
}

/* The first lower directory: of lowerdir=A:B, or of lowerdir+=A,lowerdir+=B on newer kernels. */
static void copy_lower(const char *options, char *lower, size_t size)
{
	for (const char *at = options; at; at = strpbrk(at, ", \n")) {
		at += strspn(at, ", \n");
		if (strncmp(at, "lowerdir", 8) != 0)
			continue;
		const char *value = at + 8 + (at[8] == '+');
		if (*value++ != '=')
			continue;
		size_t length = strcspn(value, ":, \n");
		if (length < size)
			snprintf(lower, size, "%.*s", (int)length, value);
		return;
	}
}

/* Whether the path is the mount point, which ends at a blank, or below it. */
static bool is_below(const char *path, const char *point, size_t length)
{
	if (length == 1 && point[0] == '/')
		return path[0] == '/';
	return strncmp(path, point, length) == 0 && (path[length] == '/' || !path[length]);
}

/* As disk_mount_parse(), for the mounts above a path; tells the length of the mount point, too. */
static int parse(const char *line, const char *path, struct disk_mount *ret_mount,
		 size_t *ret_length)
{
	struct disk_mount mount = {0};

	/* "27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw" */
	const char *at = skip_words(line, 2);
	if (!at || procfs_number(at, &at, &mount.major) < 0 || *at++ != ':' ||
	    procfs_number(at, &at, &mount.minor) < 0 || *at != ' ')
		return -EINVAL;
	at = skip_words(at, 2);
	if (!at)
		return -EINVAL;
	size_t length = strcspn(at, " ");
	if (length == 0 || !at[length] || !is_below(path, at, length))
		return DISK_OTHER;

	/* Any number of optional fields, ended by a lone dash. */
	at = strstr(at, " - ");
	if (!at)
		return -EINVAL;
	at = copy_word(at + 3, mount.type, sizeof(mount.type));
	at = copy_word(at, mount.source, sizeof(mount.source));
	if (!mount.type[0] || !mount.source[0])
		return -EINVAL;
	mount.stopped = has_option(at, "emergency_ro") || has_option(at, "shutdown");
	mount.read_only = mount.stopped || has_option(at, "ro");
	mount.error_stops = has_option(at, "errors=remount-ro");
	if (strcmp(mount.type, "overlay") == 0)
		copy_lower(at, mount.lower, sizeof(mount.lower));
	*ret_mount = mount;
	*ret_length = length;
	return 0;
}

int disk_mount_parse(const char *line, struct disk_mount *ret_mount)
{
	size_t length;
	return parse(line, "/", ret_mount, &length);
}

/* Line by line, because a machine with containers has hundreds of them. */
int disk_mount_find(int fd, const char *path, struct disk_mount *ret_mount)
{
	/* 8 KiB: a line has at most one page of options and two paths; a longer one is skipped. */
	char buffer[8192];
	size_t used = 0;
	off_t offset = 0;
	bool skip = false;
	struct disk_mount mount, found;
	size_t length, longest = 0;
	int result = DISK_OTHER;

	for (;;) {
		ssize_t got = pread(fd, buffer + used, sizeof(buffer) - 1 - used, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		offset += got;
		used += (size_t)got;
		buffer[used] = '\0';

		char *line = buffer;
		for (char *end; (end = memchr(line, '\n', used - (size_t)(line - buffer)));
		     line = end + 1) {
			*end = '\0';
			if (!skip && parse(line, path, &mount, &length) == 0 && length >= longest) {
				found = mount;
				longest = length;
				result = 0;
			}
			skip = false;
		}
		used -= (size_t)(line - buffer);
		memmove(buffer, line, used);
		if (used == sizeof(buffer) - 1) {
			skip = true;
			used = 0;
		}
	}
	if (result == 0)
		*ret_mount = found;
	return result;
}

int disk_mount_read(int fd, struct disk_mount *ret_mount)
{
	return disk_mount_find(fd, "/", ret_mount);
}

bool disk_mount_is_nfs(const struct disk_mount *mount)
{
	return strcmp(mount->type, "nfs") == 0 || strcmp(mount->type, "nfs4") == 0;
}
