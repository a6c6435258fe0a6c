/* SPDX-License-Identifier: MIT */
/*
 * One loop around two descriptors: signals, and what the watcher tells of the job. All signals that mean
 * something are blocked and read as data; so nothing has to be done in a handler, and the job, which gets the
 * mask that we found, has every disposition as it would have without us.
 *
 * A signal of the terminal goes to the whole process group, the job included: it is not sent twice. All others
 * are passed on. Those that ask the job to end also wake it, and nothing is suspended for a while.
 *
 * Ctrl-Z: the job stops by itself when it wants to (an editor tidies up first), the watcher tells, and then we
 * stop with the same signal, so that the shell above sees one job. While the job is suspended anyway it
 * cannot tell: we stop at once. Whoever wakes the job alone wakes us, too: the watcher sees to that.
 */
#include "agent/ctl/guard_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ctl/guard.h"
#include "agent/ctl/guard_act.h"
#include "agent/ctl/guard_say.h"

/* For what a signal asks for the job must be awake. SIGTERM: as long as systemd waits (DefaultTimeoutStopSec). */
#define AWAKE_MS 10000
#define AWAKE_TO_END_MS 90000

/* As Ctrl-Z would without us. Returns when somebody says that it goes on. */
static void stop_self(struct guard *guard, int number)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	guard->look_ms = guard->sweep_ms = guard_now_ms();
}

/* Now: what the watcher tells is a moment old. */
static bool is_job_stopped(const struct guard *guard)
{
	struct tree_row row;

	return tree_look(guard->watcher.job.pid, &row) == 0 && tree_is_stopped(&row);
}

static void pass_on(struct guard *guard, int number)
{
	int result = tree_signal(&guard->watcher.job, number);

	if (result == -EPERM)
		guard_say("SIG%s cannot be passed on: the job runs as another user",
			  sigabbrev_np(number));
}

static void take_signal(struct guard *guard, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;
	bool terminal = info->ssi_code == SI_KERNEL;

	switch (number) {
	case SIGTERM:
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
		/* The terminal tells its end to the leader of the session alone. */
		if (!terminal || number == SIGHUP)
			pass_on(guard, number);
		guard_judge_excuse(&guard->judge,
				   guard_now_ms() +
					   (number == SIGTERM ? AWAKE_TO_END_MS : AWAKE_MS));
		guard_resume(guard, "a signal asks it to end");
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		if (guard->suspended || is_job_stopped(guard))
			stop_self(guard, number);
		else if (!terminal)
			pass_on(guard, number);
		break;
	case SIGCONT:
		if (guard->suspended)
			guard->look_ms = guard->sweep_ms = guard_now_ms();
		else
			pass_on(guard, number);
		break;
	case SIGUSR1:
	case SIGUSR2:
		pass_on(guard, number);
		break;
	case SIGWINCH:
		if (!terminal)
			pass_on(guard, number);
		break;
	default: /* SIGCHLD: the loop looks for news in any case; SIGPIPE: write() says it */
		break;
	}
}

/* Whether the process above us is a shell that wants to see its jobs stop: those are groups of their own. */
static bool has_shell(void)
{
	pid_t parent = getppid();

	return getsid(parent) == getsid(0) && getpgid(parent) != getpgrp();
}

/* The job has stopped, maybe by ourselves. Who did it from a terminal wants all of it to stop. */
static void take_stop(struct guard *guard, int number)
{
	if (guard->suspended || (number == SIGSTOP && !has_shell()))
		return;
	/* Not old news: it goes on again. */
	if (is_job_stopped(guard))
		stop_self(guard, number);
}

static void take_news(struct guard *guard)
{
	bool had_watcher = guard->watcher.pid != 0;
	struct guard_news news;
	int result;

	while ((result = watcher_next(&guard->watcher, &news)) > 0) {
		switch (news.kind) {
		case GUARD_STOPPED:
			take_stop(guard, news.value);
			break;
		case GUARD_CONTINUED:
			break;
		case GUARD_ENDED:
			guard->status = news.value;
			guard->ended = !guard->ending;
			return;
		}
	}
	if (result < 0) {
		guard_say("what became of the job is not known: the watcher was killed");
		guard->status = W_EXITCODE(CTL_FAILED, 0);
		guard->ended = true;
	} else if (had_watcher && guard->watcher.pid == 0) {
		guard_say("the watcher was killed; the job is still guarded, but if this guard is "
			  "killed as well, what is suspended stays so");
	}
}

