/* SPDX-License-Identifier: MIT */
/* The temperatures at which the clock of the processor is lowered, and at which it is switched off. */
#ifndef HOSTINGPI_TEMPERATURE_LIMIT_H
#define HOSTINGPI_TEMPERATURE_LIMIT_H

#include <stdint.h>

/* What a limit can be, in thousandths of a degree: a sensor without one says 0, -274000 or 255875. */
#define TEMPERATURE_LIMIT_LEAST_MILLI (40 * 1000)
#define TEMPERATURE_LIMIT_MOST_MILLI (130 * 1000)

/*
 * Finds the limit. chip and zone are the folders of the hwmon chip and of the thermal zone of the
 * processor below root_fd; each may be NULL. Returns 0 and thousandths of a degree, or -ENODATA.
 */
int temperature_limit_find(int root_fd, const char *chip, const char *zone, int64_t *ret_milli);

/* The same for the critical temperature, at which the kernel switches the machine off. */
int temperature_critical_find(int root_fd, const char *chip, const char *zone, int64_t *ret_milli);

/* The same for the lowest active trip point of a zone, from which on the kernel runs a fan. */
int temperature_fan_find(int root_fd, const char *zone, int64_t *ret_milli);

#endif
