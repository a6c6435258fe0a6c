/* SPDX-License-Identifier: MIT */
/*
 * Plots of the history as SVG inside the page. A plot is as wide as its place and keeps its height:
 * lines and texts are placed in percent and in pixels, so that letters keep their size on a phone; the
 * curve (page_curve.c) stands in an inner picture, which is stretched.
 *
 * All numbers of a picture stand in the words below it, which is what a screen reader gets.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/page_course.h"
#include "notifiers/page_curve.h"
#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

/* Pixels of a picture: the field of the curve, the line of the hours below it. */
#define TOP 16
#define HEIGHT 128
#define HOURS_Y (TOP + HEIGHT + 17)
#define ALL_HEIGHT (TOP + HEIGHT + 24)

enum line {
	LINE_NONE,
	LINE_RESERVE,
	LINE_TEMP_LIMIT,
};

static const struct plot {
	const char *group, *name, *title;
	int64_t floor, ceiling; /* the scale reaches at least from here to there */
	enum line line;
} plots[] = {
	{"mem", "headroom_bytes", "Headroom", 0, 1 << 20, LINE_RESERVE},
	{"lb", "weight", "Weight", 0, 100, LINE_NONE},
	{"web", "requests_s", "Requests per second", 0, 4000, LINE_NONE},
	{"soc", "temp_c", "Temperature", 30000, 60000, LINE_TEMP_LIMIT},
	{"sd", "write_latency_ms", "Time of a write to the card", 0, 20, LINE_NONE},
	{"swap", "out_bytes_s", "Written to swap", 0, 1000 << 20, LINE_NONE},
};

static const struct {
	const char *id, *title;
	int64_t tick_s; /* between two hours that are written */
} spans[HISTORY_SPANS] = {
	[HISTORY_HOUR] = {"hour", "last hour", 900},
	[HISTORY_DAY] = {"day", "last day", 21600},
};

/* One plot while it is drawn. */
struct drawing {
	struct page *page;
	const struct plot *plot;
	const struct metric *metric;
	bool rate;
	enum history_span span;
	struct course course;
	struct scale scale;
	bool has_line;
	int64_t line;
};

static struct html *out(const struct drawing *drawing)
{
	return &drawing->page->html;
}

static const char *put_value(const struct drawing *drawing, char text[static UNITS_SIZE],
			     int64_t value)
{
	return units_reading(text, drawing->metric, drawing->rate, value);
}

/* Pixels from the top of the outer picture. */
static int pixel_y(const struct drawing *drawing, int64_t value)
{
	return TOP + HEIGHT - (int)scale_at(&drawing->scale, value, HEIGHT);
}

static void find_line(struct drawing *drawing)
{
	const struct page *page = drawing->page;
	struct readings readings;

	switch (drawing->plot->line) {
	case LINE_NONE:
		return;
	case LINE_RESERVE:
		drawing->has_line = page_value(page, "mem", "reserve_bytes", &drawing->line);
		return;
	case LINE_TEMP_LIMIT:
		state_readings(page->snapshot.state, page->snapshot.now_ns, &readings);
		drawing->has_line = readings_has(&readings, ROLE_SOC_TEMP_LIMIT);
		drawing->line = readings.value[ROLE_SOC_TEMP_LIMIT];
		return;
	}
}

static void choose_scale(struct drawing *drawing)
{
	const struct course *course = &drawing->course;
	int64_t low = drawing->plot->floor, high = drawing->plot->ceiling;

	if (course->any) {
		low = course->least < low ? course->least : low;
		high = course->most > high ? course->most : high;
	}
	if (drawing->has_line) {
		low = drawing->line < low ? drawing->line : low;
		high = drawing->line > high ? drawing->line : high;
	}
	/* Of a rate there are thousandths. */
	int64_t byte = drawing->metric->unit != UNIT_BYTES ? 0 : drawing->rate ? 1000 : 1;
	drawing->scale = scale_choose(low, high, byte);
}

