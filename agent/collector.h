/* SPDX-License-Identifier: MIT */
/* A collector hands in samples and knows nothing of who uses them. */
#ifndef HOSTINGPI_COLLECTOR_H
#define HOSTINGPI_COLLECTOR_H

#include "agent/module.h"

struct collector {
	struct module module;
};

/* The one table of collectors, null-terminated. Defined outside agent/. */
extern const struct collector *const collectors[];

#endif
