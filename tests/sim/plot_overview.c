/* SPDX-License-Identifier: MIT */
/*
 * The whole comparison in one picture: what a law swaps to the right, what it serves upwards, so that
 * the best corner is the upper left one. A small dot is a scenario (the median of its good share, the
 * mean of what was swapped), a large one is all scenarios together. Swapping is drawn on the
 * logarithm of 1 + MB: nothing at all has its place, and so has half a gigabyte.
 */
#include "tests/sim/result.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "tests/sim/plot_colours.h"
#include "tests/sim/stats.h"
#include "tests/sim/svg.h"

#define WIDTH 760.0
#define HEIGHT 520.0
#define LEFT 66.0
#define RIGHT (WIDTH - 150) /* the names of the laws stand there */
#define TOP 60.0
#define BOTTOM (HEIGHT - 54)
#define ROW 19.0 /* of the legend */
#define PERCENT 100.0

/* Colours of the laws that every picture has; the others share what is left. */
static const char *const known[] = {RESULT_OURS, RESULT_STATIC, "none", RESULT_ORACLE};
#define KNOWN (sizeof(known) / sizeof(known[0]))

void plot_colours(const char *const *laws, size_t count, int *ret_colours)
{
	int next = KNOWN;
	for (size_t i = 0; i < count; i++) {
		int colour = -1;
		for (size_t k = 0; k < KNOWN; k++)
			if (strcmp(laws[i], known[k]) == 0)
				colour = (int)k;
		ret_colours[i] = colour >= 0 ? colour : next++ % SVG_COLOURS;
	}
}

static bool usable(const struct stats_cell *cell)
{
	return cell->judged && cell->shares > 0;
}

static void set_axes(const struct stats *stats, struct svg_axis *ret_x, struct svg_axis *ret_y)
{
	double most = 9, best = 1, least = 1;
	for (size_t scenario = 0; scenario <= stats->scenario_count; scenario++)
		for (size_t law = 0; law < stats->law_count; law++) {
			const struct stats_cell *cell = stats_cell(stats, scenario, law);
			if (!usable(cell))
				continue;
			most = fmax(most, cell->swapped_mean_mb);
			best = fmax(best, cell->good_median);
			least = fmin(least, cell->good_median);
		}
	double step = svg_step(PERCENT * (best - least) + 1, 6);
	*ret_x = (struct svg_axis){.high = most * 1.3, .from = LEFT + 12, .to = RIGHT};
	ret_x->logarithmic = true;
	*ret_y = (struct svg_axis){.from = BOTTOM, .to = TOP};
	ret_y->low = fmax(0, floor(PERCENT * least / step - 0.2) * step);
	ret_y->high = ceil(PERCENT * best / step + 0.2) * step;
}

static void draw_cell(FILE *file, const struct stats *stats, size_t scenario, size_t law,
		      const struct svg_axis *x, const struct svg_axis *y, int colour)
{
	const struct stats_cell *cell = stats_cell(stats, scenario, law);
	bool all = scenario == stats->scenario_count;
	char title[128];

	if (!usable(cell))
		return;
	snprintf(title, sizeof(title), "%s, %s: %.1f MB, %.1f %%", stats->laws[law],
		 all ? "all scenarios" : stats->scenarios[scenario], cell->swapped_mean_mb,
		 PERCENT * cell->good_median);
	svg_dot(file, svg_at(x, cell->swapped_mean_mb), svg_at(y, PERCENT * cell->good_median),
		all ? 7 : 3, colour, title);
}

static void draw(FILE *file, const struct stats *stats, const int *colours, const char *title)
{
	struct svg_axis x, y;

	set_axes(stats, &x, &y);
	svg_text(file, LEFT, 20, SVG_START, "title", title);
	svg_text(file, LEFT, 40, SVG_START, "label",
		 "large: all scenarios; small: one scenario; survivable runs only");
	svg_scale_y(file, &y, LEFT, RIGHT, "good responses, % of the oracle's, median");
	svg_scale_x(file, &x, TOP, BOTTOM,
		    "written to swap per run, MB, mean (logarithm of 1 + MB)");
	svg_rect(file, LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "frame");
	/* The large ones lie above the small ones. */
	for (size_t scenario = 0; scenario <= stats->scenario_count; scenario++)
		for (size_t law = 0; law < stats->law_count; law++)
			draw_cell(file, stats, scenario, law, &x, &y, colours[law]);
	for (size_t law = 0; law < stats->law_count; law++) {
		double at = TOP + 12 + ROW * (double)law;
		svg_dot(file, RIGHT + 18, at - 4, 5, colours[law], stats->laws[law]);
		svg_text(file, RIGHT + 30, at, SVG_START, "label", stats->laws[law]);
	}
}

int plot_overview_svg(const char *path, const struct run_result *results, size_t count)
{
	struct stats stats;
	int colours[SVG_COLOURS];
	char title[128];
	int r = stats_make(results, count, &stats);
	if (r < 0)
		return r;
	if (stats.law_count > SVG_COLOURS) {
		stats_clear(&stats);
		return -EINVAL;
	}
	plot_colours(stats.laws, stats.law_count, colours);
	snprintf(title, sizeof(title), "%zu scenarios, %zu runs of %zu laws", stats.scenario_count,
		 count, stats.law_count);
	FILE *file = svg_begin(path, WIDTH, HEIGHT, title);
	if (file) {
		draw(file, &stats, colours, title);
		r = svg_end(file);
	} else {
		r = -errno;
	}
	stats_clear(&stats);
	return r;
}