static void catch_signals(struct guard *guard)
{
	static const int numbers[] = {SIGTERM,	SIGHUP,	 SIGINT,  SIGQUIT, SIGTSTP,
				      SIGTTIN,	SIGTTOU, SIGCONT, SIGUSR1, SIGUSR2,
				      SIGWINCH, SIGCHLD, SIGPIPE};

	sigemptyset(&guard->caught);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&guard->caught, numbers[i]);
	sigprocmask(SIG_BLOCK, &guard->caught, &guard->before);
	guard->signal_fd = signalfd(-1, &guard->caught, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void guard_loop(struct guard *guard)
{
	struct signalfd_siginfo info;

	while (!guard->ended) {
		struct pollfd fds[] = {{.fd = guard->signal_fd, .events = POLLIN},
				       {.fd = guard->watcher.fd, .events = POLLIN}};
		int64_t left_ms = guard->look_ms - guard_now_ms();

		if (left_ms > 0)
			poll(fds, 2, (int)left_ms);
		while (read(guard->signal_fd, &info, sizeof(info)) == sizeof(info))
			take_signal(guard, &info);
		take_news(guard);
		if (!guard->ended && guard_now_ms() >= guard->look_ms)
			guard_tick(guard);
	}
}

/* So that the caller sees what he would have seen without us; one core file is enough. */
static void die_of(const struct guard *guard, int number)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t one;

	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(number, &action, NULL);
	sigemptyset(&one);
	sigaddset(&one, number);
	close(guard->signal_fd);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
}

static int exit_code(const struct guard *guard)
{
	if (guard->watcher.error != 0) {
		guard_say("%s: %s", guard->order->argv[0], strerror(guard->watcher.error));
		return guard->watcher.error == ENOENT ? GUARD_EXIT_NOT_FOUND
						      : GUARD_EXIT_CANNOT_RUN;
	}
	if (guard->ending)
		return GUARD_EXIT_LATER;
	if (!WIFSIGNALED(guard->status))
		return WEXITSTATUS(guard->status);
	die_of(guard, WTERMSIG(guard->status));
	return 128 + WTERMSIG(guard->status); /* not reached: it cannot be survived */
}

/* A daemon that it was to start, or a child that it forgot. */
static void tell_left(struct guard *guard)
{
	int left;

	if (guard->order->loudness < GUARD_VERBOSE)
		return;
	left = freeze_signal_all(&guard->freeze, watcher_root(&guard->watcher), 0);
	if (left > 0)
		guard_say("%d processes that the job has left behind run on, unguarded", left);
}

static int run_job(struct guard *guard)
{
	int result = freeze_open(&guard->freeze);

	if (result == 0) {
		catch_signals(guard);
		guard->begun_ms = guard_now_ms();
		result = watcher_start(&guard->watcher, &guard->freeze, guard->order->argv,
				       &guard->before);
	}
	if (result < 0) {
		guard_say("the job cannot be started: %s", strerror(-result));
		return CTL_FAILED;
	}
	guard_loop(guard);
	guard_resume(guard, "the job has ended");
	tell_left(guard);
	watcher_end(&guard->watcher);
	freeze_close(&guard->freeze);
	guard_summarise(guard);
	return exit_code(guard);
}

int guard_run(const struct guard_order *order)
{
	struct guard guard = {
		.order = order,
		.told = {.source = GUARD_FRESH, .state = CONTROL_NORMAL},
		.status = -1,
	};

	guard_state_init(&guard.file, order->state_path);
	guard_judge_init(&guard.judge, &order->rules, guard_now_ms());
	if (!guard_wait(&guard))
		return GUARD_EXIT_LATER;
	return run_job(&guard);
}
