/* SPDX-License-Identifier: MIT */
/* What the lines of an access log say: pure functions of their bytes. */
#ifndef HOSTINGPI_ACCESS_LOG_PARSE_H
#define HOSTINGPI_ACCESS_LOG_PARSE_H

#include <stddef.h>
#include <stdint.h>

struct access_log_tally {
	int64_t requests;   /* lines, but for those of our own questions */
	int64_t errors_5xx; /* of these with a status of 500 to 599 */
	int64_t unparsed;   /* of these without a status that was understood */
};

/*
 * The status of a line (without its line end), 0..999, or -EINVAL. Understood are the common and the
 * combined format, whatever stands before and behind them, and JSON objects with a field "status".
 */
int access_log_status(const char *line, size_t length);

/* Counts one line, which may be the beginning of one, unless it names us as the one who asked. */
void access_log_count_line(struct access_log_tally *tally, const char *line, size_t length);

/* Counts the complete lines at the start of text and returns how many bytes these are. */
size_t access_log_count(struct access_log_tally *tally, const char *text, size_t length);

#endif