/* The numbers of the scale, in a picture of their own that keeps its width. */
static void put_numbers(const struct drawing *drawing)
{
	const struct scale *scale = &drawing->scale;
	char text[UNITS_SIZE];

	html_format(out(drawing), "<svg class=\"y\" height=\"%d\">", ALL_HEIGHT);
	for (int64_t value = scale->low; value <= scale->high; value += scale->step)
		html_format(out(drawing), "<text x=\"100%%\" y=\"%d\">%s</text>",
			    pixel_y(drawing, value) + 4, put_value(drawing, text, value));
	html_put(out(drawing), "</svg>");
}

static void put_grid(const struct drawing *drawing)
{
	const struct scale *scale = &drawing->scale;

	for (int64_t value = scale->low; value <= scale->high; value += scale->step) {
		int y = pixel_y(drawing, value);
		html_format(out(drawing), "<line x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>", y, y);
	}
}

/* Whole hours (or quarters) of local time, as clocks show them. */
static void put_hours(const struct drawing *drawing)
{
	int64_t now_ms = drawing->page->snapshot.ts_ms;
	int64_t tick_ms = spans[drawing->span].tick_s * 1000;
	int64_t length_ms =
		(int64_t)drawing->course.steps * (history_step_ns(drawing->span) / NS_PER_MS);
	int64_t zone_ms = units_zone_s(now_ms) * 1000;
	int64_t at_ms = now_ms - (now_ms + zone_ms) % tick_ms;

	for (; at_ms > now_ms - length_ms; at_ms -= tick_ms) {
		/* Thousandths of the width from the left. */
		int64_t x = 1000 - (now_ms - at_ms) * 1000 / length_ms;
		const char *anchor = x < 40 ? "start" : x > 960 ? "end" : "middle";
		char text[UNITS_SIZE];

		html_format(out(drawing),
			    "<line x1=\"%d.%d%%\" x2=\"%d.%d%%\" y1=\"%d\" y2=\"%d\"/>"
			    "<text x=\"%d.%d%%\" y=\"%d\" text-anchor=\"%s\">%s</text>",
			    (int)x / 10, (int)x % 10, (int)x / 10, (int)x % 10, TOP, TOP + HEIGHT,
			    (int)x / 10, (int)x % 10, HOURS_Y, anchor, units_hour(text, at_ms));
	}
}

static void put_limit(const struct drawing *drawing)
{
	int y = pixel_y(drawing, drawing->line);

	html_format(out(drawing),
		    "<line class=\"r\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>"
		    "<text class=\"rt\" x=\"4\" y=\"%d\">%s</text>",
		    y, y, y - 4, drawing->plot->line == LINE_RESERVE ? "reserve" : "slows down");
}

/* The curve stands in a picture that is stretched to its place. */
static void open_curve(const struct drawing *drawing)
{
	html_format(out(drawing),
		    "<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %zu %d\" "
		    "preserveAspectRatio=\"none\">",
		    TOP, HEIGHT, drawing->course.count * CURVE_COLUMN, CURVE_HEIGHT);
}

static void put_picture(const struct drawing *drawing, const char *id)
{
	html_format(out(drawing),
		    "<div class=\"plot\" role=\"img\" aria-labelledby=\"t-%s\" "
		    "aria-describedby=\"d-%s\">",
		    id, id);
	put_numbers(drawing);
	html_format(out(drawing), "<svg class=\"x\" height=\"%d\">", ALL_HEIGHT);
	open_curve(drawing);
	curve_put_gaps(out(drawing), &drawing->course);
	curve_put_band(out(drawing), &drawing->course, &drawing->scale);
	html_put(out(drawing), "</svg>");
	put_grid(drawing);
	put_hours(drawing);
	open_curve(drawing);
	curve_put_line(out(drawing), &drawing->course, &drawing->scale);
	html_put(out(drawing), "</svg>");
	if (drawing->has_line)
		put_limit(drawing);
	html_put(out(drawing), "</svg></div>");
}

/* When a step was, as a clock shows it. */
static const char *step_hour(const struct drawing *drawing, char text[static UNITS_SIZE],
			     size_t ago)
{
	int64_t step_ms = history_step_ns(drawing->span) / NS_PER_MS;

	return units_hour(text, drawing->page->snapshot.ts_ms - (int64_t)ago * step_ms);
}

