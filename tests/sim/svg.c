/* SPDX-License-Identifier: MIT */
/*
 * A line may have many more points than the picture has pixels. Of the points in one column of
 * pixels only the first, the lowest, the highest and the last are written: it looks the same.
 */
#include "tests/sim/svg.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Chosen to differ from each other, and from the background by a contrast of 4 and more. */
static const char *const light[SVG_COLOURS] = {
	"#0969da", "#bc4c00", "#cf222e", "#6e7781", "#1a7f37", "#8250df",
	"#bf3989", "#9a6700", "#0e7c86", "#7d4e33", "#4d5bd0", "#5c6b00",
};
static const char *const dark[SVG_COLOURS] = {
	"#58a6ff", "#f0883e", "#ff7b72", "#8b949e", "#3fb950", "#bc8cff",
	"#f778ba", "#d29922", "#39c5cf", "#c9a287", "#a0a9ff", "#b5c74a",
};

double svg_at(const struct svg_axis *axis, double value)
{
	double low = axis->low, high = axis->high;
	if (axis->logarithmic) {
		low = log10(1 + low);
		high = log10(1 + high);
		value = log10(1 + value);
	}
	return axis->from + (value - low) / (high - low) * (axis->to - axis->from);
}

static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", file);
			break;
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		case '"':
			fputs("&quot;", file);
			break;
		default:
			/* Control characters are not allowed in XML; bytes of UTF-8 are. */
			fputc((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text, file);
		}
	}
}

static void put_colours(FILE *file, const char *const *colours, const char *ground,
			const char *text, const char *grid, const char *mark)
{
	fprintf(file, ".ground{fill:%s}.title,.label,.tick,.mark{fill:%s}\n", ground, text);
	fprintf(file, ".grid{stroke:%s}.frame{fill:none;stroke:%s}.fg{stroke:%s}\n", grid, text,
		text);
	fprintf(file, ".span{fill:%s}.even{fill:%s}.odd{fill:%s}\n", mark, mark, grid);
	for (int i = 0; i < SVG_COLOURS; i++)
		fprintf(file, ".c%d{stroke:%s}.f%d{fill:%s}\n", i, colours[i], i, colours[i]);
}

FILE *svg_begin(const char *path, double width, double height, const char *title)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return NULL;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", file);
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
		"height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<title>",
		width, height, width, height);
	put_escaped(file, title);
	fputs("</title>\n<style type=\"text/css\">\n", file);
	fputs("text{font-family:sans-serif}.title{font-size:15px;font-weight:bold}\n"
	      ".label{font-size:12px}.tick,.mark{font-size:10px}\n"
	      "path,line{fill:none;stroke-width:1.4}.grid{stroke-width:0.6}\n"
	      ".s1{stroke-dasharray:5 3}.s2{stroke-dasharray:1.5 2.5}.s3{stroke-width:2.6}\n"
	      ".band{stroke:none;fill-opacity:0.16}.span{fill-opacity:0.5}\n",
	      file);
	put_colours(file, light, "#ffffff", "#1f2328", "#d0d7de", "#eaeef2");
	fputs("@media (prefers-color-scheme:dark){\n", file);
	put_colours(file, dark, "#0d1117", "#e6edf3", "#30363d", "#21262d");
	fputs("}\n</style>\n", file);
	svg_rect(file, 0, 0, width, height, "ground");
	return file;
}

int svg_end(FILE *file)
{
	fputs("</svg>\n", file);
	bool failed = ferror(file) != 0;
	if (fclose(file) != 0)
		return errno ? -errno : -EIO;
	return failed ? -EIO : 0;
}

void svg_text(FILE *file, double x, double y, enum svg_anchor anchor, const char *class,
	      const char *text)
{
	static const char *const anchors[] = {
		[SVG_START] = "start",
		[SVG_MIDDLE] = "middle",
		[SVG_END] = "end",
	};
	fprintf(file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y,
		anchors[anchor]);
	put_escaped(file, text);
	fputs("</text>\n", file);
}

void svg_rect(FILE *file, double x, double y, double width, double height, const char *class)
{
	fprintf(file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		class, x, y, fmax(width, 0), fmax(height, 0));
}

static void put_class(FILE *file, int colour, enum svg_style style)
{
	if (colour == SVG_FOREGROUND)
		fprintf(file, "class=\"fg s%d\"", (int)style);
	else
		fprintf(file, "class=\"c%d s%d\"", colour % SVG_COLOURS, (int)style);
}

