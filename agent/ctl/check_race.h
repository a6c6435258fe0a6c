/* SPDX-License-Identifier: MIT */
/* Connects to the first of several addresses that answers. */
#ifndef HOSTINGPI_CTL_CHECK_RACE_H
#define HOSTINGPI_CTL_CHECK_RACE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"

/* A name with more addresses than this is no Pi. */
#define RACE_MAX 16

/* The monotonic clock. */
int64_t race_now_ns(void);

/* Orders addresses in place: IPv6 and IPv4 in turn, IPv6 first, otherwise as they were. */
void race_order(struct addr *addrs, size_t count);

/*
 * Tries them in this order: the next one after 250 ms, or as soon as all before it have failed, while
 * the others go on. Returns a connected non-blocking socket and the index of its address, or -ETIMEDOUT when none
 * was connected by deadline_ns, or the negative errno of the last one that failed; then ret_error
 * says of each what became of it.
 */
int race_connect(const struct addr *addrs, size_t count, int64_t deadline_ns, size_t *ret_winner,
		 char *ret_error, size_t size);

#endif
