/* SPDX-License-Identifier: MIT */
/*
 * RUN_DIR/hold     exists while an operator's hold is on, contains the reason in its first line; in the
 *                  second, if it ends by itself, "until NANOSECONDS BOOT": the monotonic clock of that boot
 * RUN_DIR/undrain  exists for a few minutes after an operator's "ready"
 * RUN_DIR/history  see history_image.c; written at a clean stop
 * RUN_DIR/events   see diary_image.c; the same
 * RUN_DIR/learned  see learned.c; the same in the state directory
 *
 * The first two in place: that they are there is what counts. The others are written beside and
 * renamed, so that a full disk leaves the old one as it was.
 */
#include "agent/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/diary_image.h"
#include "agent/history_image.h"
#include "agent/log.h"
#include "agent/procfs.h"

/* run_dir has at most 79 bytes. */
#define PATH_SIZE 128
/* A UUID. */
#define BOOT_ID_SIZE 40
/* The longest is a hold: reason, time and boot. */
#define LINE_SIZE 256

static void keep_path(const char *directory, const char *name, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", directory, name);
}

static int write_bytes(const char *directory, const char *name, const void *bytes, size_t length)
{
	char path[PATH_SIZE];
	keep_path(directory, name, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0644);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, bytes, length);
	int r = n < 0 ? -errno : (size_t)n < length ? -ENOSPC : 0;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int write_text(const char *directory, const char *name, const char *text)
{
	char line[LINE_SIZE];
	int length = snprintf(line, sizeof(line), "%s\n", text);
	return write_bytes(directory, name, line, (size_t)length);
}

/* Beside and renamed: whole, or not at all. */
static void replace(const char *directory, const char *name, const void *bytes, size_t length)
{
	char path[PATH_SIZE], beside[PATH_SIZE], beside_name[32];
	snprintf(beside_name, sizeof(beside_name), "%s~", name);
	keep_path(directory, name, path);
	keep_path(directory, beside_name, beside);
	int r = write_bytes(directory, beside_name, bytes, length);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(beside);
		log_debug("%s: %s", path, strerror(-r));
	}
}

static void remove_file(const struct env *env, const char *name, const char *meaning)
{
	char path[PATH_SIZE];
	keep_path(env->run_dir, name, path);
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		log_warning("%s: %s; %s", path, strerror(errno), meaning);
}

static bool exists(const struct env *env, const char *name)
{
	char path[PATH_SIZE];
	keep_path(env->run_dir, name, path);
	return access(path, F_OK) == 0;
}

/* Which boot this is; what cannot be known is the same each time. */
static void boot_id(char id[BOOT_ID_SIZE])
{
	if (procfs_read_line(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, BOOT_ID_SIZE) <= 0)
		snprintf(id, BOOT_ID_SIZE, "-");
}

void keep_hold(const struct env *env, const char *reason, int64_t until_ns)
{
	char text[CONTROL_REASON_SIZE + BOOT_ID_SIZE + 32], id[BOOT_ID_SIZE];
	boot_id(id);
	if (until_ns > 0)
		snprintf(text, sizeof(text), "%s\nuntil %" PRId64 " %s", reason, until_ns, id);
	else
		snprintf(text, sizeof(text), "%s", reason);
	int r = write_text(env->run_dir, "hold", text);
	/* That the file is there makes the hold, but without its text it has no end. */
	if (r < 0 && !exists(env, "hold"))
		log_warning("%s/hold: %s; a restart of the agent will end the hold", env->run_dir,
			    strerror(-r));
	else if (r < 0 && until_ns > 0)
		log_warning("%s/hold: %s; after a restart of the agent the hold will not end by "
			    "itself: make room there and say drain again",
			    env->run_dir, strerror(-r));
	remove_file(env, "undrain", "a restart of the agent will tell balancers \"ready\"");
}

void keep_undrain(const struct env *env)
{
	remove_file(env, "hold", "a restart of the agent will hold again");
	int r = write_text(env->run_dir, "undrain", "");
	if (r < 0)
		log_warning("%s/undrain: %s; after a restart of the agent say ready again",
			    env->run_dir, strerror(-r));
}

void keep_undrain_over(const struct env *env)
{
	remove_file(env, "undrain", "a restart of the agent will tell balancers \"ready\"");
}

