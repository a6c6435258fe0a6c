/* SPDX-License-Identifier: MIT */
/*
 * A strip of panels over one time axis. One run: a colour per quantity. Several laws on the same run:
 * a colour per law, and a panel per quantity. Several Pis are one line: their sum, their mean or the
 * worst, as the label says, with a band from the least to the most in the picture of one run.
 */
#include "tests/sim/result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/plot_colours.h"
#include "tests/sim/quantity.h"
#include "tests/sim/svg.h"

#define WIDTH 980.0
#define LEFT 66.0
#define RIGHT (WIDTH - 16)
#define TOP 42.0  /* title, and what the scenario is about */
#define LAWS 17.0 /* one row of the legend of several laws */
#define LAWS_A_ROW 8
#define GAP 32.0 /* between panels: the legend of the one below */
#define FOOT 46.0
#define STRIP 13.0 /* the row of states */
#define TITLE_SIZE 256
#define PANEL_LINES 3

enum where {
	ALWAYS,
	ONE_RUN,      /* a colour per quantity, so there may be several */
	SEVERAL_LAWS, /* a colour per law, so there is one */
};

struct panel_line {
	enum quantity quantity;
	const char *label;
	bool banded;
};

struct panel {
	enum where where;
	double height;
	double high; /* 0: as high as the values */
	const char *unit;
	struct panel_line lines[PANEL_LINES];
};

static const struct panel panels[] = {
	{ALWAYS, 150, 0, "MB", {{QUANTITY_HEADROOM, "headroom of the worst Pi", true}}},
	{ALWAYS, 80, 0, "MB", {{QUANTITY_SWAPPED, "swapped by all Pis", false}}},
	{ONE_RUN,
	 110,
	 0,
	 "MB",
	 {{QUANTITY_WEB, "web workers, mean of the Pis", false},
	  {QUANTITY_NONWEB, "other processes", false},
	  {QUANTITY_CACHE, "page cache", false}}},
	{ALWAYS, 110, 100, "%", {{QUANTITY_WEIGHT, "weight, mean of the Pis", true}}},
	{ONE_RUN,
	 120,
	 0,
	 "requests",
	 {{QUANTITY_BUSY, "at work on all Pis", false},
	  {QUANTITY_MAXCONN, "maxconn of all Pis", false},
	  {QUANTITY_QUEUED, "waiting in the balancers", false}}},
	{SEVERAL_LAWS, 100, 0, "requests", {{QUANTITY_MAXCONN, "maxconn of all Pis", false}}},
	{SEVERAL_LAWS, 100, 0, "requests", {{QUANTITY_BUSY, "at work on all Pis", false}}},
	{ONE_RUN,
	 150,
	 0,
	 "per second",
	 {{QUANTITY_GOOD, "good, mean of 5 s", false},
	  {QUANTITY_REFUSED, "refused", false},
	  {QUANTITY_OFFERED, "offered", false}}},
	{SEVERAL_LAWS,
	 120,
	 0,
	 "per second",
	 {{QUANTITY_GOOD, "good, mean of 5 s", false},
	  {QUANTITY_OFFERED, "offered to all laws", false}}},
	{SEVERAL_LAWS, 100, 0, "per second", {{QUANTITY_REFUSED, "refused, mean of 5 s", false}}},
};
#define PANELS (sizeof(panels) / sizeof(panels[0]))

struct picture {
	FILE *file;
	const struct series *const *series;
	size_t count; /* of series */
	double *xs;   /* all of these have room for the longest series */
	double *ys, *lows, *highs;
	double scale_x; /* seconds in one unit of the time axis */
	struct svg_axis x;
};

/* Fills ys, lows and highs. */
static void take_values(const struct picture *picture, const struct series *series,
			enum quantity quantity)
{
	for (size_t i = 0; i < series->count; i++) {
		picture->xs[i] = series->points[i].t_s / picture->scale_x;
		picture->ys[i] =
			quantity_at(series, i, quantity, &picture->lows[i], &picture->highs[i]);
	}
}

static bool banded(const struct picture *picture, const struct panel_line *line)
{
	return line->banded && picture->count == 1 && picture->series[0]->pis > 1;
}

static struct svg_axis range_of(const struct picture *picture, const struct panel *panel,
				double top)
{
	struct svg_axis y = {.from = top + panel->height, .to = top, .high = panel->high};
	for (size_t s = 0; s < picture->count && panel->high == 0; s++)
		for (const struct panel_line *line = panel->lines;
		     line < panel->lines + PANEL_LINES && line->quantity; line++) {
			take_values(picture, picture->series[s], line->quantity);
			const double *highs = banded(picture, line) ? picture->highs : picture->ys;
			for (size_t i = 0; i < picture->series[s]->count; i++) {
				y.low = fmin(y.low, picture->ys[i]);
				y.high = fmax(y.high, highs[i]);
			}
		}
	if (panel->high == 0) {
		double step = svg_step(fmax(y.high - y.low, 1), 5);
		y.high = ceil(fmax(y.high, 1) / step) * step;
		y.low *= 1.05;
	}
	return y;
}

