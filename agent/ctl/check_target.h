/* SPDX-License-Identifier: MIT */
/* Which agent is meant, as people write it on the command line of `hostingpictl check`. */
#ifndef HOSTINGPI_CTL_CHECK_TARGET_H
#define HOSTINGPI_CTL_CHECK_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/addr.h"

/* Where [http] listens unless told otherwise. */
#define CHECK_PORT "9778"
/* A name in DNS has at most 253 characters (RFC 1035, 2.3.4, without the dot at its end). */
#define CHECK_HOST_SIZE 256
/* The longest refusal: a name, what is wrong with it, and what was expected. */
#define CHECK_ERROR_SIZE 512

struct check_target {
	const char *text; /* as it was written */
	bool named;	  /* host is a name that must be looked up; otherwise addr is valid */
	struct addr addr;
	char host[CHECK_HOST_SIZE]; /* for the Host header; an IPv6 address has brackets here */
	char port[6];
};

/*
 * Takes HOST, HOST:PORT or unix:PATH; an IPv6 address stands in brackets or alone. text must outlive the
 * target. Returns 0, or -EINVAL with one sentence in ret_error (CHECK_ERROR_SIZE bytes).
 */
int check_target_parse(const char *text, struct check_target *ret_target, char *ret_error,
		       size_t size);

#endif
