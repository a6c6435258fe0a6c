/* SPDX-License-Identifier: MIT */
/*
 * Signals are blocked and read from a descriptor, so nothing has to be done in a handler and nothing
 * is missed between two waits. Ctrl-Z leaves the screen, stops the program as the shell expects it and
 * comes back with SIGCONT; in the background nothing is drawn, because the shell writes there then.
 * Each frame is written over the one before in one write, because clearing first flickers and so do
 * halves of a frame. A crash is the one thing that needs a handler: it puts the terminal back and lets
 * the signal do what it does.
 */
#include "agent/ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* xterm's private modes: 1049 alternate screen, 25 cursor, 7 wrapping of long lines. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
/* In the middle of a frame a colour may be on. */
#define LEAVE_CRASH "\033[0m" LEAVE
#define HOME "\033[H"
#define CLEAR_RIGHT "\033[K"
#define LINE_NEXT "\r\n"
#define CLEAR_BELOW "\033[J"

/* What a handler must know of the one screen that a program can have. */
static struct {
	volatile sig_atomic_t entered, keys;
	struct termios before;
} crash;

/* Only what may be called in a handler. The second delivery is the default: the program ends. */
static void crash_handle(int number)
{
	ssize_t n = 0;

	if (crash.entered)
		n = write(STDOUT_FILENO, LEAVE_CRASH, sizeof(LEAVE_CRASH) - 1);
	if (crash.keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &crash.before);
	(void)n; /* nothing is left to be done about it */
	raise(number);
}

static void crash_expect(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGXCPU};
	struct sigaction action = {.sa_handler = crash_handle, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

/* All of it or, where the terminal has gone, nothing: its hang-up signal follows. */
static void terminal_write(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, 1000);
		else if (n < 0 && errno != EINTR)
			return;
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

static void keys_take(struct screen *screen)
{
	struct termios raw;

	/* In the background, taking the keyboard would stop us (SIGTTOU). */
	screen->keys = tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		       tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (!screen->keys)
		return;
	crash.before = raw = screen->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	crash.keys = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* The shell has the terminal: -1 if it is not ours to be had, which is no background either. */
static bool in_background(void)
{
	pid_t owner = tcgetpgrp(STDOUT_FILENO);

	return owner >= 0 && owner != getpgrp();
}

static void screen_enter(struct screen *screen)
{
	/* As any program that wants the terminal: stopped until "fg". Who is nobody's job goes on. */
	if (in_background())
		raise(SIGTTOU);
	if (crash.entered || in_background())
		return;
	keys_take(screen);
	crash.entered = 1;
	terminal_write(ENTER, sizeof(ENTER) - 1);
}

static void screen_leave(struct screen *screen)
{
	if (!crash.entered)
		return;
	terminal_write(LEAVE, sizeof(LEAVE) - 1);
	crash.entered = 0;
	if (screen->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
	crash.keys = 0;
}

int screen_open(struct screen *screen)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&signals, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &signals, &screen->mask) < 0)
		return -errno;
	screen->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signal_fd < 0)
		return -errno;
	screen->escape = ESCAPE_NONE;
	crash_expect();
	screen_enter(screen);
	return 0;
}

void screen_close(struct screen *screen)
{
	screen_leave(screen);
	close(screen->signal_fd);
	sigprocmask(SIG_SETMASK, &screen->mask, NULL);
}

void screen_size(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size;

	*ret_columns = 80;
	*ret_rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0)
		*ret_columns = size.ws_col;
	if (size.ws_row > 0)
		*ret_rows = size.ws_row;
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		lines++;
		text++;
	}
	return lines;
}

/*
 * In xterm, tmux and on the console the cursor stands on the last sign of a line that is full: clearing to the
 * right would take that sign away.
 */
static void put_line(FILE *out, const struct style *style, const char *text, size_t length,
		     size_t columns)
{
	text_cut(out, style, text, length, columns);
	if (text_width(style, text, length) < columns)
		fputs(CLEAR_RIGHT, out);
}

