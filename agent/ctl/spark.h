/* SPDX-License-Identifier: MIT */
/* Sparklines: one character for each value, blocks of eight heights or, without UTF-8, ASCII. */
#ifndef HOSTINGPI_CTL_SPARK_H
#define HOSTINGPI_CTL_SPARK_H

#include <stddef.h>
#include <stdio.h>

#include "agent/ctl/text.h"

/* The last width of shares of 0..1, which are clamped, one character each; NAN is a gap. */
void spark_last(FILE *out, const struct style *style, const double *shares, size_t count,
		size_t width);

/*
 * All values, oldest first, in width characters at most: where there are more values than that, each
 * character stands for the mean of those that fall upon it. low is the lowest block, high the highest; if
 * they are the same all blocks are in the middle. NAN is a gap. Returns how many characters were written.
 */
size_t spark_all(FILE *out, const struct style *style, const double *values, size_t count,
		 size_t width, double low, double high);

#endif
