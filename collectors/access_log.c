/* SPDX-License-Identifier: MIT */
/*
 * The logs that are read: those that the configuration names, or one of the usual ones. Of these the
 * one that was written last, because a server that was removed leaves its log behind, and one only,
 * because a request that nginx hands on to Apache stands in both. It counts from its first new line on:
 * until then logging may be switched off, and that must not look like a site without visitors.
 *
 * What is read in one poll is bounded, so that a burst does not hold up the loop. All logs share that
 * MiB, which takes 0.5 ms of an x86-64 processor (JSON: 1 ms); a Pi 3 may be ten times slower.
 */
#include "collectors/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/procfs.h"
#include "agent/sample.h"
#include "agent/units.h"

#define POLL_BYTES (INT64_C(1) << 20)
/* Between two searches: what is not there may have to be looked up on the disk. */
#define SEARCH_PAUSE_NS (10 * NS_PER_S)
#define LONGEST_PAUSE_NS (600 * NS_PER_S)
#define TELL_PAUSE_NS (60 * NS_PER_S)

/* Where Debian's packages write. */
static const char *const usual_paths[] = {
	"/var/log/nginx/access.log",
	"/var/log/apache2/access.log",
	"/var/log/lighttpd/access.log",
	"/var/log/caddy/access.log",
};

#define USUAL_PATHS (sizeof(usual_paths) / sizeof(usual_paths[0]))

#define BETWEEN " \t,"

/* Copies the next word of a setting; false at its end. A word that does not fit is cut. */
static bool next_word(const char **at, char word[ACCESS_LOG_PATH_SIZE])
{
	*at += strspn(*at, BETWEEN);
	size_t length = strcspn(*at, BETWEEN);
	snprintf(word, ACCESS_LOG_PATH_SIZE, "%.*s", (int)length, *at);
	*at += length;
	return length > 0;
}

int access_log_check(const char *setting, char *ret_error, size_t size)
{
	char path[ACCESS_LOG_PATH_SIZE];
	unsigned count = 0;
	if (strcmp(setting, "auto") == 0)
		return 0;
	for (const char *at = setting; next_word(&at, path); count++) {
		if (path[0] != '/') {
			snprintf(ret_error, size,
				 "log: '%s' is no absolute path; expected auto or paths", path);
			return -EINVAL;
		}
	}
	if (count == 0 || count > ACCESS_LOG_MAX) {
		snprintf(ret_error, size, "log: %u paths, expected auto or 1 to %d paths", count,
			 ACCESS_LOG_MAX);
		return -EINVAL;
	}
	return 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static void follow(struct access_log *log, const char *path)
{
	struct access_log_follow *one = &log->follows[log->count++];
	*one = (struct access_log_follow){0};
	snprintf(one->path, sizeof(one->path), "%s", path);
}

/* What to do about it; static. */
static const char *trouble(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return "permission denied: let the agent into its group (hostingpid(8), RIGHTS)";
	case -ENOENT:
		return "no such file";
	case -ENOTSUP:
		return "not a regular file";
	default:
		return procfs_strerror(error);
	}
}

/* Writes why there is no log at path; one that was asked for is missed aloud, once. */
static void explain(struct access_log *log, const char *path, const char *why)
{
	char text[2 * ACCESS_LOG_REASON_SIZE];
	snprintf(text, sizeof(text), "access log %s: %s", path, why);
	text_copy(log->reason, sizeof(log->reason), text);
	if (!log->usual)
		complaint_raise(&log->complaint, "requests: %s", log->reason);
}

/* Finds the usual log that was written last; USUAL_PATHS if there is none. */
static size_t find_usual(const struct access_log *log, size_t *ret_denied)
{
	struct timespec newest = {0};
	size_t found = USUAL_PATHS;
	for (size_t i = 0; i < USUAL_PATHS; i++) {
		struct stat stat;
		if (fstatat(log->env->root_fd, usual_paths[i] + 1, &stat, 0) < 0) {
			if (errno == EACCES)
				*ret_denied = i;
			continue;
		}
		if (S_ISREG(stat.st_mode) && is_later(&stat.st_mtim, &newest)) {
			newest = stat.st_mtim;
			found = i;
		}
	}
	return found;
}

