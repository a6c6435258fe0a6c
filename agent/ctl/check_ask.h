/* SPDX-License-Identifier: MIT */
/* Asks agents how they are, several at a time, within one deadline. */
#ifndef HOSTINGPI_CTL_CHECK_ASK_H
#define HOSTINGPI_CTL_CHECK_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"
#include "agent/ctl/check_reply.h"
#include "agent/ctl/check_target.h"

/* 64 processes at once, and as many rows of a table; a larger fleet is asked in parts. */
#define CHECK_HOSTS 64

/* What became of one question; plain bytes, because it travels through a pipe. */
struct check_result {
	bool answered; /* answer is valid, otherwise error */
	struct check_answer answer;
	char address[ADDR_TEXT_SIZE]; /* that was connected; empty: none was */
	char error[CHECK_ERROR_SIZE]; /* printable ASCII: what went wrong, and what to do */
	int64_t took_us;
};

/* Looks up, connects, asks for path and reads the answer, all until deadline_ns (monotonic). A name
 * server may take longer. */
void check_ask(const struct check_target *target, const char *path, int64_t deadline_ns,
	       struct check_result *ret_result);

/*
 * The same for all of them at once, in a process each, and back soon after deadline_ns whatever name
 * servers do. 0 or negative errno: the processes cannot be had.
 */
int check_ask_all(const struct check_target *targets, size_t count, const char *path,
		  int64_t deadline_ns, struct check_result *ret_results);

#endif
