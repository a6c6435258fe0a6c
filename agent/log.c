/* SPDX-License-Identifier: MIT */
/*
 * A message is formatted on the stack and leaves in one write, so lines of several threads never mix
 * and nothing is allocated. What is longer than a line allows is cut and marked. Who reads standard
 * error may have stopped reading (a journal on a card that fails): then lines are dropped and
 * counted, because the loop must not wait for anybody.
 */
#include "agent/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sample.h"

/* Set once by log_open() before there is a second thread. */
static struct {
	enum log_level level;
	bool journal;
	bool colour;
} settings = {.level = LOG_LEVEL_NOTICE};

/* True if standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char here[64];
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return strcmp(here, stream) == 0;
}

void log_open(enum log_level level)
{
	const char *no_colour = getenv("NO_COLOR");
	settings.level = level;
	settings.journal = stderr_is_journal();
	settings.colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
		{"error", LOG_LEVEL_ERROR},   {"warning", LOG_LEVEL_WARNING},
		{"notice", LOG_LEVEL_NOTICE}, {"info", LOG_LEVEL_INFO},
		{"debug", LOG_LEVEL_DEBUG},
	};
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].word, word) == 0) {
			*ret_level = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *level_prefix(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return settings.colour ? "\033[1;31merror:\033[0m " : "error: ";
	case LOG_LEVEL_WARNING:
		return settings.colour ? "\033[33mwarning:\033[0m " : "warning: ";
	case LOG_LEVEL_NOTICE:
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DEBUG:
		break;
	}
	return "";
}

/* 512: longer than any message of ours with a path of 255 bytes in it. */
#define LINE_SIZE 512

/* Lines that could not be written since the last one that could. */
static atomic_uint lost;

/* A line of ours is shorter than PIPE_BUF, so a descriptor that is ready takes it as a whole. */
static bool write_line(const char *line, int length)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, (size_t)length) == length;
}

static void log_line(enum log_level level, const char *text)
{
	if (level > settings.level)
		return;

	char line[LINE_SIZE + 32];
	char prefix[8];
	snprintf(prefix, sizeof(prefix), "<%d>", (int)level);
	int length = snprintf(line, sizeof(line), "%s%s\n",
			      settings.journal ? prefix : level_prefix(level), text);
	if (length >= (int)sizeof(line))
		length = (int)sizeof(line) - 1;

	unsigned before = atomic_exchange(&lost, 0);
	char note[80];
	int note_length = snprintf(note, sizeof(note), "%s%u messages before this one were lost\n",
				   settings.journal ? prefix : "", before);
	if ((before && !write_line(note, note_length)) || !write_line(line, length))
		atomic_fetch_add(&lost, before + 1);
}

void log_message(enum log_level level, const char *format, ...)
{
	if (level > settings.level)
		return;

	int saved = errno;
	char text[2 * LINE_SIZE], line[LINE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_copy(line, sizeof(line), text);
	log_line(level, line);
	errno = saved;
}

bool complaint_raise(struct complaint *complaint, const char *format, ...)
{
	char text[2 * sizeof(complaint->text)], cut[sizeof(complaint->text)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_copy(cut, sizeof(cut), text);

	if (strcmp(cut, complaint->text) == 0)
		return false;
	memcpy(complaint->text, cut, sizeof(complaint->text));
	log_line(LOG_LEVEL_WARNING, cut);
	return true;
}

bool complaint_clear(struct complaint *complaint, const char *subject)
{
	if (!complaint->text[0])
		return false;
	complaint->text[0] = '\0';
	log_notice("%s: works again", subject);
	return true;
}