void screen_compose(FILE *out, const struct style *style, const char *text, size_t columns,
		    size_t rows)
{
	size_t lines = count_lines(text), shown = lines <= rows ? lines : rows - 1;
	char note[64];

	fputs(HOME, out);
	for (size_t i = 0; i < shown; i++) {
		size_t length = strcspn(text, "\n");

		/* Between the lines only: a line end in the last row would scroll. */
		fputs(i > 0 ? LINE_NEXT : "", out);
		put_line(out, style, text, length, columns);
		text += length + 1;
	}
	if (shown < lines) {
		snprintf(note, sizeof(note), "(%zu more lines in a taller window)", lines - shown);
		fputs(shown > 0 ? LINE_NEXT : "", out);
		put_line(out, style, note, strlen(note), columns);
	} else if (shown < rows) {
		fputs(shown > 0 ? LINE_NEXT : "", out);
		fputs(CLEAR_BELOW, out);
	}
}

void screen_draw(const struct style *style, const char *text)
{
	size_t columns, rows, length = 0;
	char *bytes = NULL;
	FILE *out;

	if (!crash.entered)
		return;
	out = open_memstream(&bytes, &length);
	if (out == NULL)
		return;
	screen_size(&columns, &rows);
	screen_compose(out, style, text, columns, rows);
	if (fclose(out) == 0)
		terminal_write(bytes, length);
	free(bytes);
}

/* SCREEN_TIME: nothing that matters to anybody else. */
static enum screen_event take_signal(struct screen *screen)
{
	struct signalfd_siginfo info;

	if (read(screen->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SCREEN_TIME;
	switch (info.ssi_signo) {
	case SIGWINCH:
		return SCREEN_REDRAW;
	case SIGTSTP:
		screen_leave(screen);
		raise(SIGSTOP); /* what follows is SIGCONT, which is read like the others */
		return SCREEN_TIME;
	case SIGCONT:
		screen_enter(screen);
		return SCREEN_REDRAW;
	default:
		return SCREEN_QUIT;
	}
}

bool screen_take_byte(enum screen_escape *escape, unsigned char byte)
{
	switch (*escape) {
	case ESCAPE_NONE:
		break;
	case ESCAPE_BEGUN:
		/* ECMA-48: CSI and SS3; another byte is that key, with Alt. */
		*escape = byte == '['	 ? ESCAPE_SEQUENCE
			  : byte == 'O'	 ? ESCAPE_LETTER
			  : byte == 0x1b ? ESCAPE_BEGUN
					 : ESCAPE_NONE;
		return false;
	case ESCAPE_LETTER:
		*escape = ESCAPE_NONE;
		return false;
	case ESCAPE_SEQUENCE:
		if (byte >= 0x40 && byte <= 0x7e)
			*escape = ESCAPE_NONE;
		return false;
	}
	if (byte == 0x1b)
		*escape = ESCAPE_BEGUN;
	return byte >= 0x20 && byte < 0x7f;
}

static enum screen_event take_key(struct screen *screen, char *ret_key)
{
	unsigned char byte;
	ssize_t n = read(STDIN_FILENO, &byte, 1);

	if (n <= 0) {
		screen->keys = false; /* the terminal has gone; its hang-up signal follows */
		return SCREEN_TIME;
	}
	if (!screen_take_byte(&screen->escape, byte))
		return SCREEN_TIME;
	*ret_key = (char)byte;
	return SCREEN_KEY;
}

enum screen_event screen_wait(struct screen *screen, int64_t deadline_ms, char *ret_key)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = screen->signal_fd, .events = POLLIN},
			{.fd = screen->keys && crash.entered ? STDIN_FILENO : -1, .events = POLLIN},
		};
		enum screen_event event = SCREEN_TIME;
		struct timespec now;
		int64_t left_ms;

		clock_gettime(CLOCK_MONOTONIC, &now);
		left_ms = deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		if (left_ms > 60000)
			left_ms = 60000;
		if (poll(fds, 2, left_ms > 0 ? (int)left_ms : 0) < 0 && errno != EINTR)
			return SCREEN_QUIT;
		if (fds[0].revents != 0)
			event = take_signal(screen);
		else if (fds[1].revents != 0)
			event = take_key(screen, ret_key);
		else if (left_ms <= 0)
			return SCREEN_TIME;
		if (event != SCREEN_TIME)
			return event;
	}
}