/* Follows the usual log that was written last; without one, says what is in the way. */
static void search(struct access_log *log, int64_t now_ns)
{
	if (now_ns < log->search_ns)
		return;
	log->search_pause_ns =
		clamp_i64(2 * log->search_pause_ns, SEARCH_PAUSE_NS, LONGEST_PAUSE_NS);
	log->search_ns = now_ns + log->search_pause_ns;
	size_t denied = USUAL_PATHS, found = find_usual(log, &denied);
	if (found == USUAL_PATHS) {
		if (denied == USUAL_PATHS)
			explain(log, "of nginx, Apache, lighttpd or Caddy",
				"not at the usual places; set log to where it is");
		else
			explain(log, usual_paths[denied], trouble(-EACCES));
		return;
	}
	struct access_log_follow *one = &log->follows[0];
	if (log->count > 0 && one->count > 0 && strcmp(one->path, usual_paths[found]) == 0)
		return;
	if (log->count > 0)
		access_log_follow_close(one, &log->reading);
	log->count = 0;
	log->before = log->reading.tally.requests;
	follow(log, usual_paths[found]);
}

/* No line has come yet from what was found at the usual places. */
static bool is_silent(const struct access_log *log)
{
	return log->usual && log->reading.tally.requests == log->before;
}

void access_log_open(struct access_log *log, const struct env *env, const char *setting)
{
	char path[ACCESS_LOG_PATH_SIZE];
	log->env = env;
	log->usual = strcmp(setting, "auto") == 0;
	for (const char *at = setting; !log->usual && next_word(&at, path);)
		follow(log, path);

	/* Opens what is there now; nothing is taken yet, because files are opened at their ends. */
	struct access_log_reading ignored;
	access_log_poll(log, env_now_ns(env), &ignored);
}

/* Says what was lost, with what was lost within a minute in one line. */
static void tell_losses(struct access_log *log, int64_t now_ns)
{
	struct access_log_reading *told = &log->told;
	int64_t bytes = log->reading.skipped_bytes - told->skipped_bytes;
	if (now_ns < log->tell_ns)
		return;
	if (bytes > 0)
		log_warning(
			"requests: %lld bytes of the access log were skipped: it grew too fast, "
			"or its disk fails",
			(long long)bytes);
	if (log->reading.rewrites > told->rewrites)
		log_notice("requests: the access log was emptied (copytruncate?): lines that were "
			   "written just before are not counted");
	if (bytes > 0 || log->reading.rewrites > told->rewrites)
		log->tell_ns = now_ns + TELL_PAUSE_NS;
	*told = log->reading;
}

/* One file by two names, or by a link, would be counted twice: the later name is given up. */
static void drop_doubles(struct access_log *log)
{
	for (unsigned i = 1; i < log->count; i++) {
		struct access_log_follow *one = &log->follows[i];
		const struct access_log_follow *other = log->follows;
		while (other < one && !access_log_follow_shares(other, one))
			other++;
		if (other == one)
			continue;
		log_warning("requests: access logs %s and %s are one file: it is counted once",
			    other->path, one->path);
		access_log_follow_close(one, &log->reading);
		log->count--;
		memmove(one, one + 1, (log->count - i) * sizeof(*one));
		i--;
	}
}

int access_log_poll(struct access_log *log, int64_t now_ns, struct access_log_reading *ret_reading)
{
	int64_t budget = POLL_BYTES;
	bool more = false, read = false, well = true;

	if (is_silent(log) || (log->usual && log->follows[0].count == 0))
		search(log, now_ns);
	for (unsigned i = 0; i < log->count; i++) {
		struct access_log_follow *one = &log->follows[i];
		more |= access_log_follow_poll(one, log->env->root_fd, now_ns, log->buffer, &budget,
					       &log->reading) == ACCESS_LOG_MORE;
		read |= one->count > 0;
		/* A name that is free for a moment belongs to each rotation. */
		if (well && one->error && !(one->error == -ENOENT && one->count > 0)) {
			explain(log, one->path, trouble(one->error));
			well = false;
		}
	}
	drop_doubles(log);
	tell_losses(log, now_ns);
	if (read && is_silent(log))
		explain(log, access_log_path(log), "nothing was written to it yet");
	if (!read || is_silent(log))
		return -ENODATA;
	if (well)
		complaint_clear(&log->complaint, "requests: access log");
	*ret_reading = log->reading;
	return more ? ACCESS_LOG_MORE : 0;
}

const char *access_log_path(const struct access_log *log)
{
	return log->count > 0 ? log->follows[0].path : "";
}

void access_log_close(struct access_log *log)
{
	for (unsigned i = 0; i < log->count; i++)
		access_log_follow_close(&log->follows[i], &log->reading);
	log->count = 0;
}
