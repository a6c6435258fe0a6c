/* SPDX-License-Identifier: MIT */
/*
 * Each file has one value. They stand in a folder with the name of the block device, which the mount
 * table does not know on a Pi without initramfs: there the source is /dev/root.
 */
#include "collectors/filesystem_files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/sample.h"
#include "collectors/disk.h"
#include "collectors/filesystem_parse.h"

/* CP_ERROR_FLAG in cp_status (Documentation/ABI/testing/sysfs-fs-f2fs): no checkpoint is written any more. */
#define F2FS_STOPPED 0x8

/* Where a file system keeps what; NULL: it does not. */
static const struct fs_kind {
	const char *type;
	const char *counters[FS_COUNTS];
	const char *status;
} kinds[] = {
	{"ext4",
	 {[FS_COUNT_ERRORS] = "errors_count",
	  [FS_COUNT_WARNINGS] = "warning_count",
	  [FS_COUNT_WRITTEN_BYTES] = "lifetime_write_kbytes"},
	 NULL},
	{"f2fs", {[FS_COUNT_WRITTEN_BYTES] = "lifetime_write_kbytes"}, "stat/cp_status"},
};

static const int64_t scales[FS_COUNTS] = {
	[FS_COUNT_ERRORS] = 1,
	[FS_COUNT_WARNINGS] = 1,
	[FS_COUNT_WRITTEN_BYTES] = 1024,
};

static const struct fs_kind *find_kind(const char *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

void fs_files_init(struct fs_files *files, int root_fd)
{
	*files = (struct fs_files){.root_fd = root_fd, .status_fd = -1};
	for (unsigned i = 0; i < FS_COUNTS; i++)
		files->counters[i].fd = -1;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fs_files_close(struct fs_files *files)
{
	for (unsigned i = 0; i < FS_COUNTS; i++)
		close_fd(&files->counters[i].fd);
	close_fd(&files->status_fd);
}

static int open_file(const struct fs_files *files, const char *file)
{
	char path[sizeof(files->folder) + 32];
	snprintf(path, sizeof(path), "%s/%s", files->folder, file);
	return procfs_open(files->root_fd, path);
}

void fs_files_open(struct fs_files *files, const struct disk_mount *mount)
{
	const struct fs_kind *kind = find_kind(mount->type);
	const char *source = mount->source;
	char name[sizeof(mount->source)];

	fs_files_init(files, files->root_fd);
	if (disk_of_mount(files->root_fd, mount, name, sizeof(name)) < 0)
		strcpy(name, strncmp(source, "/dev/", 5) == 0 ? source + 5 : source);
	snprintf(files->title, sizeof(files->title), "%s on %s", mount->type, name);
	if (kind)
		snprintf(files->folder, sizeof(files->folder), "sys/fs/%s/%s", kind->type, name);

	for (unsigned i = 0; i < FS_COUNTS; i++) {
		struct fs_counter *counter = &files->counters[i];
		const char *file = kind ? kind->counters[i] : NULL;
		if (!file) {
			snprintf(counter->reason, sizeof(counter->reason),
				 NOT_APPLICABLE "%s does not tell it in sysfs", mount->type);
			continue;
		}
		counter->fd = open_file(files, file);
		if (counter->fd < 0)
			snprintf(counter->reason, sizeof(counter->reason), "%s/%s: %s",
				 files->folder, file, procfs_strerror(counter->fd));
	}
	if (kind && kind->status)
		files->status_fd = open_file(files, kind->status);
}

bool fs_files_count(struct fs_files *files, enum fs_counter_id id)
{
	struct fs_counter *counter = &files->counters[id];
	char text[64];
	int64_t value;

	if (counter->fd < 0)
		return false;
	/* A file of sysfs is one record: nothing comes after the first read. */
	int r = procfs_read_records(counter->fd, text, sizeof(text), sizeof(text));
	if (r >= 0)
		r = filesystem_count_parse(text, scales[id], &value);
	if (r < 0) {
		snprintf(counter->reason, sizeof(counter->reason), "in %s: %s", files->folder,
			 procfs_strerror(r));
		counter->known = false;
		return false;
	}
	bool grew = counter->seen && value > counter->value;
	counter->value = value;
	counter->known = counter->seen = true;
	return grew;
}

bool fs_files_stopped(const struct fs_files *files)
{
	char text[64];
	uint32_t flags;

	return files->status_fd >= 0 &&
	       procfs_read_records(files->status_fd, text, sizeof(text), sizeof(text)) > 0 &&
	       filesystem_flags_parse(text, &flags) == 0 && (flags & F2FS_STOPPED);
}

static void read_line(const struct fs_files *files, const char *file, char *ret_text, size_t size)
{
	char path[sizeof(files->folder) + 32];
	snprintf(path, sizeof(path), "%s/%s", files->folder, file);
	if (procfs_read_line(files->root_fd, path, ret_text, size) < 0)
		ret_text[0] = '\0';
}

int64_t fs_files_error_time_s(const struct fs_files *files)
{
	char text[64];
	int64_t time_s;

	read_line(files, "last_error_time", text, sizeof(text));
	return filesystem_count_parse(text, 1, &time_s) < 0 ? 0 : time_s;
}

void fs_files_function(const struct fs_files *files, const char *file,
		       char ret_name[FS_FUNCTION_SIZE])
{
	char text[64];
	read_line(files, file, text, sizeof(text));
	filesystem_function_parse(text, ret_name, FS_FUNCTION_SIZE);
}
