/* SPDX-License-Identifier: MIT */
/*
 * inotify tells of a rotation within a millisecond, so that a log that is rotated again before the
 * next look is seen nevertheless. Any event means "look now" and nothing else, so it does not matter
 * which one it is, whether the queue overflowed, or whether none came (NFS, a file system mounted over
 * the directory): the next look comes anyway.
 *
 * In a directory where files come and go all the time that must not become work for each of them:
 * after a few calls there are none until the owner says so.
 */
#include "collectors/access_log_notice.h"

#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "collectors/access_log_follow.h"

#define CALLS 16

static void on_readable(void *context, unsigned events)
{
	struct access_log_notice *notice = context;
	/* 4 KiB: more than a hundred events with short names; what is left comes next. */
	char ignored[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	(void)events;
	if (read(notice->fd, ignored, sizeof(ignored)) <= 0)
		return;
	if (++notice->calls == CALLS)
		watch_change(notice->watch, 0);
	notice->fn(notice->context);
}

void access_log_notice_open(struct access_log_notice *notice, const struct env *env,
			    access_log_notice_fn *fn, void *context)
{
	*notice = (struct access_log_notice){.env = env, .fn = fn, .context = context};
	notice->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (notice->fd < 0)
		return;
	notice->watch = env_watch(env, notice->fd, WATCH_READ, on_readable, notice);
	if (!notice->watch)
		close(notice->fd);
}

void access_log_notice_about(struct access_log_notice *notice, const char *path)
{
	char folder[ACCESS_LOG_PATH_SIZE + 32];
	const char *slash = strrchr(path, '/');
	if (!notice->watch || !slash)
		return;
	snprintf(folder, sizeof(folder), "/proc/self/fd/%d/%.*s", notice->env->root_fd,
		 (int)(slash - path), path);
	inotify_add_watch(notice->fd, folder, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

void access_log_notice_rearm(struct access_log_notice *notice)
{
	if (notice->calls >= CALLS)
		watch_change(notice->watch, WATCH_READ);
	notice->calls = 0;
}

void access_log_notice_close(struct access_log_notice *notice)
{
	if (!notice->watch)
		return;
	watch_end(notice->watch);
	notice->watch = NULL;
	close(notice->fd);
}
