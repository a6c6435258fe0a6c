/* SPDX-License-Identifier: MIT */
/*
 * Bytes of an access log: the parser of one line, the counting of many, and the same bytes through a
 * file that grows in pieces. The first byte says how large the pieces are. However they are cut, the
 * count is that of the line ends.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collectors/access_log_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

/* The tally of all complete lines, each parsed in memory of its own. */
static struct access_log_tally tally_of(const char *text, size_t size)
{
	struct access_log_tally tally = {0};
	const char *at = text, *end;

	while ((end = memchr(at, '\n', size - (size_t)(at - text)))) {
		size_t length = (size_t)(end - at);
		char *line = malloc(length ? length : 1);
		expect(line != NULL);
		memcpy(line, at, length);
		int status = access_log_status(line, length);
		expect(status < 1000);
		access_log_count_line(&tally, line, length);
		free(line);
		at = end + 1;
	}
	return tally;
}

static struct access_log_reading read_in_pieces(const char *text, size_t size, size_t piece)
{
	static char buffer[ACCESS_LOG_BUFFER_SIZE];
	struct access_log_reading reading = {0};
	struct access_log_file file = {.fd = memfd_create("log", MFD_CLOEXEC)};

	expect(file.fd >= 0);
	for (size_t at = 0; at < size; at += piece) {
		size_t length = size - at < piece ? size - at : piece;
		int64_t budget = INT64_MAX;
		struct stat stat;
		expect(write(file.fd, text + at, length) == (ssize_t)length);
		expect(fstat(file.fd, &stat) == 0);
		expect(access_log_file_read(&file, &stat, 1, buffer, &budget, &reading) == 0);
	}
	close(file.fd);
	return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	const char *text = (const char *)data + 1;
	size_t length = size - 1, piece = data[0] ? data[0] : length + 1;

	struct access_log_tally tally = tally_of(text, length);
	expect(tally.requests >= tally.errors_5xx + tally.unparsed);
	struct access_log_reading reading = read_in_pieces(text, length, piece);
	expect(memcmp(&reading.tally, &tally, sizeof(tally)) == 0);
	expect(reading.rewrites == 0 && reading.skipped_bytes == 0);
	return 0;
}