/* Disturbances: grey from top to bottom. */
static void draw_marks(const struct picture *picture, double top, double bottom)
{
	const struct series *series = picture->series[0];
	for (int m = 0; m < series->mark_count && m < SERIES_MARKS; m++) {
		const struct series_mark *mark = &series->marks[m];
		double from = fmax(svg_at(&picture->x, mark->from_s / picture->scale_x), LEFT);
		double to = RIGHT;
		if (mark->to_s >= mark->from_s)
			to = fmin(svg_at(&picture->x, mark->to_s / picture->scale_x), RIGHT);
		if (to >= from)
			svg_rect(picture->file, from, top, to - from, bottom - top, "span");
	}
}

/* Their names, in the first panel. */
static void name_marks(const struct picture *picture, double top)
{
	const struct series *series = picture->series[0];
	for (int m = 0; m < series->mark_count && m < SERIES_MARKS; m++) {
		double x = svg_at(&picture->x, series->marks[m].from_s / picture->scale_x);
		if (x <= RIGHT)
			svg_text(picture->file, fmax(x, LEFT) + 3, top + 11 + 11 * (m % 8),
				 SVG_START, "mark", series->marks[m].label);
	}
}

/* Under several laws everybody is offered the same. */
static bool shared(const struct picture *picture, const struct panel_line *line)
{
	return picture->count > 1 && line->quantity == QUANTITY_OFFERED;
}

static void draw_legend(const struct picture *picture, const struct panel *panel, double y)
{
	double x = LEFT;
	for (int i = 0; i < PANEL_LINES && panel->lines[i].quantity; i++) {
		const struct panel_line *line = &panel->lines[i];
		bool one = picture->count == 1;
		if (one || i > 0) {
			svg_stroke(picture->file, x, y - 4, x + 22, y - 4, one ? i : SVG_FOREGROUND,
				   one ? SVG_SOLID : SVG_DOTTED);
			x += 27;
		}
		char label[TITLE_SIZE];
		snprintf(label, sizeof(label), "%s%s", line->label,
			 banded(picture, line) ? " (band: all Pis)" : "");
		svg_text(picture->file, x, y, SVG_START, "label", label);
		x += 22 + 6.4 * (double)strlen(label);
	}
}

static void draw_line(const struct picture *picture, const struct svg_axis *y,
		      const struct panel_line *line, const struct series *series, int colour)
{
	bool ours = picture->count > 1 && strcmp(series->law, RESULT_OURS) == 0;
	enum svg_style style = shared(picture, line) ? SVG_DOTTED : ours ? SVG_THICK : SVG_SOLID;

	take_values(picture, series, line->quantity);
	if (banded(picture, line))
		svg_band(picture->file, &picture->x, y, picture->xs, picture->lows, picture->highs,
			 series->count, colour);
	svg_path(picture->file, &picture->x, y, picture->xs, picture->ys, series->count, colour,
		 style);
}

static void draw_lines(const struct picture *picture, const struct panel *panel,
		       const struct svg_axis *y, const int *colours)
{
	for (int i = 0; i < PANEL_LINES && panel->lines[i].quantity; i++) {
		const struct panel_line *line = &panel->lines[i];
		if (shared(picture, line)) {
			draw_line(picture, y, line, picture->series[0], SVG_FOREGROUND);
			continue;
		}
		for (size_t s = 0; s < picture->count; s++)
			draw_line(picture, y, line, picture->series[s],
				  picture->count == 1 ? i : colours[s]);
	}
}

/* What the law of the first Pi called its state, as far as there is room for the word. */
static void draw_states(const struct picture *picture, double top)
{
	const struct series *series = picture->series[0];
	bool even = false;
	for (size_t from = 0, to; from < series->count; from = to) {
		const char *state = series->points[from].pi[0].state;
		state = state ? state : "";
		for (to = from + 1; to < series->count; to++) {
			const char *other = series->points[to].pi[0].state;
			if (strcmp(other ? other : "", state) != 0)
				break;
		}
		double x = svg_at(&picture->x, series->points[from].t_s / picture->scale_x);
		double end =
			to == series->count
				? RIGHT
				: svg_at(&picture->x, series->points[to].t_s / picture->scale_x);
		if (state[0])
			svg_rect(picture->file, x, top, end - x, STRIP, even ? "even" : "odd");
		if (end - x > 8 + 5.2 * (double)strlen(state))
			svg_text(picture->file, x + 3, top + 10, SVG_START, "tick", state);
		even = !even;
	}
}

static bool has_states(const struct picture *picture)
{
	const struct series *series = picture->series[0];
	for (size_t i = 0; picture->count == 1 && i < series->count; i++)
		if (series->points[i].pi[0].state && series->points[i].pi[0].state[0])
			return true;
	return false;
}

