/* SPDX-License-Identifier: MIT */
/*
 * Two things make the watcher the parent of the job, and not just somebody beside it.
 *
 * When a process dies, and by that a process group with stopped members loses its last member whose parent is
 * in the same session but in another group, the kernel sends SIGHUP to the group (setpgid(2), "orphaned").
 * A job that was suspended when its guard is killed would die of that. With the watcher, which has a group of
 * its own in the same session, as parent nothing changes for anybody when the guard dies. For the same reason
 * it stays until the job has ended: somebody else may have stopped a member.
 *
 * And orphans of the job go to the nearest ancestor that takes them in (PR_SET_CHILD_SUBREAPER): so all that
 * the job starts stays below the watcher. The guard takes them in, too, if the watcher is killed; it is then
 * alone, and says so.
 *
 * The job keeps the guard's process group, terminal and files. So Ctrl-C and Ctrl-Z reach it as if the guard
 * were not there, it may read the terminal whenever the guard might, and others in its pipeline that read the
 * terminal (ssh, less) still can.
 *
 * The watcher answers to no signal that can be blocked, and neither its name nor its command line are those of
 * the guard or of the job, so that who kills these by name spares it.
 */
#include "agent/ctl/guard_watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ctl/guard_say.h"

#define WATCHER_NAME "guard-watcher"

/* What goes through the socket, besides struct guard_news. */
enum message_kind {
	MESSAGE_NEWS,
	MESSAGE_STARTED,
	MESSAGE_FAILED, /* the command was not run; said by whoever failed */
};

struct message {
	enum message_kind kind;
	struct guard_news news;
	struct guard_process job;
	int error;
};

static void tell(int fd, const struct message *message)
{
	/* If nobody takes it any more the next read says so. */
	while (send(fd, message, sizeof(*message), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The next change of the job among our children; all others are reaped. Returns 1, 0, or -ECHILD. */
static int collect(pid_t job, struct guard_news *ret_news)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid != job)
			continue;
		if (WIFSTOPPED(status))
			*ret_news = (struct guard_news){GUARD_STOPPED, WSTOPSIG(status)};
		else if (WIFCONTINUED(status))
			*ret_news = (struct guard_news){GUARD_CONTINUED, 0};
		else
			*ret_news = (struct guard_news){GUARD_ENDED, status};
		return 1;
	}
	return pid < 0 ? -errno : 0;
}

static _Noreturn void run_job(int fd, char **argv, const sigset_t *mask,
			      const struct sigaction *child_action)
{
	struct message message = {.kind = MESSAGE_FAILED};

	sigaction(SIGCHLD, child_action, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	message.error = errno;
	tell(fd, &message);
	_exit(127);
}

/* Where the rights are there, the killer of last resort shall take others. */
static void avoid_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "-1000", 5) < 0)
		errno = 0; /* then as likely as any small process */
	close(fd);
}

/* The kernel keeps the arguments in one piece, from argv[0] to the end of the last one. */
static void take_other_name(char **argv)
{
	char *first = program_invocation_name, *end;

	while (argv[1] != NULL)
		argv++;
	end = argv[0] + strlen(argv[0]);
	prctl(PR_SET_NAME, WATCHER_NAME);
	if (end > first && (size_t)(end - first) >= sizeof(WATCHER_NAME)) {
		memset(first, 0, (size_t)(end - first));
		memcpy(first, WATCHER_NAME, sizeof(WATCHER_NAME));
	}
}

static void guard_is_dead(struct freeze *freeze)
{
	int resumed = freeze_thaw(freeze);

	if (resumed > 0)
		guard_say("the guard was killed: its job is resumed (%d processes) and runs on "
			  "unguarded",
			  resumed);
	else
		guard_say("the guard was killed: its job runs on unguarded");
}

/* The guard stops with its job; it must not be left behind when somebody wakes the job alone. */
static void wake_guard(void)
{
	struct tree_row row;

	if (tree_look(getppid(), &row) == 0 && tree_is_stopped(&row))
		kill(row.process.pid, SIGCONT);
}