/* The reading itself: the last step of a day is a mean of minutes. */
static void put_now(const struct drawing *drawing)
{
	const struct page *page = drawing->page;
	const char *name = drawing->rate ? drawing->metric->rate_name : drawing->metric->name;
	char text[UNITS_SIZE];
	int64_t value;

	if (page_value(page, drawing->metric->group, name, &value))
		html_format(out(drawing), "Now <b>%s</b>", put_value(drawing, text, value));
	else
		html_put(out(drawing), "Now <b>unknown</b>");
}

static void put_words(const struct drawing *drawing)
{
	const struct course *course = &drawing->course;
	char text[UNITS_SIZE], at[UNITS_SIZE];
	int64_t step_s = history_step_ns(drawing->span) / NS_PER_S;

	if (!course->any) {
		html_put(out(drawing), "Nothing was known in this time.");
		return;
	}
	put_now(drawing);
	if (course->least == course->most) {
		html_put(out(drawing), ", as all the time");
	} else {
		html_format(out(drawing), ", least %s at %s",
			    put_value(drawing, text, course->least),
			    step_hour(drawing, at, course->least_ago));
		html_format(out(drawing), ", most %s at %s", put_value(drawing, text, course->most),
			    step_hour(drawing, at, course->most_ago));
	}
	if (drawing->has_line)
		html_format(out(drawing), "; %s %s",
			    drawing->plot->line == LINE_RESERVE ? "the reserve is"
								: "it slows down at",
			    put_value(drawing, text, drawing->line));
	if (course->unknown > 0)
		html_format(out(drawing), "; unknown for %s",
			    units_span(text, (int64_t)course->unknown * step_s));
	html_put(out(drawing), ".");
}

/* The series of the history that a plot shows; -1: none is kept. */
static int find_series(const struct history *history, const struct plot *plot,
		       const struct metric **ret_metric, bool *ret_rate)
{
	for (size_t i = 0; i < history_count(history); i++) {
		*ret_metric = history_metric(history, i, ret_rate);
		const char *name = *ret_rate ? (*ret_metric)->rate_name : (*ret_metric)->name;
		if (name && strcmp((*ret_metric)->group, plot->group) == 0 &&
		    strcmp(name, plot->name) == 0)
			return (int)i;
	}
	return -1;
}

static void put_plot(struct page *page, const struct plot *plot, enum history_span span)
{
	const struct history *history = page->overview->history;
	struct drawing drawing = {.page = page, .plot = plot, .span = span};
	int series = find_series(history, plot, &drawing.metric, &drawing.rate);
	char id[32];

	if (series < 0)
		return;
	course_take(history, (size_t)series, span, page->snapshot.now_ns, &drawing.course);
	find_line(&drawing);
	choose_scale(&drawing);
	snprintf(id, sizeof(id), "%.4s%zu", spans[span].id, (size_t)(plot - plots));
	html_format(&page->html, "<figure><h3 id=\"t-%s\">%s<span class=\"soft\">, %s</span></h3>",
		    id, plot->title, spans[span].title);
	if (drawing.course.any)
		put_picture(&drawing, id);
	html_format(&page->html, "<figcaption id=\"d-%s\">", id);
	put_words(&drawing);
	html_put(&page->html, "</figcaption></figure>\n");
}

void page_put_plots(struct page *page)
{
	struct html *html = &page->html;

	html_put(html, "<section id=\"course\" aria-labelledby=\"h-course\">"
		       "<h2 id=\"h-course\">Over time</h2>"
		       "<fieldset><legend class=\"unseen\">Time that the plots show</legend>"
		       "<input type=\"radio\" name=\"span\" id=\"s-hour\" checked>"
		       "<label for=\"s-hour\">Last hour</label>"
		       "<input type=\"radio\" name=\"span\" id=\"s-day\">"
		       "<label for=\"s-day\">Last day</label></fieldset>"
		       "<p class=\"soft\">Line: mean. Band: least to most. Grey: "
		       "unknown.</p>\n");
	for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
		html_format(html, "<div id=\"%s\" class=\"plots\" data-live>\n", spans[span].id);
		for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++)
			put_plot(page, &plots[i], span);
		html_put(html, "</div>\n");
	}
	html_put(html, "</section>\n");
}
