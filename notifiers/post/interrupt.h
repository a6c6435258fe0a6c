/* SPDX-License-Identifier: MIT */
/* A result also when a signal or the time limit ends the program: its line lies ready. */
#ifndef HOSTINGPI_POST_INTERRUPT_H
#define HOSTINGPI_POST_INTERRUPT_H

#include <stdint.h>

#include "notifiers/post/result.h"

/*
 * From here on SIGTERM, SIGINT and SIGHUP, and limit_ms being over, write the line of the last
 * interrupt_prepare(), of which there was one, and end the program with its exit code.
 */
void interrupt_open(int64_t limit_ms);
void interrupt_prepare(const struct result *result);
/* The signals wait: the program ends on its own now. */
void interrupt_close(void);

#endif
