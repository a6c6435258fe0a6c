/* SPDX-License-Identifier: MIT */
/*
 * Configuration files: the defaults, then one file, then its drop-ins in the order of their names.
 * A file is read as a whole before anything is set, so that a card that fails in the middle of it
 * leaves no half of a file behind. It is read anew while the daemon runs, so nothing that stands in
 * its place may make it wait: a FIFO would, until somebody writes.
 */
#include "agent/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration is a few KiB; more is a wrong file, or one without end such as below /proc. */
#define FILE_SIZE_MAX (256 * 1024)

static void freep(char **text)
{
	free(*text);
}

/* Tells that a file or a directory cannot be read. */
static void tell_unreadable(const char *path, int error, conf_error_fn *fn, void *context)
{
	__attribute__((cleanup(freep))) char *message = NULL;
	int length = error == -ENOTSUP
			     ? asprintf(&message, "%s: is not a regular file", path)
			     : asprintf(&message, "%s: cannot be read: %s", path, strerror(-error));

	if (length < 0)
		message = NULL;
	fn(context, message ? message : "not enough memory to read the configuration");
}

void conf_defaults(const struct conf_section *sections)
{
	char error[CONF_ERROR_SIZE];

	for (; sections->name; sections++)
		for (const struct conf_item *item = sections->items; item && item->key; item++)
			if (conf_value(item, item->fallback, sections->target, error,
				       sizeof(error)) < 0) {
				fprintf(stderr, "default of [%s] %s = %s: %s\n", sections->name,
					item->key, item->fallback, error);
				abort();
			}
}

/* Opens a regular file: a descriptor, -ENOTSUP if it is something else, or another errno. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
	struct stat info;

	/* Sockets, and devices that are not there, cannot be opened at all. */
	if (fd < 0)
		return errno == ENXIO || errno == ENODEV ? -ENOTSUP : -errno;
	if (fstat(fd, &info) < 0)
		error = -errno;
	else if (S_ISDIR(info.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(info.st_mode))
		error = -ENOTSUP;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* Reads a whole file, or says why not with a negative errno. */
static int read_file(const char *path, char *text, size_t size, size_t *ret_length)
{
	int fd = open_regular(path), error = 0;
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return fd;
	do {
		got = read(fd, text + used, size - used);
		if (got > 0)
			used += (size_t)got;
		else if (got < 0 && errno != EINTR)
			error = -errno;
	} while (got != 0 && error == 0 && used < size);
	close(fd);
	*ret_length = used;
	return error == 0 && used == size ? -EFBIG : error;
}

int conf_read(const char *path, const struct conf_section *sections, bool missing_ok,
	      conf_error_fn *fn, void *context)
{
	__attribute__((cleanup(freep))) char *text = malloc(FILE_SIZE_MAX);
	size_t length = 0;
	int error = text ? read_file(path, text, FILE_SIZE_MAX, &length) : -ENOMEM;

	if (error == -ENOENT && missing_ok)
		return 0;
	if (error < 0) {
		tell_unreadable(path, error, fn, context);
		return error;
	}
	return conf_parse(path, text, length, sections, fn, context);
}

int conf_is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* By bytes: the order must not depend on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Does something with one file; returns the number of errors told, or negative errno (told as well). */
typedef int visit_fn(const char *file, void *context);

/* Visits PATH.d/NAME.conf in the order of their names. */
static int visit_drop_ins(const char *path, visit_fn *visit, void *context, conf_error_fn *fn,
			  void *fn_context)
{
	__attribute__((cleanup(freep))) char *folder = NULL;
	struct dirent **entries;
	int count, errors = 0;

	if (asprintf(&folder, "%s.d", path) < 0)
		folder = NULL;
	count = folder ? scandir(folder, &entries, conf_is_drop_in, compare_names) : -1;
	if (count < 0) {
		if (folder && errno == ENOENT)
			return 0;
		tell_unreadable(folder ? folder : path, folder ? -errno : -ENOMEM, fn, fn_context);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		__attribute__((cleanup(freep))) char *file = NULL;
		int found;

		if (asprintf(&file, "%s/%s", folder, entries[i]->d_name) < 0) {
			file = NULL;
			tell_unreadable(folder, -ENOMEM, fn, fn_context);
			found = 1;
		} else {
			found = visit(file, context);
		}
		errors += found < 0 ? 1 : found;
		free(entries[i]);
	}
	free(entries);
	return errors;
}

struct reading {
	const struct conf_section *sections;
	conf_error_fn *fn;
	void *context;
};

static int read_drop_in(const char *file, void *context)
{
	const struct reading *reading = context;

	return conf_read(file, reading->sections, false, reading->fn, reading->context);
}

int conf_read_all(const char *path, const struct conf_section *sections, bool missing_ok,
		  conf_error_fn *fn, void *context)
{
	struct reading reading = {sections, fn, context};
	int errors = conf_read(path, sections, missing_ok, fn, context);

	return (errors < 0 ? 1 : errors) +
	       visit_drop_ins(path, read_drop_in, &reading, fn, context);
}

struct search {
	const char *section, *key;
	char *ret_place;
	size_t size;
};

static int search_file(const char *file, void *context)
{
	__attribute__((cleanup(freep))) char *text = malloc(FILE_SIZE_MAX);
	const struct search *search = context;
	size_t length = 0;
	unsigned line;

	if (!text || read_file(file, text, FILE_SIZE_MAX, &length) < 0)
		return 0;
	line = conf_line_of(text, length, search->section, search->key);
	if (line > 0)
		snprintf(search->ret_place, search->size, "%s:%u", file, line);
	return 0;
}

static void ignore(void *context, const char *message)
{
	(void)context;
	(void)message;
}

void conf_place(const char *path, const char *section, const char *key, char *ret_place,
		size_t size)
{
	struct search search = {section, key, ret_place, size};

	snprintf(ret_place, size, "%s", path);
	search_file(path, &search);
	visit_drop_ins(path, search_file, &search, ignore, NULL);
}
