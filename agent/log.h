/* SPDX-License-Identifier: MIT */
/*
 * Messages on standard error: with journald priorities when systemd reads them, plain otherwise. One
 * write per message, so that it may be called from any thread. Never with secrets in it.
 */
#ifndef HOSTINGPI_LOG_H
#define HOSTINGPI_LOG_H

#include <stdbool.h>

enum log_level { /* the numbers are those of syslog(3) */
		 LOG_LEVEL_ERROR = 3,
		 LOG_LEVEL_WARNING = 4,
		 LOG_LEVEL_NOTICE = 5,
		 LOG_LEVEL_INFO = 6,
		 LOG_LEVEL_DEBUG = 7,
};

/* Looks at standard error and the environment (JOURNAL_STREAM, NO_COLOR); once, at start. */
void log_open(enum log_level level);
/* 0 and the level for "error", "warning", "notice", "info", "debug"; -EINVAL otherwise. */
int log_level_parse(const char *word, enum log_level *ret_level);

void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Remembers one trouble, so that it is told when it begins, changes or ends, not each time. */
struct complaint {
	char text[160]; /* empty: no trouble */
};

/*
 * Says the trouble once (as a warning) until its text changes. Returns true if it was said.
 */
bool complaint_raise(struct complaint *complaint, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Says (as a notice) that it is over, if there was one; subject is a few words. */
bool complaint_clear(struct complaint *complaint, const char *subject);

#endif
