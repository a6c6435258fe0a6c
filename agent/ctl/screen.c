/* SPDX-License-Identifier: MIT */
/*
 * Signals are blocked and read from a descriptor, so nothing has to be done in a handler and nothing
 * is missed between two waits. Ctrl-Z leaves the screen, stops the program as the shell expects it and
 * comes back when it goes on. Each frame is written over the one before, line by line, because clearing
 * first flickers.
 */
#include "agent/ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* xterm's private modes: 1049 alternate screen, 25 cursor, 7 wrapping of long lines. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_RIGHT "\033[K"
#define LINE_NEXT "\r\n"
#define CLEAR_BELOW "\033[J"

static void keys_take(struct screen *screen)
{
	struct termios raw;

	/* In the background, taking the keyboard would stop us (SIGTTOU). */
	screen->keys = tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		       tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (!screen->keys)
		return;
	raw = screen->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void screen_enter(struct screen *screen)
{
	keys_take(screen);
	fputs(ENTER, stdout);
	fflush(stdout);
}

static void screen_leave(struct screen *screen)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (screen->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

int screen_open(struct screen *screen)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&signals, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &signals, &screen->mask) < 0)
		return -errno;
	screen->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signal_fd < 0)
		return -errno;
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

void screen_draw(const char *text)
{
	size_t columns, rows, lines = count_lines(text), shown;

	screen_size(&columns, &rows);
	shown = lines <= rows ? lines : rows - 1;
	fputs(HOME, stdout);
	for (size_t i = 0; i < shown; i++) {
		size_t length = strcspn(text, "\n");

		/* Between the lines only: a line end in the last row would scroll. */
		fputs(i > 0 ? LINE_NEXT : "", stdout);
		fwrite(text, 1, length, stdout);
		fputs(CLEAR_RIGHT, stdout);
		text += length + 1;
	}
	if (shown < lines)
		fprintf(stdout, "%s(%zu more lines in a taller window)" CLEAR_RIGHT,
			shown > 0 ? LINE_NEXT : "", lines - shown);
	fputs(CLEAR_BELOW, stdout);
	fflush(stdout);
}

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
		raise(SIGSTOP);
		screen_enter(screen);
		return SCREEN_REDRAW;
	default:
		return SCREEN_QUIT;
	}
}

static enum screen_event take_key(struct screen *screen)
{
	char key = 0;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 1 && (key == 'q' || key == 'Q'))
		return SCREEN_QUIT;
	if (n <= 0)
		screen->keys = false; /* the terminal has gone; its hang-up signal follows */
	return SCREEN_REDRAW;
}

enum screen_event screen_wait(struct screen *screen, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = screen->signal_fd, .events = POLLIN},
			{.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN},
		};
		struct timespec now;
		int64_t left_ms;

		clock_gettime(CLOCK_MONOTONIC, &now);
		left_ms = deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		if (left_ms > 60000)
			left_ms = 60000;
		if (poll(fds, 2, left_ms > 0 ? (int)left_ms : 0) < 0 && errno != EINTR)
			return SCREEN_QUIT;
		if (fds[0].revents != 0) {
			enum screen_event event = take_signal(screen);

			if (event != SCREEN_TIME)
				return event;
		} else if (fds[1].revents != 0) {
			return take_key(screen);
		} else if (left_ms <= 0) {
			return SCREEN_TIME;
		}
	}
}
