/* SPDX-License-Identifier: MIT */
/* The eight lower blocks of Unicode (U+2581..U+2588); the ASCII ones rise in the cell as far as they can. */
#include "agent/ctl/spark.h"

#include <math.h>

static void put_share(FILE *out, const struct style *style, double share)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char ascii[] = "_.-:=+*#";
	size_t level = share >= 1 ? 7 : share > 0 ? (size_t)(share * 8) : 0;

	if (isnan(share))
		fputc(' ', out);
	else if (style->utf8)
		fputs(blocks[level], out);
	else
		fputc(ascii[level], out);
}

void spark_last(FILE *out, const struct style *style, const double *shares, size_t count,
		size_t width)
{
	for (size_t i = count > width ? count - width : 0; i < count; i++)
		put_share(out, style, shares[i]);
}

/* Of those that are known; NAN: none is. */
static double mean(const double *values, size_t count)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		sum += values[i];
		known++;
	}
	return known > 0 ? sum / (double)known : (double)NAN;
}

size_t spark_all(FILE *out, const struct style *style, const double *values, size_t count,
		 size_t width, double low, double high)
{
	if (width > count)
		width = count;
	for (size_t i = 0; i < width; i++) {
		size_t first = i * count / width, end = (i + 1) * count / width;
		double value = mean(values + first, end - first);

		put_share(out, style, high > low ? (value - low) / (high - low) : value * 0 + 0.5);
	}
	return width;
}
