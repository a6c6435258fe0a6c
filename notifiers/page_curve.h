/* SPDX-License-Identifier: MIT */
/* The curve of a plot: paths in a picture of its own units, which is stretched to its place. */
#ifndef HOSTINGPI_PAGE_CURVE_H
#define HOSTINGPI_PAGE_CURVE_H

#include "notifiers/page_course.h"
#include "notifiers/page_html.h"

/* Units of that picture: a column is two wide, so that its middle is a whole number. */
#define CURVE_COLUMN 2
#define CURVE_HEIGHT 240

/* The stretches of which nothing is known (class n); of the others least to most (b), and mean (c). */
void curve_put_gaps(struct html *html, const struct course *course);
void curve_put_band(struct html *html, const struct course *course, const struct scale *scale);
void curve_put_line(struct html *html, const struct course *course, const struct scale *scale);

#endif