static double law_rows(const struct picture *picture)
{
	return picture->count > 1 ? ceil((double)picture->count / LAWS_A_ROW) : 0;
}

static bool stands(const struct picture *picture, const struct panel *panel)
{
	return panel->where == ALWAYS || (panel->where == ONE_RUN) == (picture->count == 1);
}

static const char *time_unit(double scale_x)
{
	return scale_x > 60 ? "hours" : scale_x > 1 ? "minutes" : "seconds";
}

static void draw_panels(const struct picture *picture, const int *colours, double bottom)
{
	double top = TOP + GAP + LAWS * law_rows(picture);
	for (size_t i = 0; i < PANELS; i++) {
		const struct panel *panel = &panels[i];
		if (!stands(picture, panel))
			continue;
		double low = top + panel->height;
		const struct svg_axis y = range_of(picture, panel, top);
		draw_marks(picture, top, low);
		svg_scale_y(picture->file, &y, LEFT, RIGHT, panel->unit);
		svg_scale_x(picture->file, &picture->x, top, low,
			    low + 1 > bottom ? time_unit(picture->scale_x) : NULL);
		draw_lines(picture, panel, &y, colours);
		svg_rect(picture->file, LEFT, top, RIGHT - LEFT, panel->height, "frame");
		draw_legend(picture, panel, top - 7);
		if (i == 0)
			name_marks(picture, top);
		top = low + GAP;
		if (panel->lines[0].quantity == QUANTITY_WEIGHT && has_states(picture)) {
			draw_states(picture, low + 3);
			top += STRIP;
		}
	}
}

/* Where the last panel ends. */
static double bottom_of(const struct picture *picture)
{
	double bottom = TOP + LAWS * law_rows(picture);
	for (size_t i = 0; i < PANELS; i++)
		if (stands(picture, &panels[i]))
			bottom += GAP + panels[i].height;
	return bottom + (has_states(picture) ? STRIP : 0);
}

static void draw_laws(const struct picture *picture, const int *colours)
{
	double x = LEFT, y = TOP + 11;
	for (size_t s = 0; s < picture->count; s++) {
		const char *law = picture->series[s]->law;
		if (s > 0 && s % LAWS_A_ROW == 0) {
			x = LEFT;
			y += LAWS;
		}
		svg_stroke(picture->file, x, y, x + 22, y, colours[s], SVG_THICK);
		svg_text(picture->file, x + 27, y + 4, SVG_START, "label", law);
		x += 46 + 6.6 * (double)strlen(law);
	}
}

static int draw(struct picture *picture, const char *path)
{
	const struct series *first = picture->series[0];
	int colours[PLOT_LAWS];
	const char *laws[PLOT_LAWS];
	char title[TITLE_SIZE];
	double bottom = bottom_of(picture);

	for (size_t s = 0; s < picture->count; s++)
		laws[s] = picture->series[s]->law;
	plot_colours(laws, picture->count, colours);
	snprintf(title, sizeof(title), "%s, %s, seed %" PRIu64 ", %d Pi%s of %.0f MB",
		 first->scenario, picture->count == 1 ? first->law : "several laws", first->seed,
		 first->pis, first->pis == 1 ? "" : "s", (double)first->total_bytes / 1e6);
	picture->file = svg_begin(path, WIDTH, bottom + FOOT, title);
	if (!picture->file)
		return -errno;
	svg_text(picture->file, LEFT, 20, SVG_START, "title", title);
	svg_text(picture->file, LEFT, 38, SVG_START, "label", first->about);
	if (picture->count > 1)
		draw_laws(picture, colours);
	draw_panels(picture, colours, bottom);
	return svg_end(picture->file);
}

static void set_time(struct picture *picture, size_t *ret_most)
{
	double end = 0;
	size_t most = 1;
	for (size_t s = 0; s < picture->count; s++) {
		const struct series *series = picture->series[s];
		if (series->count)
			end = fmax(end, series->points[series->count - 1].t_s);
		if (series->count > most)
			most = series->count;
	}
	picture->scale_x = end > 3 * 3600 ? 3600 : end > 1200 ? 60 : 1;
	picture->x = (struct svg_axis){
		.high = fmax(end, 1) / picture->scale_x, .from = LEFT, .to = RIGHT};
	*ret_most = most;
}

int plot_laws_svg(const char *path, const struct series *const *series, size_t count)
{
	struct picture picture = {.series = series, .count = count};
	size_t most;

	if (count == 0 || count > PLOT_LAWS)
		return -EINVAL;
	set_time(&picture, &most);
	double *numbers = calloc(most, 4 * sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	picture.xs = numbers;
	picture.ys = numbers + most;
	picture.lows = numbers + 2 * most;
	picture.highs = numbers + 3 * most;
	int r = draw(&picture, path);
	free(numbers);
	return r;
}

int plot_svg(const char *path, const struct series *series)
{
	return plot_laws_svg(path, &series, 1);
}
