/* SPDX-License-Identifier: MIT */
/*
 * fork() and not vfork() or posix_spawn(): with these the loop would stand still until the new program is
 * loaded, from a card that may be slow. What the child does before exec is safe after a fork of a program
 * with threads (signal-safety(7)).
 *
 * It leads a session of its own, so that a signal reaches what it may have started; it dies with us; it has
 * less of everything than we have: no core file, 256 MB of address space, a lower priority, no capability,
 * and the first place when the kernel looks for somebody to kill.
 *
 * The end is the end of the process, not of its output: whoever inherited that may keep it open.
 */
#include "notifiers/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/units.h"

#define ADDRESS_SPACE ((rlim_t)256 << 20)
#define NICE 10
#define EXIT_NOT_STARTED 127 /* as a shell does */
/* A killed process that is not gone by then hangs in the kernel, and is left to it. */
#define KILL_WAIT_MS 200
/* What a program has to clean up and to say it is sorry. */
#define TERM_NS (2 * NS_PER_S)
/* Who prints more prints without end: nobody listens any more, as when a reader closes a pipe. */
#define OUTPUT_MOST ((size_t)4 << 20)

void child_command_keep(struct child_command *command, const char *name)
{
	const char *value = getenv(name);
	size_t count = 0;

	while (command->environment[count])
		count++;
	if (count == CHILD_VARIABLES)
		return;
	/* A shell finds its programs without one as well, others do not. */
	if (strcmp(name, "PATH") == 0 &&
	    (!value || strlen("PATH=") + strlen(value) >= CHILD_PATH_SIZE))
		value = "/usr/local/bin:/usr/bin:/bin";
	if (value && snprintf(command->texts[count], CHILD_PATH_SIZE, "%s=%s", name, value) <
			     CHILD_PATH_SIZE)
		command->environment[count] = command->texts[count];
}

void child_command_environment(struct child_command *command)
{
	static const char *const variables[] = {"PATH", "LANG", "TZ"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		child_command_keep(command, variables[i]);
}

/* Says to the journal why not, without anything that a fork of a threaded program must not call. */
__attribute__((noreturn)) static void give_up(const struct child_command *command, int error)
{
	static const char middle[] = ": cannot be started: ";
	const char *why = strerrordesc_np(error);

	(void)!write(2, command->program, strlen(command->program));
	(void)!write(2, middle, sizeof(middle) - 1);
	(void)!write(2, why, strlen(why));
	(void)!write(2, "\n", 1);
	_exit(EXIT_NOT_STARTED);
}

static void limit_child(void)
{
	const struct rlimit core = {0, 0}, space = {ADDRESS_SPACE, ADDRESS_SPACE};
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "500", 3);
		close(fd);
	}
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_AS, &space);
	setpriority(PRIO_PROCESS, 0, NICE);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

__attribute__((noreturn)) static void run_child(const struct child_command *command, pid_t parent,
						int in_fd, int out_fd)
{
	static const int caught[] = {SIGHUP, SIGINT, SIGTERM};
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before we asked for that */
		_exit(EXIT_NOT_STARTED);
	if (dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0)
		give_up(command, errno);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	limit_child();
	/* Our handlers must not run here: they write into a pipe that is still ours. */
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL); /* what is ignored would stay so */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(command->program, command->arguments, command->environment);
	give_up(command, errno);
}

static void end_input(struct child *child)
{
	watch_end(child->in_watch);
	child->in_watch = NULL;
	if (child->in_fd >= 0)
		close(child->in_fd);
	child->in_fd = -1;
}

static void end_output(struct child *child)
{
	watch_end(child->out_watch);
	child->out_watch = NULL;
	if (child->out_fd >= 0)
		close(child->out_fd);
	child->out_fd = -1;
}

static void on_ready(void *context, unsigned events)
{
	struct child *child = context;

	(void)events; /* what to do follows from what can be done */
	child->fn(child->context);
}

/* A pipe whose end is_ours (0 or 1) does not block; the other end is the child's. */
static int make_pipe(int fds[2], int is_ours)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[is_ours], F_SETFL, O_NONBLOCK);
	return 0;
}

static void close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Forks. On success the parent has its ends of the pipes in child. */
static int launch(struct child *child, const struct child_command *command)
{
	int in[2], out[2], result = make_pipe(in, 1);
	sigset_t all, before;
	pid_t parent = getpid();

	if (result < 0)
		return result;
	result = make_pipe(out, 0);
	if (result < 0) {
		close_pair(in);
		return result;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child->pid = fork();
	if (child->pid == 0)
		run_child(command, parent, in[0], out[1]);
	result = child->pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result < 0) {
		child->pid = 0;
		close_pair(in);
		close_pair(out);
		return result;
	}
	close(in[0]);
	close(out[1]);
	child->in_fd = in[1];
	child->out_fd = out[0];
	return 0;
}