/* The second line of a hold; 0 if there is none that is believed. */
static int64_t hold_until_ns(const struct env *env, const char *line)
{
	char id[BOOT_ID_SIZE];
	int64_t until_ns;

	if (strncmp(line, "until ", 6) != 0 || procfs_number(line + 6, &line, &until_ns) < 0 ||
	    *line++ != ' ')
		return 0;
	boot_id(id);
	size_t length = strcspn(line, "\n");
	bool same = length == strlen(id) && memcmp(line, id, length) == 0;
	return same && until_ns <= env_now_ns(env) + CONTROL_FOR_MOST_S * NS_PER_S ? until_ns : 0;
}

bool keep_has_hold(const struct env *env, char *ret_reason, size_t size, int64_t *ret_until_ns)
{
	char path[PATH_SIZE], text[256];
	keep_path(env->run_dir, "hold", path);
	*ret_until_ns = 0;
	int r = procfs_read_path(AT_FDCWD, path, text, sizeof(text));
	if (r == -ENOENT || r == -ENOTDIR)
		return false;
	if (r < 0 && r != -ENODATA) {
		log_warning("%s: %s; taken as a hold, hostingpictl ready ends it", path,
			    strerror(-r));
		snprintf(text, sizeof(text), "hold file cannot be read");
	} else if (r <= 0) {
		text[0] = '\0';
	}
	char *end = strchr(text, '\n');
	if (end) {
		*end = '\0';
		*ret_until_ns = hold_until_ns(env, end + 1);
	}
	snprintf(ret_reason, size, "%.*s", (int)size - 1, text);
	/* The file may have been written by hand; what goes to balancers is printable ASCII. */
	for (char *at = ret_reason; *at; at++)
		if (*at < ' ' || *at > '~' || *at == '#')
			*at = '?';
	return true;
}

bool keep_has_undrain(const struct env *env)
{
	return exists(env, "undrain");
}

void keep_learned(const char *directory, const struct learned *learned)
{
	char text[LEARNED_TEXT_SIZE + 1];
	learned_format(learned, text);
	strcat(text, "\n");
	/* Only a convenience: without it the next life learns anew. */
	replace(directory, "learned", text, strlen(text));
}

void keep_history(const struct env *env, const struct history *history)
{
	size_t size = history_image_size(history);
	void *bytes = malloc(size);
	char id[BOOT_ID_SIZE];

	if (!bytes)
		return;
	boot_id(id);
	history_save(history, id, bytes);
	replace(env->run_dir, "history", bytes, size);
	free(bytes);
}

void keep_get_history(const struct env *env, struct history *history)
{
	/* One more, so that a longer file is seen. */
	size_t size = history_image_size(history) + 1;
	char path[PATH_SIZE], id[BOOT_ID_SIZE];
	void *bytes = malloc(size);

	keep_path(env->run_dir, "history", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 && bytes ? read(fd, bytes, size) : -1;
	boot_id(id);
	if (n > 0 && history_load(history, id, env_now_ns(env), bytes, (size_t)n) < 0)
		log_info("%s: of another boot or version; the history begins anew", path);
	if (fd >= 0)
		close(fd);
	free(bytes);
}

void keep_events(const struct env *env, const struct diary *diary)
{
	char *text = malloc(DIARY_IMAGE_SIZE), id[BOOT_ID_SIZE];

	if (!text)
		return;
	boot_id(id);
	replace(env->run_dir, "events", text, diary_format(diary, id, text));
	free(text);
}

void keep_get_events(const struct env *env, struct diary *diary)
{
	char path[PATH_SIZE], id[BOOT_ID_SIZE], *text = malloc(DIARY_IMAGE_SIZE);

	keep_path(env->run_dir, "events", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 && text ? read(fd, text, DIARY_IMAGE_SIZE) : -1;
	boot_id(id);
	/* One that fills all the room is longer than any of ours. */
	if (n > 0 && n < DIARY_IMAGE_SIZE) {
		text[n] = '\0';
		if (diary_parse(diary, id, text) < 0)
			log_info("%s: of another boot or version; the events begin anew", path);
	}
	if (fd >= 0)
		close(fd);
	free(text);
}

bool keep_get_learned(const char *directory, struct learned *ret_learned)
{
	char path[PATH_SIZE], text[LEARNED_TEXT_SIZE];
	keep_path(directory, "learned", path);
	return procfs_read_line(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       learned_parse(text, ret_learned) == 0;
}
