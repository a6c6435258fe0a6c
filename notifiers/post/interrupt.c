/* SPDX-License-Identifier: MIT */
/*
 * Neither getaddrinfo() nor libcurl can be called off from outside in time, so the end is made in the
 * signal handler itself, with what is allowed there: write() and _exit(). The timer also bounds
 * what has no limit of its own, which is looking names up with a silent resolver.
 */
#include "notifiers/post/interrupt.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const int interrupt_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM, 0};

/* What a signal handler needs cannot be handed to it. Changed only while the signals are blocked. */
static struct {
	char line[RESULT_LINE_SIZE];
	size_t length;
	int code;
} prepared;

static void on_signal(int number)
{
	(void)number;
	if (write(STDOUT_FILENO, prepared.line, prepared.length) < 0)
		_exit(RESULT_EXIT_USAGE);
	_exit(prepared.code);
}

static void set_of_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	for (const int *number = interrupt_signals; *number; number++)
		sigaddset(ret_set, *number);
}

void interrupt_open(int64_t limit_ms)
{
	const struct itimerval limit = {
		.it_value = {.tv_sec = (time_t)(limit_ms / 1000),
			     .tv_usec = (suseconds_t)(limit_ms % 1000 * 1000)},
	};
	struct sigaction action = {.sa_handler = on_signal};

	set_of_signals(&action.sa_mask);
	for (const int *number = interrupt_signals; *number; number++)
		sigaction(*number, &action, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

void interrupt_prepare(const struct result *result)
{
	sigset_t signals, before;

	set_of_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	if (result_format(result, prepared.line, sizeof(prepared.line) - 1) < 0)
		prepared.line[0] = '\0';
	strcat(prepared.line, "\n");
	prepared.length = strlen(prepared.line);
	prepared.code = (int)result_exit(result);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void interrupt_close(void)
{
	sigset_t signals;

	set_of_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}