void svg_stroke(FILE *file, double x1, double y1, double x2, double y2, int colour,
		enum svg_style style)
{
	fputs("<line ", file);
	put_class(file, colour, style);
	fprintf(file, " x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x1, y1, x2, y2);
}

void svg_dot(FILE *file, double x, double y, double radius, int colour, const char *title)
{
	fprintf(file,
		"<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill-opacity=\"%s\">"
		"<title>",
		colour % SVG_COLOURS, x, y, radius, radius < 4 ? "0.45" : "0.9");
	put_escaped(file, title);
	fputs("</title></circle>\n", file);
}

/* The points of one column of pixels; y grows downwards. */
struct column {
	long pixel;
	double x, first, low, high, last;
	bool open;
};

static void put_point(FILE *file, bool *pen, double x, double y)
{
	fprintf(file, "%c%.1f %.1f", *pen ? 'L' : 'M', x, y);
	*pen = true;
}

static void put_column(FILE *file, bool *pen, struct column *column)
{
	if (!column->open)
		return;
	put_point(file, pen, column->x, column->first);
	if (column->low < fmin(column->first, column->last))
		put_point(file, pen, column->x, column->low);
	if (column->high > fmax(column->first, column->last))
		put_point(file, pen, column->x, column->high);
	if (fabs(column->last - column->first) >= 0.05)
		put_point(file, pen, column->x, column->last);
	column->open = false;
}

static void put_points(FILE *file, const struct svg_axis *x, const struct svg_axis *y,
		       const double *xs, const double *ys, size_t count, bool *pen)
{
	struct column column = {0};
	for (size_t i = 0; i < count; i++) {
		double at = svg_at(x, xs[i]), value = isnan(ys[i]) ? NAN : svg_at(y, ys[i]);
		if (isnan(value) || (column.open && lround(at) != column.pixel))
			put_column(file, pen, &column);
		if (isnan(value)) {
			*pen = false;
			continue;
		}
		if (!column.open)
			column = (struct column){lround(at), at, value, value, value, value, true};
		column.low = fmin(column.low, value);
		column.high = fmax(column.high, value);
		column.last = value;
	}
	put_column(file, pen, &column);
}

void svg_path(FILE *file, const struct svg_axis *x, const struct svg_axis *y, const double *xs,
	      const double *ys, size_t count, int colour, enum svg_style style)
{
	bool pen = false;
	size_t first = 0;
	while (first < count && isnan(ys[first]))
		first++;
	if (first == count)
		return; /* a path without a point is not valid */
	fputs("<path ", file);
	put_class(file, colour, style);
	fputs(" d=\"", file);
	put_points(file, x, y, xs, ys, count, &pen);
	fputs("\"/>\n", file);
}

void svg_band(FILE *file, const struct svg_axis *x, const struct svg_axis *y, const double *xs,
	      const double *lows, const double *highs, size_t count, int colour)
{
	bool pen = false;
	long last = -1;
	if (count == 0)
		return;
	fprintf(file, "<path class=\"band f%d\" d=\"", colour % SVG_COLOURS);
	put_points(file, x, y, xs, highs, count, &pen);
	for (size_t i = count; i-- > 0;) {
		double at = svg_at(x, xs[i]);
		if (lround(at) == last)
			continue;
		last = lround(at);
		put_point(file, &pen, at, svg_at(y, lows[i]));
	}
	fputs("Z\"/>\n", file);
}

double svg_step(double span, int steps)
{
	if (!(span > 0))
		return 1;
	double step = pow(10, floor(log10(span / steps)));
	if (step * steps < span)
		step *= 2;
	if (step * steps < span)
		step *= 2.5;
	if (step * steps < span)
		step *= 2;
	return step;
}

/* The next number on an axis after value. */
static double next_tick(const struct svg_axis *axis, double value, double step)
{
	if (axis->logarithmic)
		return value < 1 ? 1 : value * 10;
	return value + step;
}

void svg_scale_y(FILE *file, const struct svg_axis *y, double left, double right, const char *unit)
{
	double step = svg_step(y->high - y->low, 5);
	double value = y->logarithmic ? 0 : ceil(y->low / step - 1e-9) * step;
	for (; value <= y->high + step * 1e-9; value = next_tick(y, value, step)) {
		double at = svg_at(y, value);
		char text[32];
		snprintf(text, sizeof(text), "%.10g", fabs(value) < step * 1e-6 ? 0 : value);
		fprintf(file,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			left, at, right, at);
		svg_text(file, left - 5, at + 3.5, SVG_END, "tick", text);
	}
	fprintf(file,
		"<text class=\"label\" transform=\"translate(%.1f %.1f) rotate(-90)\" "
		"text-anchor=\"middle\">",
		left - 46, (y->from + y->to) / 2);
	put_escaped(file, unit);
	fputs("</text>\n", file);
}

void svg_scale_x(FILE *file, const struct svg_axis *x, double top, double bottom, const char *unit)
{
	double step = svg_step(x->high - x->low, 12);
	double value = x->logarithmic ? 0 : ceil(x->low / step - 1e-9) * step;
	for (; value <= x->high + step * 1e-9; value = next_tick(x, value, step)) {
		double at = svg_at(x, value);
		char text[32];
		fprintf(file,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			at, top, at, bottom);
		snprintf(text, sizeof(text), "%.10g", fabs(value) < step * 1e-6 ? 0 : value);
		if (unit)
			svg_text(file, at, bottom + 14, SVG_MIDDLE, "tick", text);
	}
	if (unit)
		svg_text(file, (x->from + x->to) / 2, bottom + 30, SVG_MIDDLE, "label", unit);
}
