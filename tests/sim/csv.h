/* SPDX-License-Identifier: MIT */
/* One line per run, or per second of one run, for other programs. */
#ifndef HOSTINGPI_SIM_CSV_H
#define HOSTINGPI_SIM_CSV_H

#include <stddef.h>

#include "tests/sim/result.h"

/* 0, or -1 with errno. */
int csv_write(const char *path, const struct run_result *results, size_t count);
int csv_write_series(const char *path, const struct series *series);

#endif
