/* SPDX-License-Identifier: MIT */
/* What the result of a check is in the language of whoever asked. */
#ifndef HOSTINGPI_CTL_CHECK_EXIT_H
#define HOSTINGPI_CTL_CHECK_EXIT_H

#include "agent/ctl/check_ask.h"
#include "agent/ctl/client.h"

enum check_mode {
	CHECK_PLAIN,
	CHECK_KEEPALIVED,
	CHECK_NAGIOS,
};

/* Of the plain mode; 2 is wrong usage, as everywhere in hostingpictl. */
enum check_exit {
	CHECK_EXIT_UP = 0,
	CHECK_EXIT_NOT_UP = 1,	/* it says that it wants no new sessions */
	CHECK_EXIT_NOTHING = 3, /* no agent has answered */
};

/* Of monitoring plugins. */
enum nagios_exit {
	NAGIOS_OK = 0,
	NAGIOS_WARNING = 1,
	NAGIOS_CRITICAL = 2,
	NAGIOS_UNKNOWN = 3,
};

/* Of keepalived's misc_dynamic: 0 would leave the weight as it is, above that it is the weight plus 2. */
enum keepalived_exit {
	KEEPALIVED_FAILED = 1,
	KEEPALIVED_WEIGHT_0 = 2,
};

int check_exit_code(enum check_mode mode, const struct check_result *result);
/* Of wrong usage or a failure of our own. */
int check_exit_usage(enum check_mode mode);
/* The worse one of two codes of the plain mode. */
int check_exit_worse(int one, int other);

#endif
