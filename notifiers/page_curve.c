/* SPDX-License-Identifier: MIT */
/*
 * Along a curve each step is relative to the one before ("l2-3"), and level stretches are one step
 * ("h40"): four bytes a column instead of ten. A gap in what is known is a gap in the curve.
 */
#include "notifiers/page_curve.h"

struct curve {
	struct html *html;
	const struct course *course;
	const struct scale *scale; /* NULL where only gaps are drawn */
};

/* A line that is drawn as it comes: level stretches are joined. */
struct pen {
	struct html *html;
	int y;
	int level; /* units to the right that are not written yet */
};

static void pen_flush(struct pen *pen)
{
	if (pen->level) {
		html_put(pen->html, "h");
		html_int(pen->html, pen->level);
	}
	pen->level = 0;
}

static void pen_go(struct pen *pen, int dx, int y)
{
	if (y == pen->y) {
		pen->level += dx;
		return;
	}
	pen_flush(pen);
	html_put(pen->html, "l");
	html_int(pen->html, dx);
	if (y > pen->y)
		html_put(pen->html, " ");
	html_int(pen->html, y - pen->y);
	pen->y = y;
}

static int fine_y(const struct curve *curve, int64_t value)
{
	return CURVE_HEIGHT - (int)scale_at(curve->scale, value, CURVE_HEIGHT);
}

/* The columns first..end-1 are known: their mean as a line. */
static void put_line(const struct curve *curve, size_t first, size_t end)
{
	const struct history_point *points = curve->course->points;
	struct pen pen = {.html = curve->html, .y = fine_y(curve, points[first].mean)};

	html_format(pen.html, "M%zu %d", first * CURVE_COLUMN, pen.y);
	pen_go(&pen, CURVE_COLUMN / 2, pen.y);
	for (size_t i = first + 1; i < end; i++)
		pen_go(&pen, CURVE_COLUMN, fine_y(curve, points[i].mean));
	pen_go(&pen, CURVE_COLUMN / 2, pen.y);
	pen_flush(&pen);
}

/* ... and from their least to their most as an area, there and back. */
static void put_band(const struct curve *curve, size_t first, size_t end)
{
	const struct history_point *points = curve->course->points;
	struct pen pen = {.html = curve->html, .y = fine_y(curve, points[first].most)};

	html_format(pen.html, "M%zu %d", first * CURVE_COLUMN, pen.y);
	pen_go(&pen, CURVE_COLUMN / 2, pen.y);
	for (size_t i = first + 1; i < end; i++)
		pen_go(&pen, CURVE_COLUMN, fine_y(curve, points[i].most));
	pen_go(&pen, CURVE_COLUMN / 2, pen.y);
	pen_flush(&pen);
	pen.y = fine_y(curve, points[end - 1].least);
	html_format(pen.html, "V%d", pen.y);
	pen_go(&pen, -(CURVE_COLUMN / 2), pen.y);
	for (size_t i = end - 1; i-- > first;)
		pen_go(&pen, -CURVE_COLUMN, fine_y(curve, points[i].least));
	pen_go(&pen, -(CURVE_COLUMN / 2), pen.y);
	pen_flush(&pen);
	html_put(pen.html, "z");
}

static void put_gap(const struct curve *curve, size_t first, size_t end)
{
	html_format(curve->html, "M%zu 0h%zuv%dh-%zuz", first * CURVE_COLUMN,
		    (end - first) * CURVE_COLUMN, CURVE_HEIGHT, (end - first) * CURVE_COLUMN);
}

/* A path of all stretches of columns that are known, or that are not. */
static void put_path(const struct curve *curve, const char *class, bool known,
		     void (*put)(const struct curve *curve, size_t first, size_t end))
{
	const struct course *course = curve->course;
	bool any = false;

	for (size_t first = 0, end; first < course->count; first = end) {
		for (end = first + 1; end < course->count; end++)
			if (course->known[end] != course->known[first])
				break;
		if (course->known[first] != known)
			continue;
		if (!any)
			html_format(curve->html, "<path class=\"%s\" d=\"", class);
		any = true;
		put(curve, first, end);
	}
	if (any)
		html_put(curve->html, "\"/>");
}

void curve_put_gaps(struct html *html, const struct course *course)
{
	put_path(&(struct curve){.html = html, .course = course}, "n", false, put_gap);
}

void curve_put_band(struct html *html, const struct course *course, const struct scale *scale)
{
	put_path(&(struct curve){html, course, scale}, "b", true, put_band);
}

void curve_put_line(struct html *html, const struct course *course, const struct scale *scale)
{
	put_path(&(struct curve){html, course, scale}, "c", true, put_line);
}