static void feed(struct child *child)
{
	ssize_t sent;

	if (child->in_fd < 0)
		return;
	sent = write(child->in_fd, child->input + child->input_sent,
		     child->input_length - child->input_sent);
	if (sent > 0)
		child->input_sent += (size_t)sent;
	/* EPIPE: it does not want to know more. */
	if ((sent < 0 && errno != EAGAIN && errno != EINTR) ||
	    child->input_sent == child->input_length)
		end_input(child);
}

int child_start(struct child *child, const struct env *env, const struct child_command *command,
		const char *input, size_t length, int64_t deadline_ns, timer_fn *fn, void *context)
{
	int result;

	if (length > sizeof(child->input))
		return -EMSGSIZE;
	result = launch(child, command);
	if (result < 0)
		return result;
	memcpy(child->input, input, length);
	child->input_length = length;
	child->input_sent = child->used = child->printed = 0;
	child->deadline_ns = deadline_ns;
	child->late = child->killed = false;
	child->end = CHILD_RUNS;
	child->fn = fn;
	child->context = context;
	/* Without these watches (no place in the loop) the end is seen a second later. */
	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd >= 0)
		child->pid_watch = env_watch(env, child->pid_fd, WATCH_READ, on_ready, child);
	child->out_watch = env_watch(env, child->out_fd, WATCH_READ, on_ready, child);
	feed(child); /* as a rule all of it fits into the pipe */
	if (child->in_fd >= 0)
		child->in_watch = env_watch(env, child->in_fd, WATCH_WRITE, on_ready, child);
	return 0;
}

/*
 * More than the pipe holds is not read in one go, so that a program that prints without end does not keep the
 * loop; nor is less, because after its end its last line is in there. It holds 64 KiB as a rule, but 256 where pages
 * have 16 KiB, as on a Pi 5 (pipe(7)).
 */
static void drain(struct child *child)
{
	char rest[CHILD_OUTPUT_SIZE / 2];
	size_t before = child->printed;
	int holds = fcntl(child->out_fd, F_GETPIPE_SZ);

	while (child->out_fd >= 0 && child->printed - before < (size_t)holds) {
		bool full = child->used == sizeof(child->output);

		if (full && child->tail) {
			child->used = sizeof(rest);
			memcpy(child->output, child->output + sizeof(rest), sizeof(rest));
			full = false;
		}
		ssize_t got = full ? read(child->out_fd, rest, sizeof(rest))
				   : read(child->out_fd, child->output + child->used,
					  sizeof(child->output) - child->used);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got > 0)
			child->printed += (size_t)got;
		if (got <= 0 || child->printed > OUTPUT_MOST)
			end_output(child);
		else if (!full)
			child->used += (size_t)got;
	}
}

/* The leader's number stays taken until it is reaped, so that nobody else is hit. */
static void signal_all(const struct child *child, int number)
{
	/* It may not lead its session yet; once it does, the group is all of it. */
	if (kill(-child->pid, number) < 0)
		kill(child->pid, number);
}

/* True if it is gone, with what it started, and taken off the table of processes. */
static bool reap(struct child *child)
{
	siginfo_t info = {0};
	int status;

	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid != child->pid)
		return false;
	signal_all(child, SIGKILL);
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	if (child->late) {
		child->end = CHILD_LATE;
	} else if (WIFEXITED(status)) {
		child->end = CHILD_EXITED;
		child->code = WEXITSTATUS(status);
	} else {
		child->end = CHILD_KILLED;
		child->code = WTERMSIG(status);
	}
	return true;
}

static void forget(struct child *child)
{
	end_input(child);
	end_output(child);
	watch_end(child->pid_watch);
	child->pid_watch = NULL;
	if (child->pid_fd >= 0)
		close(child->pid_fd);
	child->pid_fd = -1;
	child->pid = 0;
}

void child_hurry(struct child *child, int64_t deadline_ns)
{
	if (child->pid && child->deadline_ns > deadline_ns)
		child->deadline_ns = deadline_ns;
}

bool child_step(struct child *child, int64_t now_ns)
{
	if (child->pid == 0)
		return false;
	feed(child);
	drain(child);
	if (!child->late && now_ns >= child->deadline_ns) {
		child->late = true;
		signal_all(child, SIGTERM);
	} else if (child->late && !child->killed && now_ns >= child->deadline_ns + TERM_NS) {
		child->killed = true;
		signal_all(child, SIGKILL);
	}
	if (!reap(child))
		return false;
	drain(child);
	forget(child);
	return true;
}

void child_close(struct child *child)
{
	struct pollfd gone = {.fd = child->pid_fd, .events = POLLIN};

	if (child->pid == 0)
		return;
	signal_all(child, SIGKILL);
	if (child->pid_fd >= 0)
		poll(&gone, 1, KILL_WAIT_MS);
	reap(child);
	forget(child);
}
