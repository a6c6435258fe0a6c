/* SPDX-License-Identifier: MIT */
/*
 * Plain SVG 1.1: axes, lines, bands and text. Two sets of colours stand in one style sheet and the
 * viewer chooses, so that a picture is readable in light and dark surroundings; viewers that know
 * nothing of that show the light one. Text is escaped here, and nowhere else.
 */
#ifndef HOSTINGPI_SIM_SVG_H
#define HOSTINGPI_SIM_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Classes .c0 to .c11. */
#define SVG_COLOURS 12
#define SVG_FOREGROUND (-1)

enum svg_style {
	SVG_SOLID,
	SVG_DASHED,
	SVG_DOTTED,
	SVG_THICK,
};

/* Values low..high lie at the pixels from..to. */
struct svg_axis {
	double low, high;
	double from, to;
	bool logarithmic; /* of 1 + value, so that 0 has a place */
};

double svg_at(const struct svg_axis *axis, double value);

/* Starts a picture; NULL: errno says why. */
FILE *svg_begin(const char *path, double width, double height, const char *title);
/* Ends it. 0 or negative errno of whatever went wrong since it began. */
int svg_end(FILE *file);

enum svg_anchor {
	SVG_START,
	SVG_MIDDLE,
	SVG_END,
};

/* class: "title", "label", "tick" or "mark". */
void svg_text(FILE *file, double x, double y, enum svg_anchor anchor, const char *class,
	      const char *text);
void svg_rect(FILE *file, double x, double y, double width, double height, const char *class);
void svg_stroke(FILE *file, double x1, double y1, double x2, double y2, int colour,
		enum svg_style style);
void svg_dot(FILE *file, double x, double y, double radius, int colour, const char *title);

/* A line through (xs, ys); a value that is not a number is a gap. */
void svg_path(FILE *file, const struct svg_axis *x, const struct svg_axis *y, const double *xs,
	      const double *ys, size_t count, int colour, enum svg_style style);
/* The area between two lines without gaps. */
void svg_band(FILE *file, const struct svg_axis *x, const struct svg_axis *y, const double *xs,
	      const double *lows, const double *highs, size_t count, int colour);

/* Grid lines and numbers for a vertical axis, across from left to right. */
void svg_scale_y(FILE *file, const struct svg_axis *y, double left, double right, const char *unit);
/* The same for a horizontal one, from top to bottom; numbers only if unit is not NULL. */
void svg_scale_x(FILE *file, const struct svg_axis *x, double top, double bottom, const char *unit);

/* A step of 1, 2 or 5 times a power of ten, so that there are so many steps at most. */
double svg_step(double span, int steps);

#endif