/* Until the job has ended; who listens kills us then. */
static _Noreturn void watch(int fd, pid_t job, struct freeze *freeze)
{
	struct message message = {.kind = MESSAGE_NEWS};
	struct signalfd_siginfo info;
	struct pollfd fds[2];
	bool ended = false;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	fds[0] = (struct pollfd){.fd = signalfd(-1, &child, SFD_CLOEXEC), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = fd, .events = POLLIN};
	while (fds[1].fd >= 0 || !ended) {
		/* Before the first wait as well: it may have ended already. */
		while (collect(job, &message.news) > 0) {
			ended = ended || message.news.kind == GUARD_ENDED;
			tell(fd, &message);
			if (message.news.kind == GUARD_CONTINUED && fds[1].fd >= 0)
				wake_guard();
		}
		if ((fds[1].fd < 0 && ended) || poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0 && read(fds[0].fd, &info, sizeof(info)) < 0)
			continue;
		if (fds[1].revents != 0) {
			if (!ended)
				guard_is_dead(freeze);
			fds[1].fd = -1; /* poll() passes it over */
		}
	}
	freeze_thaw(freeze);
	_exit(0);
}

static _Noreturn void watcher_main(int fd, struct freeze *freeze, char **argv, const sigset_t *mask,
				   const struct sigaction *child_action)
{
	struct message message = {.kind = MESSAGE_STARTED};
	struct tree_row row = {0};
	sigset_t all;
	pid_t job;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	job = fork();
	if (job == 0)
		run_job(fd, argv, mask, child_action);
	if (job < 0) {
		message = (struct message){.kind = MESSAGE_FAILED, .error = errno};
		tell(fd, &message);
		_exit(1);
	}
	/* It cannot be gone before we have waited for it. Without /proc its start stays unknown. */
	tree_look(job, &row);
	message.job = (struct guard_process){.pid = job, .start = row.process.start};
	/* After the fork: the job stays in the group where we were. */
	setpgid(0, 0);
	take_other_name(argv);
	avoid_oom_killer();
	tell(fd, &message);
	watch(fd, job, freeze);
}

/* Takes one message. Returns 1 if it was news, 0 if not; negative errno, -EPIPE: the watcher is dead. */
static int take_message(struct watcher *watcher, int flags, struct guard_news *ret_news)
{
	struct message message;
	ssize_t got = recv(watcher->fd, &message, sizeof(message), flags);

	if (got != sizeof(message))
		return got < 0 ? -errno : -EPIPE;
	switch (message.kind) {
	case MESSAGE_NEWS:
		*ret_news = message.news;
		return 1;
	case MESSAGE_STARTED:
		watcher->job = message.job;
		break;
	case MESSAGE_FAILED:
		watcher->error = message.error;
		break;
	}
	return 0;
}

int watcher_start(struct watcher *watcher, struct freeze *freeze, char **argv,
		  const sigset_t *job_mask)
{
	/* Who inherits that SIGCHLD is ignored never learns what became of a child. */
	struct sigaction action = {.sa_handler = SIG_DFL}, child_action;
	struct guard_news news;
	int fds[2], result;

	*watcher = (struct watcher){.fd = -1};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGCHLD, &action, &child_action);
	watcher->pid = fork();
	result = watcher->pid < 0 ? -errno : 0;
	if (watcher->pid == 0) {
		close(fds[0]);
		watcher_main(fds[1], freeze, argv, job_mask, &child_action);
	}
	close(fds[1]);
	watcher->fd = fds[0];
	/* A command that cannot be run may say so before the watcher says that it was started. */
	while (result >= 0 && watcher->job.pid == 0)
		result = take_message(watcher, 0, &news);
	if (result == -EPIPE && watcher->error != 0)
		result = -watcher->error;
	return result < 0 ? result : 0;
}

/* The watcher was killed: the job is our child now. */
static int collect_alone(const struct watcher *watcher, struct guard_news *ret_news)
{
	int result = collect(watcher->job.pid, ret_news);
	struct tree_row row;

	/* Unless it had ended before, and nobody heard of it. */
	if (result == 0 &&
	    (tree_look(watcher->job.pid, &row) < 0 || row.process.start != watcher->job.start))
		return -ECHILD;
	return result;
}

int watcher_next(struct watcher *watcher, struct guard_news *ret_news)
{
	while (watcher->fd >= 0) {
		int result = take_message(watcher, MSG_DONTWAIT, ret_news);

		if (result > 0)
			return result;
		if (result == -EAGAIN)
			return 0;
		if (result < 0 && result != -EINTR) {
			close(watcher->fd);
			watcher->fd = -1;
			watcher->pid = 0;
		}
	}
	return collect_alone(watcher, ret_news);
}

pid_t watcher_root(const struct watcher *watcher)
{
	return watcher->pid != 0 ? watcher->pid : getpid();
}

void watcher_end(struct watcher *watcher)
{
	if (watcher->fd < 0)
		return;
	kill(watcher->pid, SIGKILL);
	while (waitpid(watcher->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(watcher->fd);
	watcher->fd = -1;
}
