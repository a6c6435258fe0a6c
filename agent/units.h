/* SPDX-License-Identifier: MIT */
/* Units of time, and a product that never overflows (32-bit Arm has no 128-bit integers). */
#ifndef HOSTINGPI_UNITS_H
#define HOSTINGPI_UNITS_H

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/*
 * a * b / c for c > 0. Where the product does not fit, precision is lost instead (a / c comes
 * first), and what does not fit even then is the largest value of that sign.
 */
static inline int64_t mul_div(int64_t a, int64_t b, int64_t c)
{
	int64_t product;
	if (!__builtin_mul_overflow(a, b, &product))
		return product / c;
	if (!__builtin_mul_overflow(a / c, b, &product))
		return product;
	return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

static inline int64_t clamp_i64(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

#endif
