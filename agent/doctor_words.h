/* SPDX-License-Identifier: MIT */
/* Readings as the doctor writes them. */
#ifndef HOSTINGPI_DOCTOR_WORDS_H
#define HOSTINGPI_DOCTOR_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/metric.h"

/* GROUP.NAME as in the documents, or GROUP and what it is for one that is not published. */
void doctor_name(const struct metric *metric, bool rate, char *ret_name, size_t size);

/* A value with the unit that fits its size; rate: in thousandths of the unit per second. */
void doctor_value(const struct metric *metric, int64_t value, bool rate, char *text, size_t size);

#endif
