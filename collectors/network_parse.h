/* SPDX-License-Identifier: MIT */
/* Pure functions behind the network collector: the parser of /proc/net/dev and the running sums. */
#ifndef HOSTINGPI_NETWORK_PARSE_H
#define HOSTINGPI_NETWORK_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IFNAMSIZ of the kernel, with the NUL byte. */
#define NETWORK_NAME_SIZE 16
/* A Pi has three interfaces; the rest is room for containers, which have one each. */
#define NETWORK_INTERFACES 64

struct network_line {
	char name[NETWORK_NAME_SIZE];
	int64_t rx_bytes, tx_bytes;
};

/*
 * Parses /proc/net/dev. Lines of `lo` are left out. Returns the number of interfaces; -EBADMSG if the
 * text is cut off or malformed, -EFBIG if there are more than NETWORK_INTERFACES (ret_lines, which
 * has room for so many, is then undefined).
 */
int network_parse(const char *text, struct network_line *ret_lines);

/* How much a counter grew, see network_parse.c; *ret_reset if it was started anew. */
int64_t network_growth(int64_t before, int64_t after, int64_t elapsed_ns, bool *ret_reset);

#endif
